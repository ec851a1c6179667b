/**
 * `deno task chaos [--seed N] [--minutes M] [--state embedded|server|both] [--scenario a,b] [--from COMMIT]`: faults against the real program,
 * counted against an oracle. Prints what it did, the seed and the tally; exit 1 when something was lost, told twice or wrong.
 */
import { parseArgs } from "node:util";
import { killAll } from "./harness/watcher.ts";
import { runChaos, SCENARIOS } from "./harness/scenarios.ts";
import type { StateChoice } from "./harness/chaos_run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    minutes: { type: "string", default: "20" },
    state: { type: "string", default: "both" },
    scenario: { type: "string", default: "default" },
    from: { type: "string" },
  },
});
const states: Record<string, readonly StateChoice[]> = {
  embedded: ["embedded"],
  server: ["server"],
  both: ["server", "embedded"],
};
const names = values.scenario === "default"
  ? SCENARIOS.filter(({ byDefault }) => byDefault).map(({ name }) => name)
  : values.scenario === "all"
  ? SCENARIOS.map(({ name }) => name)
  // `size` is all of size.rows, size.mentor, …
  : values.scenario.split(",").flatMap((wanted) => {
    const parts = SCENARIOS.map(({ name }) => name).filter((name) => name.startsWith(`${wanted}.`));
    return parts.length > 0 ? parts : [wanted];
  });
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const chosen = states[values.state];
if (chosen === undefined || !Number.isInteger(seed) || !(Number(values.minutes) > 0)) {
  throw new RangeError(
    "Usage: chaos [--seed N] [--minutes M] [--state embedded|server|both] [--scenario NAMES] [--from COMMIT]",
  );
}
const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown !== undefined) {
  throw new RangeError(`Unknown scenario "${unknown}": there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
}
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    killAll();
    say(`stopped by ${signal}; the seed was ${seed}`);
    Deno.exit(130);
  });
}
const run = await runChaos({
  seed,
  minutes: Number(values.minutes),
  states: chosen,
  names,
  say,
  ...values.from !== undefined && { from: values.from },
});
killAll();
Deno.exit(run.failures.length === 0 ? 0 : 1);
