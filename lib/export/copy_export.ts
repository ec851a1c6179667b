import type { Readable } from "node:stream";
import { copyLines, type ExportQuery } from "../../sql/state/export.ts";
import type { StateDb } from "../store/state_db.ts";
import { BlockWriter } from "./block_writer.ts";
import { type ByteSink, eventIdOf, type Exported, orAborted } from "./byte_sink.ts";

/** A line's beginning that holds its event id. */
const HEAD_BYTES = 64;

/**
 * Streams lines by COPY, which sends one row a message: as fast as psql, in flat memory. One statement, one snapshot.
 * Throws what the sink throws (then the statement is cancelled), the signal's reason, or the server's error.
 */
export async function exportByCopy(
  db: StateDb,
  query: ExportQuery,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<Exported> {
  signal.throwIfAborted();
  const statement = copyLines(db.sql, query);
  const stream = await statement.readable() as unknown as Readable;
  const writer = new BlockWriter(sink, () => stream.resume());
  const rows = new RowCount();
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
    rows.add(row);
    writer.add(row);
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
  return rows.exported();
}

/** Counts rows and keeps the first and the last one's id, without decoding those between. */
class RowCount {
  #count = 0;
  #first: string | null = null;
  #last: Uint8Array | null = null;

  add(row: Uint8Array): void {
    this.#first ??= idOf(row);
    // No copy: the driver itself relies on received bytes staying as they are.
    this.#last = row;
    this.#count++;
  }

  exported(): Exported {
    return { lines: this.#count, first: this.#first, last: this.#last === null ? null : idOf(this.#last) };
  }
}

function idOf(row: Uint8Array): string {
  return eventIdOf(new TextDecoder().decode(row.subarray(0, HEAD_BYTES)));
}
