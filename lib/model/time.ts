/**
 * Microseconds since 1970-01-01T00:00:00Z, as a whole JavaScript number.
 *
 * PostgreSQL and MariaDB keep microseconds; a number holds them exactly until the year 2255. A pass over millions of
 * rows carries three times a row, and numbers cost a tenth of `Temporal.Instant` there (and never lose digits as the old
 * date object does). Convert at the edges with {@link toInstant}.
 */
export type EpochMicros = number;

export const MICROS_PER_SECOND = 1_000_000;
const MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND;

export function fromInstant(instant: Temporal.Instant): EpochMicros {
  return Number(instant.epochNanoseconds / 1000n);
}

export function toInstant(micros: EpochMicros): Temporal.Instant {
  return Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);
}

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's `days_from_civil`). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear -
    719_468;
}

const TWO = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));
/** Two digits of 0 <= n < 100. */
const two = (n: number) => TWO[n] ?? "";
const pad = (n: number, width: number) => String(n).padStart(width, "0");

/**
 * `2026-11-20T09:15:00.500000Z`: UTC with `Z` and always six digits, the one spelling of times in exports and `--json`. Data tools
 * take a column's type from the form of its values.
 */
export function formatUtc(micros: EpochMicros): string {
  const days = Math.floor(micros / MICROS_PER_DAY);
  const inDay = micros - days * MICROS_PER_DAY;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const mp = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const seconds = Math.floor(inDay / MICROS_PER_SECOND);
  const fraction = inDay - seconds * MICROS_PER_SECOND;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const tail = fraction === 0 ? ".000000" : `.${pad(fraction, 6)}`;
  const date = year >= 1000 && year < 10_000 ? String(year) : pad(year, 4);
  return `${date}-${two(month)}-${two(day)}T${clock}${tail}Z`;
}
