import type { Clock } from "../base/clock.ts";
import { clockSkewS, TOLERATED_SKEW_S } from "../source/clock_skew.ts";
import type { LmsSource } from "../source/lms_source.ts";

/** Times that the LMS writes and times that this machine takes are compared: by lmsmon, and by who reads the messages. */
export async function lookAtClock(
  lms: Pick<LmsSource, "serverTime">,
  clock: Pick<Clock, "now">,
  ok: (part: "lms", message: string) => void,
  warn: (part: "lms", message: string, hint: string) => void,
): Promise<void> {
  const skewS = await clockSkewS(lms, clock);
  const amount = `${Math.abs(skewS).toLocaleString("en")} s`;
  if (Math.abs(skewS) <= TOLERATED_SKEW_S) {
    return ok("lms", `the clocks of its server and of this machine are ${amount} apart`);
  }
  warn(
    "lms",
    `the clock of the LMS's server is ${amount} ${skewS > 0 ? "ahead of" : "behind"} this machine's`,
    "set the wrong one right (NTP): times in messages, and the age of what is found, are off by as much",
  );
}
