import { z } from "zod";

// What the driver makes of a column of the state database (lib/state/driver_types.ts): the words that row schemas are made
// of. Rows are not parsed on the way: tests/state/query_contract_test.ts holds schemas and statements together.

/** bigint: more than a JavaScript number holds, so decimal text. */
export const int8 = z.string().regex(/^-?\d+$/);
/** integer and smallint. */
export const int4 = z.int();
export const float8 = z.number();
export const bool = z.boolean();
export const text = z.string();
export const timestamptz = z.instanceof(Temporal.Instant);
/** Whatever was written: whoever reads it parses it. */
export const jsonb = z.unknown();

/**
 * A column that the statement never leaves null although the catalog cannot tell: a computed one, or one that a condition
 * keeps from being null. Computed columns without it are `nullable()`.
 */
export const neverNull = <T extends z.ZodType>(column: T): T => column.meta({ nullability: "stated" });

/** A column that is `not null` in its table, and null here where an outer join found no row of it. */
export const outerJoined = <T extends z.ZodType>(column: T) => column.nullable().meta({ nullability: "stated" });
