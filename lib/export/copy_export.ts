import { copyLines, CURSOR_END, type ExportQuery } from "../../sql/state/export.ts";
import { CopyOut } from "../drivers/postgres/copy_out.ts";
import type { StateDb } from "../state/state_db.ts";
import { BlockWriter } from "./block_writer.ts";
import { type ByteSink, type Exported, type OnWay, orAborted } from "./byte_sink.ts";

const ON_WAY_LINES = 4096;

/**
 * Streams lines by COPY, which sends one row a message: as fast as psql, in flat memory. One statement, one snapshot.
 * Throws what the sink throws (then the statement is cancelled), the signal's reason, or the server's error.
 */
export async function exportByCopy(
  db: StateDb,
  query: ExportQuery,
  sink: ByteSink,
  signal: AbortSignal,
  onWay: OnWay,
): Promise<Exported> {
  signal.throwIfAborted();
  const copy = await CopyOut.begin(copyLines(db.sql, query));
  const writer = new BlockWriter(sink, () => copy.resume());
  let lines = 0;
  let first: Uint8Array | null = null;
  let last: Uint8Array | null = null;
  const take = (row: Uint8Array) => {
    const end = row.indexOf(CURSOR_END);
    last = row.subarray(0, end);
    first ??= last;
    lines++;
    if (lines % ON_WAY_LINES === 0) onWay(lines, idOf(last) ?? "");
    writer.add(row.subarray(end + 1));
    if (writer.failure !== null) copy.stop();
    else if (writer.isFull) copy.pause();
  };
  try {
    await copy.rows(take, signal);
    await orAborted(writer.drain(), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw writer.failure === null ? error : writer.failure.error;
  }
  return { lines, first: idOf(first), last: idOf(last) };
}

function idOf(cursor: Uint8Array | null): string | null {
  return cursor === null ? null : new TextDecoder().decode(cursor);
}
