import { type EpochMicros, toInstant } from "../model/time.ts";

/** `2026-11-20 09:15`, or with seconds: a moment for people, by the clocks of `timezone`. */
export function localTime(at: EpochMicros, timezone: string, smallestUnit: "minute" | "second" = "minute"): string {
  return toInstant(at).toZonedDateTimeISO(timezone).toPlainDateTime().toString({ smallestUnit }).replace("T", " ");
}

/** The day that it is in `timezone` at that moment. */
export function localDay(at: EpochMicros, timezone: string): Temporal.PlainDate {
  return toInstant(at).toZonedDateTimeISO(timezone).toPlainDate();
}
