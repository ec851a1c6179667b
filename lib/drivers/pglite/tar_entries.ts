/*
 * Fault: PGlite unpacks an archive only into its memory as a whole, which costs several times its size.
 * Seen in: @electric-sql/pglite 0.5.16 (`loadDataDir`).
 * Upstream: none known.
 * Delete when: `loadDataDir` streams to a directory.
 */

/** A file or a directory of a tar archive. */
export interface TarEntry {
  /** Relative, without `.` and `..`. */
  readonly path: string;
  readonly isDirectory: boolean;
  readonly content: Uint8Array<ArrayBuffer>;
}

const BLOCK = 512;

/**
 * Reads a tar archive as it streams by, one entry in memory at a time. Knows what PGlite writes: files and directories with names
 * of up to 100 bytes; anything else is an error.
 */
export async function* tarEntries(archive: ReadableStream<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = new BlockReader(archive);
  for (;;) {
    const header = await reader.take(BLOCK);
    if (header === null || header.every((byte) => byte === 0)) return;
    const type = String.fromCharCode(header[156] ?? 0);
    if (!"05\0".includes(type)) throw new Error(`Cannot read the archive: an entry of type "${type}"`);
    const size = Number.parseInt(textAt(header, 124, 12), 8) || 0;
    const path = textAt(header, 0, 100).split("/").filter((part) => part !== "" && part !== ".").join("/");
    if (path.split("/").includes("..")) throw new Error(`Cannot read the archive: an entry named "${path}"`);
    const content = await reader.take(Math.ceil(size / BLOCK) * BLOCK);
    if (content === null) throw new Error("Cannot read the archive: it ends too early");
    if (path !== "") yield { path, isDirectory: type === "5", content: content.subarray(0, size) };
  }
}

function textAt(header: Uint8Array, from: number, length: number): string {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end)).trim();
}

/** Cuts a stream into pieces of wanted sizes. */
class BlockReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** `null` when the stream ends before. */
  async take(size: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const taken = new Uint8Array(size);
    for (let at = 0; at < size;) {
      if (this.#rest.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done) return null;
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, size - at);
      taken.set(piece, at);
      at += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return taken;
  }
}
