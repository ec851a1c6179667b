/*
 * Fault: When the server ends a connection in the middle of a query, the driver keeps the server's last words, and rejects with them
 *   the first query of the connection that comes in its place, too.
 * Seen in: postgres.js 3.4.9 (`errorResponse` of connection.js outlives the socket).
 * Upstream: none known.
 * Delete when: after pg_terminate_backend() in the middle of a query the next query is answered.
 */

import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";

const ERROR = 0x45, READY = 0x5a, SEVERITY = 0x53;
const HEAD_BYTES = 5;
/** Longer than a server's last words: so much of the piece before is looked at with a short one, since they may come in two. */
const WORDS_BYTES = 1024;

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
  let before: Uint8Array = new Uint8Array();
  return Object.assign(socket, {
    emit: (event: string | symbol, ...values: unknown[]): boolean => {
      if (said !== null && event === "error") return emit(event, said);
      if (said !== null && event === "close") {
        emit("error", said);
        said = null;
      }
      const [bytes] = values;
      if (event !== "data" || !(bytes instanceof Uint8Array)) return emit(event, ...values);
      const error = isReady ? lastWords(before, bytes) : null;
      before = bytes.subarray(-WORDS_BYTES);
      isReady ||= bytes.at(-HEAD_BYTES - 1) === READY;
      if (error === null) return emit(event, ...values);
      said = error;
      emit(LAST_WORDS, bytes);
      socket.destroy();
      return true;
    },
  });
}

/**
 * The last message of `bytes` as an error, if it is one that ends the connection. What stands before it is of no use any more, and may
 * begin in the middle of a message, as rows that stream do. `before`: the end of what came before.
 */
function lastWords(before: Uint8Array, bytes: Uint8Array): Error | null {
  if (bytes.at(-1) !== 0) return null; // as an error ends; so that few rows are looked through
  const buffer = Buffer.concat(bytes.length < WORDS_BYTES ? [before, bytes] : [bytes.subarray(-WORDS_BYTES)]);
  let at = buffer.indexOf(ERROR);
  while (at >= 0 && !isErrorToTheEnd(buffer, at)) at = buffer.indexOf(ERROR, at + 1);
  if (at < 0) return null;
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

function isErrorToTheEnd(buffer: Buffer, at: number): boolean {
  return at + HEAD_BYTES < buffer.length && buffer.readInt32BE(at + 1) === buffer.length - at - 1 &&
    buffer[at + HEAD_BYTES] === SEVERITY;
}
