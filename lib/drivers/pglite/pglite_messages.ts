/*
 * Fault: PGlite executes messages of the protocol but answers no start-up, TLS or cancel request, and does not say
 *   when it is idle.
 * Seen in: PGlite 0.5.16.
 * Upstream: none known; @electric-sql/pglite-socket did not do either (it forwards one client at a time, and breaks on
 *   COPY).
 * Delete when: PGlite takes connections by itself.
 */

/**
 * The few messages of PostgreSQL's protocol (version 3) that an embedded database answers without its engine, and what
 * must be known of the others. Numbers are big endian.
 */
const text = new TextEncoder();

export const SSL_REQUEST = 80877103;
export const GSS_REQUEST = 80877104;
export const CANCEL_REQUEST = 80877102;

export const TERMINATE = 0x58; // X
export const QUERY = 0x51; // Q
export const PARSE = 0x50; // P
export const SYNC = 0x53; // S
const READY_FOR_QUERY = 0x5a; // Z
const IDLE = 0x49; // I

/** One message: type (absent for a startup packet), length, body. */
function message(type: string, ...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bodies = parts.map((part) => typeof part === "string" ? text.encode(`${part}\0`) : part);
  const length = 4 + bodies.reduce((sum, body) => sum + body.length, 0);
  const bytes = new Uint8Array(1 + length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setUint32(1, length);
  let at = 5;
  for (const body of bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

const int32 = (value: number) => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
};

export const query = (sql: string): Uint8Array => message("Q", sql);
export const closeStatement = (name: string): Uint8Array => message("C", text.encode("S"), name);
export const sync = (): Uint8Array => message("S");
export const readyForQuery = (): Uint8Array => message("Z", text.encode("I"));

/** ErrorResponse: severity, SQLSTATE and message. */
export function errorResponse(severity: "ERROR" | "FATAL", code: string, detail: string): Uint8Array {
  return message("E", `S${severity}`, `V${severity}`, `C${code}`, `M${detail}`, new Uint8Array(1));
}

/** What a server says after a startup packet: everybody is welcome who can open the socket. */
export function welcome(serverVersion: string): Uint8Array {
  const parameters = {
    server_version: serverVersion,
    server_encoding: "UTF8",
    client_encoding: "UTF8",
    DateStyle: "ISO, MDY",
    TimeZone: "UTC",
    integer_datetimes: "on",
    standard_conforming_strings: "on",
    in_hot_standby: "off",
    default_transaction_read_only: "off",
  };
  return concat([
    message("R", int32(0)),
    ...Object.entries(parameters).map(([name, value]) => message("S", name, value)),
    message("K", int32(0), int32(0)),
    readyForQuery(),
  ]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Cuts a stream of bytes into messages; startup packets have no type. */
export class MessageReader {
  #rest: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? chunk : concat([this.#rest, chunk]);
  }

  /** The next startup packet's body, or `null` when it has not all arrived. */
  startup(): DataView | null {
    const bytes = this.#take(0);
    return bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset + 4, bytes.length - 4);
  }

  /** The next message, whole, or `null`. */
  message(): Uint8Array | null {
    return this.#take(1);
  }

  #take(lengthAt: 0 | 1): Uint8Array | null {
    const bytes = this.#rest;
    if (bytes.length < lengthAt + 4) return null;
    const length = new DataView(bytes.buffer, bytes.byteOffset + lengthAt).getUint32(0);
    const end = lengthAt + length;
    if (length < 4) throw new RangeError(`Cannot read a message: its length is ${length}`);
    if (bytes.length < end) return null;
    this.#rest = bytes.subarray(end);
    return bytes.subarray(0, end);
  }
}

/** What the client says of itself: behind the protocol's number, names and values in turn. */
export function startupParameters(packet: DataView): Map<string, string> {
  const bytes = new Uint8Array(packet.buffer, packet.byteOffset + 4, Math.max(0, packet.byteLength - 4));
  const words = new TextDecoder().decode(bytes).split("\0");
  return new Map(words.flatMap((name, i) => i % 2 === 0 && name !== "" ? [[name, words[i + 1] ?? ""]] : []));
}

/** The name of the prepared statement that a Parse message makes, and its SQL. */
export function parsed(message: Uint8Array): { readonly name: string; readonly sql: string } {
  const nameEnd = message.indexOf(0, 5);
  const decode = (from: number, to: number) => new TextDecoder().decode(message.subarray(from, to));
  return { name: decode(5, nameEnd), sql: decode(nameEnd + 1, message.indexOf(0, nameEnd + 1)) };
}

/** The SQL of a Query message. */
export function queried(message: Uint8Array): string {
  return new TextDecoder().decode(message.subarray(5, message.length - 1));
}

/** Follows an engine's answers for what ends an exchange: "ready, and in no transaction". */
export class IdleWatcher {
  readonly #reader = new MessageReader();
  #idle = true;

  /** Whether the last ReadyForQuery said so and nothing came after it. */
  get idle(): boolean {
    return this.#idle;
  }

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
    for (let next = this.#reader.message(); next !== null; next = this.#reader.message()) {
      this.#idle = next[0] === READY_FOR_QUERY && next[5] === IDLE;
    }
  }

  /** A message went to the engine: not idle until it says so again. */
  sent(): void {
    this.#idle = false;
  }
}
