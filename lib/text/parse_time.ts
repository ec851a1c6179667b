import { type EpochMicros, fromInstant } from "../model/time.ts";
import { UsageError } from "../base/errors.ts";
import { localDay } from "./local_time.ts";
import { parseDuration } from "./parse_duration.ts";

const HINT =
  "Write a duration (7d, 36h), a date (2026-11-20, yesterday, today), or a time with its zone (2026-11-20T09:15:00+05:30)";

/** Midnight of 0001-01-01, UTC: no database reads an ISO time of an earlier year, and nothing that is stored is older. */
const EARLIEST: EpochMicros = -62_135_596_800_000_000;

/** Days by name, as days before today. */
const DAYS: Readonly<Record<string, number | undefined>> = { today: 0, yesterday: 1 };
const DAYS_TO_COME: typeof DAYS = { ...DAYS, tomorrow: -1 };

/**
 * A moment as people write it: a duration means that long ago, a date, `today` and `yesterday` mean their midnight in `timezone`,
 * and a time needs its own zone (`Z`, an offset or `[Asia/Kolkata]`). What is before the year 1 is its beginning. `name` is the flag, for
 * the UsageError.
 */
export function parseTime(name: string, text: string, now: EpochMicros, timezone: string): EpochMicros {
  const ago = parseDuration(text);
  const moment = ago === null
    ? dayOrTime(name, text, timezone, parseDay(text.trim(), now, timezone, DAYS))
    : now - ago * 1000;
  return Math.max(EARLIEST, moment);
}

function dayOrTime(name: string, text: string, timezone: string, day: EpochMicros | null): EpochMicros {
  const moment = day ?? parseMoment(text.trim(), timezone);
  if (moment === null) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    const problem = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text.trim()) ? "has no zone" : "is no time";
    throw new UsageError(`Cannot read ${name}: ${JSON.stringify(shown)} ${problem}`, { hint: HINT });
  }
  return moment;
}

/** Clocks differ, and so do the dates of two zones. */
const GRACE_MICROS = 86_400 * 1_000_000;

/**
 * The same for how far back to look: a moment to come is a slip (`2027` for `2026`) after which nothing at all would be found, as if all
 * were well.
 */
export function parseTimePast(name: string, text: string, now: EpochMicros, timezone: string): EpochMicros {
  return notToCome(name, text, parseTime(name, text, now, timezone), now);
}

function notToCome(name: string, text: string, moment: EpochMicros, now: EpochMicros): EpochMicros {
  if (moment <= now + GRACE_MICROS) return moment;
  throw new UsageError(`Cannot use ${name}: ${JSON.stringify(text.slice(0, 40))} is to come`, {
    hint: "It says how far back to look: 7d (ago), 2026-11-20, yesterday, or a time with its zone",
  });
}

/** The same for a moment to come: a duration means so long from now, and what is over is refused. */
export function parseTimeToCome(name: string, text: string, now: EpochMicros, timezone: string): EpochMicros {
  const fromNow = parseDuration(text);
  const moment = fromNow === null
    ? dayOrTime(name, text, timezone, parseDay(text.trim(), now, timezone, DAYS_TO_COME))
    : now + fromNow * 1000;
  if (moment > now) return moment;
  throw new UsageError(`Cannot use ${name}: ${JSON.stringify(text.slice(0, 40))} is over`, {
    hint: "Write a duration from now (2h, 1d), tomorrow, a date to come, or a time with its zone",
  });
}

/** A whole day in `timezone`, from midnight to midnight. */
export function oneDay(name: string, text: string, now: EpochMicros, timezone: string) {
  const since = parseDay(text.trim(), now, timezone, DAYS) ??
    (/^\d{4}-\d\d-\d\d$/.test(text.trim()) ? parseMoment(text.trim(), timezone) : null);
  if (since === null) {
    throw new UsageError(`Cannot read ${name}: ${JSON.stringify(text.slice(0, 40))} is no day`, {
      hint: "Write yesterday, today or a date such as 2026-11-20",
    });
  }
  notToCome(name, text, since, now);
  const next = localDay(since, timezone).add({ days: 1 });
  return {
    since: Math.max(EARLIEST, since),
    until: Math.max(EARLIEST, fromInstant(next.toZonedDateTime(timezone).toInstant())),
  };
}

function parseDay(text: string, now: EpochMicros, timezone: string, names: typeof DAYS): EpochMicros | null {
  const days = names[text.toLowerCase()];
  if (days === undefined) return null;
  const today = localDay(now, timezone);
  return fromInstant(today.subtract({ days }).toZonedDateTime(timezone).toInstant());
}

function parseMoment(text: string, timezone: string): EpochMicros | null {
  // Only whole dates and times: Temporal would also take "202611" or "2026-W47", which more likely are slips.
  if (!/^\d{4}-\d\d-\d\d/.test(text) || text.length > 80) return null;
  try {
    if (text.length === 10) {
      return fromInstant(Temporal.PlainDate.from(text).toZonedDateTime(timezone).toInstant());
    }
    return fromInstant(
      text.endsWith("]") ? Temporal.ZonedDateTime.from(text).toInstant() : Temporal.Instant.from(text),
    );
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
