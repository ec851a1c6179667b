import type { QuietHours } from "../config/config.ts";
import type { EpochMicros } from "../model/time.ts";
import { localDay } from "../text/local_time.ts";
import { onDay } from "./digest_times.ts";

/**
 * The end of the quiet hours that `now` lies in, on the wall clock of `zone`; `null` when it is not quiet. They begin and
 * end once a day, also where the clock repeats or skips one of their times.
 */
export function quietUntil(now: EpochMicros, { from, to }: QuietHours, zone: string): EpochMicros | null {
  const today = localDay(now, zone);
  for (const days of [-1, 0]) {
    const day = today.add({ days });
    const begin = onDay(day, from, zone);
    const end = onDay(to > from ? day : day.add({ days: 1 }), to, zone);
    if (begin <= now && now < end) return end;
  }
  return null;
}
