import type postgres from "postgres";
import type { z } from "zod";
import type { Sql } from "../../../lib/state/state_db.ts";

type Described = { describe(): postgres.PendingDescribeQuery };
/** How a statement that answers rows is called, and the schema of its rows. */
type Reading<Query = Described, Row = unknown> = readonly [call: (sql: Sql) => Query, row: z.ZodType<Row>];
/** How a statement is called that answers nothing. */
type Writing<Query = Described> = (sql: Sql) => Query;
/** Why something that a module exports is no statement that can be described. */
type Excuse = string;

export type QueryCall = Reading | Writing | Excuse;

type CallOf<Query> = Query extends (...args: never) => postgres.PendingQuery<infer Rows>
  ? Excuse | (string extends keyof Rows[number] ? Writing<ReturnType<Query>> : Reading<ReturnType<Query>, Rows[number]>)
  : Excuse;

/** The compiler names what is missing, and what has the rows of another statement. */
export type CallsOf<Module> = {
  readonly [Name in keyof Module as Module[Name] extends (...args: never) => unknown ? Name : never]: CallOf<
    Module[Name]
  >;
};

// Arguments are of the right kind and otherwise meaningless: nothing of this is ever executed.
export const ID = "1";
export const IDS = "{1}";
export const TEXTS = "{a}";
export const TIMES = "{2026-01-01T00:00:00Z}";
export const TIME = "2026-01-01T00:00:00Z";
export const NOW = 1_767_225_600_000_000;
