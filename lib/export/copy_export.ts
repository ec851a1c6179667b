import { copyLines, CURSOR_END, type ExportQuery } from "../../sql/state/export.ts";
import { CopyOut } from "../drivers/postgres/copy_out.ts";
import type { StateDb } from "../state/state_db.ts";
import { BlockWriter } from "./block_writer.ts";
import { type Exported, orAborted } from "./byte_sink.ts";
import type { ExportWay } from "./lines_between.ts";

const ON_WAY_LINES = 4096;

/**
 * Streams lines by COPY, which sends one row a message: as fast as psql, in flat memory. One statement, one snapshot.
 * Throws what the sink throws (then the statement is cancelled), the signal's reason, or the server's error.
 */
export async function exportByCopy(
  db: StateDb,
  query: ExportQuery,
  { between, sink, signal, onWay }: ExportWay,
): Promise<Exported> {
  signal.throwIfAborted();
  const copy = await CopyOut.begin(copyLines(db.sql, query));
  const writer = new BlockWriter(sink, () => copy.resume());
  const encoder = new TextEncoder();
  const most = query.limit ?? Infinity;
  let lines = 0;
  let first: string | null = null;
  /** Begins with the id. Kept as it came, and not as a part of it: an array for each of millions of lines is much garbage. */
  let last: Uint8Array | null = null;
  const add = (row: Uint8Array, line: Uint8Array) => {
    last = row;
    first ??= idOf(row);
    lines++;
    if (lines % ON_WAY_LINES === 0) onWay(lines, idOf(row) ?? "");
    writer.add(line);
  };
  const addBefore = (eventId: string | null) => {
    while (lines < most) {
      const row = between.before(eventId);
      if (row === null) return;
      add(encoder.encode(row.event_id), encoder.encode(`${row.line}\n`));
    }
  };
  const take = (row: Uint8Array) => {
    if (!between.isOver) addBefore(idOf(row));
    if (lines >= most) return; // as many more came as there are lines between
    add(row, row.subarray(row.indexOf(CURSOR_END) + 1));
    if (writer.failure !== null) copy.stop();
    else if (writer.isFull) copy.pause();
  };
  try {
    await copy.rows(take, signal);
    addBefore(null);
    await orAborted(writer.drain(), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw writer.failure === null ? error : writer.failure.error;
  }
  return { lines, first, last: idOf(last) };
}

/** What stands before the end of the cursor; all of it where there is none. */
function idOf(row: Uint8Array | null): string | null {
  if (row === null) return null;
  const end = row.indexOf(CURSOR_END);
  return new TextDecoder().decode(end < 0 ? row : row.subarray(0, end));
}
