/**
 * The program as a test build: `LMSMON_FAIL_POINT=send.after_post:3` kills it with SIGKILL the third time it gets there.
 * Nothing of this file is part of a release.
 */
import { armFailPoints, FAIL_POINTS } from "../../../lib/base/fail_point.ts";
import { main } from "../../../main.ts";

const [name = "", nth = "1"] = (Deno.env.get("LMSMON_FAIL_POINT") ?? "").split(":");
if (name !== "" && !FAIL_POINTS.some((point) => point === name)) {
  throw new RangeError(`Unknown fail point "${name}"`);
}
let left = Number(nth);
armFailPoints((point) => {
  if (point === name && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
});
Deno.exit(await main(Deno.args));
