import * as q from "../../sql/state/quarantine.ts";
import type { LmsId } from "../model/event.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import type { Stream } from "./batch.ts";
import { sqlState } from "./fenced.ts";
import type { StateDb } from "./state_db.ts";

export interface QuarantinedRow {
  readonly id: LmsId;
  readonly reason: string;
  readonly tries: number;
  readonly firstSeen: EpochMicros;
  readonly lastSeen: EpochMicros;
}

/** Rows that could not be read or recorded, above `after`, ascending. */
export async function quarantinedRows(
  db: Pick<StateDb, "sql">,
  stream: Stream,
  after: LmsId | null = null,
  limit = 1000,
): Promise<QuarantinedRow[]> {
  return (await q.quarantinedRows(db.sql, stream.streamId, after, limit)).map((row) => ({
    id: row.row_key,
    reason: row.reason,
    tries: row.tries,
    firstSeen: fromInstant(row.first_seen),
    lastSeen: fromInstant(row.last_seen),
  }));
}

const WORDS: Readonly<Record<string, string>> = {
  "22003": "a number is out of range",
  "22008": "a time is out of range",
  "22021": "a text holds a NUL character",
  "22P02": "a value has the wrong form",
  "22P05": "a text holds a NUL character",
  "23502": "a value is missing",
  "23514": "a value is not allowed",
  "54000": "a value is too large",
};

/**
 * Why the state database refuses a row's values, when it is the row's fault; `null` for any other error. Names the column or
 * constraint where the server does, never the value: it may be personal.
 */
export function dataProblem(error: unknown): string | null {
  const state = sqlState(error);
  if (state === null || !(/^22...$/.test(state) || state in WORDS)) return null;
  const place = field(error, "constraint_name") ?? field(error, "column_name") ??
    /, column (\w+)/.exec(field(error, "where") ?? "")?.[1] ?? null;
  return `the state database refuses the row: ${WORDS[state] ?? "bad value"}${
    place ? ` (${place})` : ""
  }, SQLSTATE ${state}`;
}

function field(error: unknown, name: string): string | null {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}
