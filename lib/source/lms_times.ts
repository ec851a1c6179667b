import type { TimeForm } from "../../sql/lms/preset.ts";
import { daysFromCivil, type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";

/**
 * A time of the LMS: `null` for none, `undefined` when it is no time at all. `null` also for what some copies of an LMS write where
 * they have none, and for times at which no attempt can have happened: `0000-00-00`, `2026-00-00`, `infinity`, any date that is in no calendar,
 * before or at 1970-01-01 and from the year 9000 on.
 */
export type TimeReader = (text: string | null | undefined) => EpochMicros | null | undefined;

/** A reader for each way in which times are written; `null`: as the database writes them. */
export type TimeReaders = (form: TimeForm | null) => TimeReader;

/** Throws RangeError when the zone of zoneless times is unknown. */
export function timeReaders(timezone: string): TimeReaders {
  const local = timeReader(timezone);
  const utc = timeReader("UTC");
  return (form) => {
    switch (form) {
      case "unix_s":
        return unixReader(MICROS_PER_SECOND);
      case "unix_ms":
        return unixReader(1000);
      case "utc":
        return utc;
      default:
        return local;
    }
  };
}

/** A number of seconds or milliseconds since 1970: an instant, whatever zone anybody is in. 0 is none. */
function unixReader(microsEach: number): TimeReader {
  return (text) => {
    if (text === null || text === undefined || text.trim() === "") return null;
    const count = Number(text);
    return Number.isFinite(count) ? happened(Math.round(count * microsEach)) : undefined;
  };
}

/**
 * Reads times as both databases write them: `2026-11-20 09:15:00.123456`, with or without an offset (`+00`, `+05:30`,
 * `Z`), also with a `T`. Zoneless ones are in `timezone`; one that a clock change skipped is read with the offset before
 * the change, one that came twice as the first. Throws RangeError when the zone is unknown.
 */
export function timeReader(timezone: string): TimeReader {
  const offset = offsetOf(timezone);
  return (text) => {
    if (text === null || text === undefined || text === "") return null;
    const plain = plainTime(text);
    if (plain > 0) return happened(plain - offset(plain));
    const parts = TIME.exec(text);
    if (parts === null) return NO_TIME.test(text) ? null : undefined;
    const year = Number(parts[1]), month = Number(parts[2]), day = Number(parts[3]);
    const hour = Number(parts[4] ?? 0), minute = Number(parts[5] ?? 0), second = Number(parts[6] ?? 0);
    if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 24 || minute > 59 || second > 60) {
      return null;
    }
    const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    const micros = seconds * MICROS_PER_SECOND + Number((parts[7] ?? "").padEnd(6, "0").slice(0, 6));
    if (micros === 0) return null; // 1970-01-01 00:00:00 is how some imports write "none", in whatever zone
    if (parts[8] === undefined) return year < FIRST_YEAR || year > LAST_YEAR ? null : happened(micros - offset(micros));
    const zone = parts[8] === "Z" ? 0 : Number(parts[10]) * 3600 + Number(parts[11] ?? 0) * 60;
    return happened(micros - (parts[9] === "-" ? -zone : zone) * MICROS_PER_SECOND);
  };
}

/** Years of zoneless times that may be within what can be, whatever the zone. */
const FIRST_YEAR = 1969;
const LAST_YEAR = 9000;
const END = daysFromCivil(9000, 1, 1) * 86_400 * MICROS_PER_SECOND;

const happened = (micros: EpochMicros): EpochMicros | null => micros > 0 && micros < END ? micros : null;

/** Of any month that there is; in leap years one more in February. */
function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Dates that are written as such and that no attempt has: no end, before Christ, years of five digits and more. */
const NO_TIME = /^\s*(?:[-+]?infinity|[-+]?\d{1,7}-\d\d-\d\d(?:[ T]\d\d:[^a-z]*)?(?:BC|Z)?)\s*$/i;
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?\s*(Z|([+-])(\d\d)(?::?(\d\d))?(?::?\d\d)?)?$/;

/**
 * The form both databases write, `2026-11-20 09:15:00[.123456]`, without a regular expression: three times a row in a pass
 * over millions. 0 for any other form, which the slow way then reads or refuses.
 */
function plainTime(text: string): EpochMicros {
  const length = text.length;
  if (length < 19 || length > 26 || length === 20) return 0;
  let fraction = 0;
  let digits = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const expected = SEPARATORS[i];
    if (expected !== 0) {
      if (code !== expected) return 0;
    } else if (code < 48 || code > 57) return 0;
    else if (i > 19) {
      fraction = fraction * 10 + code - 48;
      digits++;
    }
  }
  const year = two(text, 0) * 100 + two(text, 2), month = two(text, 5), day = two(text, 8);
  const hour = two(text, 11), minute = two(text, 14), second = two(text, 17);
  if (
    year < 1970 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 ||
    second > 59
  ) {
    return 0;
  }
  const seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return seconds * MICROS_PER_SECOND + fraction * 10 ** (6 - digits);
}

const SEPARATORS = [..."0000-00-00 00:00:00.000000"].map((c) => c === "0" ? 0 : c.charCodeAt(0));
const two = (text: string, at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;

const QUARTER = 900 * MICROS_PER_SECOND;

/** Offset from UTC (micros) of a local time; every zone changes its clock on a quarter of an hour. */
function offsetOf(timezone: string): (local: EpochMicros) => number {
  new Intl.DateTimeFormat("en", { timeZone: timezone }); // throws for an unknown zone
  if (/^(utc|gmt|etc\/(utc|gmt|zulu|universal)|zulu|universal)$/i.test(timezone)) return () => 0;
  const known = new Map<number, number>();
  return (local) => {
    const quarter = Math.floor(local / QUARTER);
    const cached = known.get(quarter);
    if (cached !== undefined) return cached;
    const epoch = Temporal.Instant.fromEpochMilliseconds(quarter * (QUARTER / 1000));
    const zoned = epoch.toZonedDateTimeISO("UTC").toPlainDateTime()
      .toZonedDateTime(timezone, { disambiguation: "compatible" });
    // Not `offsetNanoseconds`: for a time in a gap that is the offset after the jump, and the difference is what counts.
    const offset = (epoch.epochMilliseconds - zoned.epochMilliseconds) * 1000;
    if (known.size >= 4096) known.clear();
    known.set(quarter, offset);
    return offset;
  };
}
