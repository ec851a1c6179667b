import type { Readable } from "node:stream";
import { copyLines, CURSOR_END, type ExportQuery } from "../../sql/state/export.ts";
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
  const statement = copyLines(db.sql, query);
  const stream = await statement.readable() as unknown as Readable;
  const writer = new BlockWriter(sink, () => stream.resume());
  let lines = 0;
  let first: Uint8Array | null = null;
  let last: Uint8Array | null = null;
  let stopped = false;
  // Cancelling leaves the connection in order. What still arrives is read and dropped: a destroyed stream would make the
  // driver read no further, and closing the database would wait for it in vain.
  const stop = () => {
    if (stopped) return;
    stopped = true;
    statement.cancel();
    stream.resume();
  };
  stream.on("data", (row: Uint8Array) => {
    if (stopped) return;
    const end = row.indexOf(CURSOR_END);
    // No copies: the driver itself relies on received bytes staying as they are.
    last = row.subarray(0, end);
    first ??= last;
    lines++;
    if (lines % ON_WAY_LINES === 0) onWay(lines, idOf(last) ?? "");
    writer.add(row.subarray(end + 1));
    if (writer.failure !== null) stop();
    else if (writer.isFull) stream.pause();
  });
  const ended = new Promise<void>((resolve, reject) => stream.once("end", resolve).once("error", reject));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await ended;
    await orAborted(writer.drain(), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw writer.failure === null ? error : writer.failure.error;
  } finally {
    signal.removeEventListener("abort", stop);
    // The driver (postgres.js 3.4.9) stops reading its socket when rows pile up, and goes on when the stream asks for more: which
    // one that has ended never does. What the server says next, to whatever question, then lay unread for ever.
    stream._read(0);
  }
  return { lines, first: idOf(first), last: idOf(last) };
}

function idOf(cursor: Uint8Array | null): string | null {
  return cursor === null ? null : new TextDecoder().decode(cursor);
}
