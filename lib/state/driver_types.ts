import type postgres from "postgres";
import { type EpochMicros, formatUtc } from "../model/time.ts";

const TIMESTAMPTZ = 1184;
const TIMESTAMP = 1114;
const DATE = 1082;

/**
 * What the driver converts besides text, numbers, booleans and json. int8 and numeric arrive as decimal text (their
 * default): they hold more than a JavaScript number does.
 *
 * A timestamptz parameter may be a `Temporal.Instant`, {@link EpochMicros} or ISO text with a zone; it is read as
 * `Temporal.Instant`. The old date object would cut microseconds off, and a "later than the last seen" query would then
 * read the same row for ever.
 */
export const driverTypes = {
  instant: {
    to: TIMESTAMPTZ,
    from: [TIMESTAMPTZ],
    serialize: writeTimestamptz,
    parse: readTimestamptz,
  },
  plainDate: {
    to: DATE,
    from: [DATE],
    serialize: (value: Temporal.PlainDate | string) => String(value),
    parse: (text: string) => Temporal.PlainDate.from(text),
  },
  // No column of ours has it; without this line the driver would make it a date object in the process's zone.
  timestamp: {
    to: TIMESTAMP,
    from: [TIMESTAMP],
    serialize: (value: string) => value,
    parse: (text: string) => text,
  },
} satisfies Record<string, postgres.PostgresType>;

function writeTimestamptz(value: Temporal.Instant | EpochMicros | string): string {
  return typeof value === "number" ? formatUtc(value) : String(value);
}

/** `2026-11-20 09:15:00.5+00`, as PostgreSQL writes it with DateStyle ISO in any zone. */
function readTimestamptz(text: string): Temporal.Instant {
  return Temporal.Instant.from(text);
}
