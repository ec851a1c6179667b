import * as q from "../../../sql/state/log_positions.ts";
import type { LmsId } from "../../model/event.ts";
import { fenced } from "../../state/fenced.ts";
import type { Lease } from "../../state/leases.ts";
import type { StateDb } from "../../state/state_db.ts";
import type { Stream } from "./batch.ts";

/** How far the LMS's log was read for a stream. */
export interface LogPosition {
  /** Reading goes on after this line; those that came lately are read again. `null`: from the beginning. */
  readonly cursor: LmsId | null;
  /** The highest line that was ever read. */
  readonly readTo: LmsId | null;
  /** How often lines may have been purged before they were read. */
  readonly overtaken: number;
}

export const NOTHING_READ: LogPosition = { cursor: null, readTo: null, overtaken: 0 };

export async function logPosition(db: Pick<StateDb, "sql">, stream: Stream): Promise<LogPosition> {
  const [row] = await q.logPosition(db.sql, stream.streamId);
  if (row === undefined) return NOTHING_READ;
  return { cursor: row.log_cursor, readTo: row.log_read_to, overtaken: row.log_overtaken };
}

/** After the rows that the lines speak of are stored: a crash in between reads the lines once more. */
export async function noteLogPosition(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  stream: Stream,
  { cursor, readTo, overtaken }: LogPosition,
): Promise<void> {
  await fenced(db, lease, (tx) => q.setLogPosition(tx, stream.streamId, cursor, readTo, overtaken));
}
