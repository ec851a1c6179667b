import type { ByteSink } from "./byte_sink.ts";
import type { ExportLine } from "./line_schemas.ts";

const LINE_FEED = 0x0a;

/** Hands on whole lines: what an export writes ends wherever a block is full. */
export class WholeLines implements ByteSink {
  #rest: Uint8Array = new Uint8Array(0);

  constructor(private readonly take: (lines: Uint8Array) => Promise<void>) {}

  async write(bytes: Uint8Array): Promise<void> {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end === 0) return void (this.#rest = joined(this.#rest, bytes));
    const lines = this.#rest.length === 0 ? bytes.subarray(0, end) : joined(this.#rest, bytes.subarray(0, end));
    this.#rest = bytes.slice(end); // a copy: the writer uses its memory again
    await this.take(lines);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Parses whole lines. They come from our own view, so nothing is checked here; tests hold view and schemas together. */
export function parseLines(bytes: Uint8Array): ExportLine[] {
  const text = new TextDecoder().decode(bytes);
  const lines: ExportLine[] = [];
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    lines.push(JSON.parse(text.slice(from, end)) as ExportLine);
    from = end + 1;
  }
  return lines;
}
