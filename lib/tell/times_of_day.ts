import { type EpochMicros, fromInstant } from "../model/time.ts";
import { localDay } from "../text/local_time.ts";
import type { QuietHours } from "../config/config.ts";

/**
 * The first digest time after `now`: `at` are minutes after midnight on the wall clock of `zone`. A time that a change of
 * the clock skips comes as much later as the clock moved; one that it repeats comes once, at its first occurrence.
 * `null` when there are no digest times.
 */
export function nextDigestTime(now: EpochMicros, at: readonly number[], zone: string): EpochMicros | null {
  if (at.length === 0) return null;
  const today = localDay(now, zone);
  // Tomorrow always has one that is still to come, unless its whole day is skipped (Samoa, 2011): hence a third day.
  const times = [0, 1, 2].flatMap((days) => at.map((minute) => onDay(today.add({ days }), minute, zone)));
  return Math.min(...times.filter((time) => time > now));
}

/** When a day's clock shows so many minutes after midnight; as much later as it jumps, where it skips them. */
export function onDay(day: Temporal.PlainDate, minute: number, zone: string): EpochMicros {
  const time = new Temporal.PlainTime(Math.floor(minute / 60), minute % 60);
  return fromInstant(day.toZonedDateTime({ timeZone: zone, plainTime: time }).toInstant());
}

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
