import type { Clock } from "../base/clock.ts";
import type { LmsSource } from "../source/lms_source.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";

/** How far apart the clocks of the LMS's server and of this machine may be before a time in a message looks wrong. */
const TOLERATED_SKEW_S = 60;

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

/** Seconds that the LMS's server is ahead of this machine (negative: behind), to within half of the time the answer took. */
async function clockSkewS(lms: Pick<LmsSource, "serverTime">, clock: Pick<Clock, "now">): Promise<number> {
  await lms.serverTime(); // the first answer may include the time to connect
  const asked = clock.now();
  const theirs = await lms.serverTime();
  const ours = (asked + clock.now()) / 2;
  return Math.round((theirs - ours) / MICROS_PER_SECOND);
}
