import type { HeaderValues } from "./exchange.ts";

/** One HTTP/1.1 answer. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderValues;
  /** `null` when the body was cut off, too long or not to be understood. */
  readonly text: string | null;
  /** The connection may carry another request. */
  readonly reusable: boolean;
}

const MAX_HEAD = 64 * 1024;
const MAX_CHUNK_LINE = 1024;
/** 100 Continue, 103 Early Hints: what may come before the answer proper. */
const MAX_INTERIM = 10;

const decoder = new TextDecoder();

/** Reads HTTP/1.1 answers from a connection, each of them whole (RFC 9112), and nothing beyond. */
export class AnswerReader {
  readonly #read: (into: Uint8Array) => Promise<number | null>;
  #bytes = new Uint8Array(8192);
  #from = 0;
  #to = 0;
  #reading: Promise<number | null> | null = null;

  /** `read` as of `Deno.Conn`. */
  constructor(read: (into: Uint8Array) => Promise<number | null>) {
    this.#read = read;
  }

  /**
   * Begins to read before anything was asked; whatever comes then, also the end, means that the connection is of no use any
   * more. The next answer() goes on with this read.
   */
  ahead(): Promise<unknown> {
    return this.#reading ??= this.#read(this.#room());
  }

  /** The next answer. Throws when none came, or something that is none. */
  async answer(maxBody: number): Promise<Answer> {
    for (let interim = 0; interim < MAX_INTERIM; interim++) {
      const head = parseHead(await this.#head());
      if (head.status >= 200) return await this.#withBody(head, maxBody);
    }
    throw new Error("too many interim answers");
  }

  async #withBody({ status, minor, fields }: Head, max: number): Promise<Answer> {
    const headers = { get: (name: string) => fields.get(name.toLowerCase()) ?? null };
    const coding = fields.get("transfer-encoding");
    const length = fields.get("content-length");
    const ended = coding === undefined && length === undefined && status !== 204 && status !== 304;
    let text: string | null = null;
    try {
      if (status === 204 || status === 304) text = "";
      else if (coding !== undefined) text = coding.toLowerCase() === "chunked" ? await this.#chunked(max) : null;
      else text = length === undefined ? await this.#untilTheEnd(max) : await this.#exactly(length, max);
    } catch {
      // Cut off: what is known of it is its head.
    }
    const said = (fields.get("connection") ?? "").toLowerCase();
    const reusable = text !== null && minor === "1" && !ended && !said.includes("close") && this.#from === this.#to &&
      !(coding !== undefined && length !== undefined);
    return { status, headers, text, reusable };
  }

  async #head(): Promise<string> {
    for (;;) {
      const end = this.#blankLine();
      if (end >= 0) {
        const head = decoder.decode(this.#bytes.subarray(this.#from, end));
        this.#from = end + 4;
        return head;
      }
      if (this.#to - this.#from > MAX_HEAD) throw new RangeError("the answer's head is too long");
      if (!await this.#more()) throw new Error("the connection was closed without an answer");
    }
  }

  async #exactly(length: string, max: number): Promise<string | null> {
    const count = /^\d{1,15}$/.test(length) ? Number(length) : Infinity;
    if (count > max) return null;
    return decoder.decode(await this.#take(count));
  }

  async #untilTheEnd(max: number): Promise<string | null> {
    while (await this.#more()) if (this.#to - this.#from > max) return null;
    return decoder.decode(await this.#take(this.#to - this.#from));
  }

  async #chunked(max: number): Promise<string | null> {
    const streaming = new TextDecoder();
    let text = "";
    for (let total = 0;;) {
      const size = /^([\da-f]{1,8})\s*(?:;.*)?$/i.exec(await this.#line())?.[1];
      if (size === undefined) return null;
      const count = Number.parseInt(size, 16);
      if (count === 0) break;
      total += count;
      if (total > max) return null;
      text += streaming.decode(await this.#take(count), { stream: true });
      if (await this.#line() !== "") return null;
    }
    for (let trailers = 0; await this.#line() !== ""; trailers++) if (trailers > 100) return null;
    return text + streaming.decode();
  }

  /** Up to the next line break, without it. */
  async #line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.subarray(0, this.#to).indexOf(10, this.#from);
      if (end >= 0) {
        const line = decoder.decode(this.#bytes.subarray(this.#from, end));
        this.#from = end + 1;
        return line.endsWith("\r") ? line.slice(0, -1) : line;
      }
      if (this.#to - this.#from > MAX_CHUNK_LINE) throw new RangeError("a chunk's line is too long");
      await this.#moreOrThrow();
    }
  }

  /** Valid until the next read. */
  async #take(count: number): Promise<Uint8Array> {
    while (this.#to - this.#from < count) await this.#moreOrThrow();
    this.#from += count;
    return this.#bytes.subarray(this.#from - count, this.#from);
  }

  #blankLine(): number {
    const bytes = this.#bytes;
    for (let at = bytes.indexOf(13, this.#from); at >= 0 && at + 3 < this.#to; at = bytes.indexOf(13, at + 1)) {
      if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
    }
    return -1;
  }

  async #moreOrThrow(): Promise<void> {
    if (!await this.#more()) throw new Error("the connection was closed within an answer");
  }

  /** False at the end. */
  async #more(): Promise<boolean> {
    this.#reading ??= this.#read(this.#room());
    try {
      const count = await this.#reading;
      if (count === null) return false;
      this.#to += count;
      return true;
    } finally {
      this.#reading = null;
    }
  }

  /** Where the next bytes go. */
  #room(): Uint8Array {
    if (this.#from === this.#to) this.#from = this.#to = 0;
    if (this.#to === this.#bytes.length) {
      const rest = this.#bytes.subarray(this.#from, this.#to);
      const roomier = new Uint8Array(Math.max(this.#bytes.length, rest.length * 2));
      roomier.set(rest);
      [this.#bytes, this.#from, this.#to] = [roomier, 0, rest.length];
    }
    return this.#bytes.subarray(this.#to);
  }
}

interface Head {
  readonly status: number;
  /** Of the HTTP version 1.x. */
  readonly minor: string;
  /** By name in lower case; a repeated one's values joined by commas. */
  readonly fields: ReadonlyMap<string, string>;
}

function parseHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const [, minor, status] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first) ?? [];
  if (minor === undefined) throw new SyntaxError("the answer is no HTTP/1.1");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1 || /\s/.test(line.slice(0, colon))) throw new SyntaxError("a header of the answer is malformed");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(status), minor, fields };
}
