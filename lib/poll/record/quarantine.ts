import * as q from "../../../sql/state/quarantine.ts";
import type { LmsId } from "../../model/event.ts";
import { type EpochMicros, fromInstant } from "../../model/time.ts";
import type { Stream } from "./batch.ts";
import { StateError } from "../../base/errors.ts";
import { errorCode } from "../../base/database_errors.ts";
import { arrayLiteral } from "../../state/array_literal.ts";
import { fenced } from "../../state/fenced.ts";
import type { Lease } from "../../state/leases.ts";
import type { StateDb } from "../../state/state_db.ts";

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

/** A row whose key no id can be: its key as the LMS writes it. */
export interface OddKey {
  readonly key: string;
  readonly reason: string;
}

/** Keeps rows in quarantine that have no id to be kept under. */
export async function quarantineOddKeys(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  stream: Stream,
  odd: readonly OddKey[],
): Promise<void> {
  const keys = arrayLiteral(odd.map(({ key }) => key));
  const reasons = arrayLiteral(odd.map(({ reason }) => reason));
  await fenced(db, lease, (tx) => q.quarantineKeys(tx, stream.streamId, keys, reasons));
}

const WORDS: Readonly<Record<string, string>> = {
  "22003": "a number is out of range",
  "22008": "a time is out of range",
  "22021": "a text holds a NUL character",
  "22P02": "a value has the wrong form",
  "22P05": "a text holds a NUL character",
  "54000": "a value is too large",
};

/**
 * Why the state database cannot hold a row's values, when it is the row's fault; `null` for any other error. Names the column
 * where the server does, never the value: it may be personal. A rule of lmsmon's own schema that is broken is no fault of
 * the row, see {@link brokenRule}: in quarantine it would go unnoticed.
 */
export function dataProblem(error: unknown): string | null {
  const state = errorCode(error);
  if (state === null || !(/^22...$/.test(state) || state in WORDS)) return null;
  const place = field(error, "column_name") ??
    /, column (\w+)/.exec(field(error, "where") ?? "")?.[1] ?? null;
  return `the state database refuses the row: ${WORDS[state] ?? "bad value"}${
    place ? ` (${place})` : ""
  }, SQLSTATE ${state}`;
}

/**
 * A CHECK, NOT NULL or foreign key of lmsmon's own tables refused what lmsmon wrote, as a StateError; `null` for any other
 * error. Happens when program and schema do not fit, such as an event type that no migration has added.
 */
export function brokenRule(error: unknown): StateError | null {
  const state = errorCode(error);
  if (state !== "23514" && state !== "23502" && state !== "23503") return null;
  const table = field(error, "table_name");
  const rule = field(error, "constraint_name") ?? field(error, "column_name") ?? "unknown";
  return new StateError(
    `Cannot write to the state database: rule "${rule}"${table === null ? "" : ` of table "${table}"`} refuses it`,
    {
      cause: error,
      hint:
        "the program and the state's schema do not fit: run `lmsmon migrate --status`, and report it when that is clean",
    },
  );
}

function field(error: unknown, name: string): string | null {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}
