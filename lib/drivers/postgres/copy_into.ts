/*
 * Fault: The driver resolves the query when COPY begins. An error at its end (a duplicate key, say) goes to a promise
 *   that is settled already, and the stream never finishes.
 * Seen in: postgres.js 3.4.9.
 * Upstream: porsager/postgres#1173; #1183 is a change that would mend it.
 * Delete when: a `copy … from stdin` that breaks a unique key rejects through the driver's own stream.
 */

import type { Writable } from "node:stream";
import type postgres from "postgres";

/**
 * Large enough that the driver's and the server's cost per chunk vanish, small enough that a slow network brings one in a fraction
 * of a second: the server counts whole chunks, and by that others see that the process goes on.
 */
const CHUNK_CHARS = 32 * 1024;
const encoder = new TextEncoder();

/**
 * One line of COPY's text format, without its end. `values` are used up: they become the line's cells. `texts`: positions that
 * may need escapes; the others are numbers, ids, times and words of ours.
 */
export function copyLine(values: (string | null)[], texts: readonly number[]): string {
  for (const i of texts) {
    const value = values[i];
    if (value && NEEDS_ESCAPE.test(value)) values[i] = escape(value);
  }
  for (let i = 0; i < values.length; i++) if (values[i] === null) values[i] = "\\N";
  return values.join("\t"); // flat: a line put together piece by piece takes three times the memory while it waits
}

const NEEDS_ESCAPE = /[\\\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escape(value: string): string {
  return value.replace(/[\\\t\n\r]/g, (sign) => ESCAPES[sign] ?? sign);
}

/**
 * Streams lines into a `copy … from stdin` query, in chunks, waiting whenever the server is behind. Rejects with the
 * server's error (PostgresError), also when it comes after the last line.
 */
export async function copyInto(query: postgres.PendingQuery<postgres.Row[]>, lines: Iterable<string>): Promise<void> {
  const writable = query.writable();
  // Listen where the driver reports an error after the last line, since its promise is settled by then.
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const inner = query as unknown as { reject(error: unknown): void };
  const driverReject = inner.reject;
  inner.reject = (error) => {
    driverReject(error);
    reject(error);
  };
  const stream = await writable as Writable;
  const finished = new Promise<void>((resolve, rejectFinished) => {
    stream.once("finish", resolve);
    stream.once("error", rejectFinished);
  });
  finished.catch(() => {});
  const ended = Promise.race([finished, failed]);
  ended.catch(() => {});
  const write = async (text: string) => {
    if (stream.destroyed) return;
    if (!stream.write(encoder.encode(text))) {
      await Promise.race([new Promise<void>((resolve) => stream.once("drain", resolve)), ended]);
    }
  };
  let chunk = "";
  // The chunk on its way is awaited when the next one is ready: lines are made while the server works.
  let underway: Promise<void> = Promise.resolve();
  try {
    for (const line of lines) {
      chunk += line + "\n";
      if (chunk.length < CHUNK_CHARS) continue;
      await underway;
      underway = write(chunk);
      underway.catch(() => {});
      chunk = "";
    }
    await underway;
    if (chunk !== "") await write(chunk);
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error("copy stopped"));
    throw error;
  }
  if (!stream.destroyed) stream.end();
  await ended;
}
