import type { Clock } from "../base/clock.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { LmsSource } from "./lms_source.ts";

/** How far apart the clocks of the LMS's server and of this machine may be before a time in a message looks wrong. */
export const TOLERATED_SKEW_S = 60;

/** Seconds that the LMS's server is ahead of this machine (negative: behind), to within half of the time the answer took. */
export async function clockSkewS(lms: Pick<LmsSource, "serverTime">, clock: Pick<Clock, "now">): Promise<number> {
  await lms.serverTime(); // the first answer may include the time to connect
  const asked = clock.now();
  const theirs = await lms.serverTime();
  const ours = (asked + clock.now()) / 2;
  return Math.round((theirs - ours) / MICROS_PER_SECOND);
}
