/*
 * Fault: When the server ends a connection in the middle of a query, the driver keeps the server's last words, and rejects with them
 *   the first query of the connection that comes in its place, too.
 * Seen in: postgres.js 3.4.9 (`errorResponse` of connection.js outlives the socket).
 * Upstream: none known.
 * Delete when: after pg_terminate_backend() in the middle of a query the next query is answered.
 */

import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

const ERROR = 0x45, READY = 0x5a;
const HEAD_BYTES = 5;

/** The event by which a socket gives them to others than the driver, as bytes. */
export const LAST_WORDS = "last_words";

/**
 * Hands what the server says as it ends a connection to the driver as an error of the socket: that ends what is under way, with the
 * server's own code and words, and nothing else. Refusals while a connection is being made are the driver's.
 *
 * The driver hears it as the socket closes, not before: until then it takes the connection for one that can be asked, and whoever was
 * told earlier and asks again could be given it.
 */
export function hearLastWords(socket: Duplex): Duplex {
  const emit = socket.emit.bind(socket);
  let isReady = false;
  let said: Error | null = null;
  return Object.assign(socket, {
    emit: (event: string | symbol, ...values: unknown[]): boolean => {
      if (said !== null && event === "error") return emit(event, said);
      if (said !== null && event === "close") {
        emit("error", said);
        said = null;
      }
      const [bytes] = values;
      if (event !== "data" || !(bytes instanceof Uint8Array)) return emit(event, ...values);
      const error = isReady ? lastWords(bytes) : null;
      isReady ||= bytes.at(-HEAD_BYTES - 1) === READY;
      if (error === null) return emit(event, ...values);
      said = error;
      emit(LAST_WORDS, bytes);
      socket.destroy();
      return true;
    },
  });
}

/** The last message of `bytes` as an error, if it is one that ends the connection. What stands before it is of no use any more. */
function lastWords(bytes: Uint8Array): Error | null {
  if (bytes.at(-1) !== 0 || bytes.at(-2) !== 0) return null; // as an error ends; so that rows are not walked through
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let end = 0; end < buffer.length;) {
    at = end;
    if (at + HEAD_BYTES > buffer.length) return null;
    end += buffer.readInt32BE(at + 1) + 1;
    if (end <= at || end > buffer.length) return null;
  }
  if (buffer[at] !== ERROR) return null;
  const fields = new Map(
    buffer.toString("utf8", at + HEAD_BYTES).split("\0").flatMap((field) =>
      field === "" ? [] : [[field.slice(0, 1), field.slice(1)] as const]
    ),
  );
  const severity = fields.get("V") ?? fields.get("S");
  if (severity !== "FATAL" && severity !== "PANIC") return null;
  return Object.assign(new Error(fields.get("M") ?? "the server ended the connection"), {
    name: "PostgresError",
    code: fields.get("C") ?? "CONNECTION_CLOSED",
    severity,
  });
}
