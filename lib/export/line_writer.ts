import type { ByteSink } from "./byte_sink.ts";
import { parseLines, WholeLines } from "./json_lines.ts";
import type { ExportLine } from "./line_schemas.ts";
import type { PartFormat } from "./part_format.ts";
import type { LineSpan, PartFiles } from "./part_files.ts";

/** Where an export goes: the files of `--out`, or stdout. */
export type LineTarget = { readonly parts: PartFiles } | { readonly sink: ByteSink };

/** Takes the lines of an export and is told when there are no more. */
export interface LineWriter extends ByteSink {
  end(): Promise<void>;
}

const NOTHING: LineSpan = { lines: 0, first: null, last: null };
/** Lines made into bytes at a time. */
const LINES_AT_ONCE = 500;
/** A guess at a line, for files that are to stay small. */
const LINE_BYTES = 2000;

/** JSON lines as they are. Where files are cut or counted, only their line breaks and their ids at the ends are looked at. */
export function rawWriter(target: LineTarget, isCounted: boolean): LineWriter {
  if ("sink" in target) return { write: (bytes) => target.sink.write(bytes), end: () => Promise.resolve() };
  const { parts } = target;
  const end = async () => {
    await parts.begin();
    await parts.finishPart();
  };
  if (!isCounted) return { write: (bytes) => parts.write(bytes), end };
  const whole = new WholeLines(async (lines) => {
    for (let rest = lines; rest.length > 0;) {
      const fits = linesWithin(rest, parts.room);
      if (fits === 0 && !parts.isEmpty && parts.room < Infinity) {
        await parts.finishPart();
        continue;
      }
      const some = rest.subarray(0, Math.max(fits, firstLine(rest)));
      await parts.write(some, lineSpan(some));
      rest = rest.subarray(some.length);
    }
  });
  return { write: (bytes) => whole.write(bytes), end };
}

const LINE_FEED = 0x0a;
const firstLine = (bytes: Uint8Array) => bytes.indexOf(LINE_FEED) + 1;

/** Bytes of the whole lines that fit. */
function linesWithin(bytes: Uint8Array, room: number): number {
  if (bytes.length <= room) return bytes.length;
  return room <= 0 ? 0 : bytes.lastIndexOf(LINE_FEED, room - 1) + 1;
}

function lineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

/** What whole lines hold. */
export function lineSpan(lines: Uint8Array): LineSpan {
  const decoder = new TextDecoder();
  const start = lines.lastIndexOf(LINE_FEED, lines.length - 2) + 1;
  return {
    lines: lineFeeds(lines),
    first: idIn(decoder.decode(lines.subarray(0, 200))),
    last: idIn(decoder.decode(lines.subarray(start, start + 200))),
  };
}

/** The event id at the beginning of a line; `null` in lines of students. */
const idIn = (text: string): string | null => /^[^\n]*?"event_id":"?(\d+)/.exec(text)?.[1] ?? null;

export interface FormatOptions {
  /** A new format for each file. */
  readonly formatOf: () => PartFormat;
  /** Changes each line, such as its pseudonyms. */
  readonly change: ((line: ExportLine) => ExportLine) | null;
  readonly splitBytes: number | null;
}

/** Lines that are parsed on the way: in another format, or with other pseudonyms. */
export function formatWriter(target: LineTarget, { formatOf, change, splitBytes }: FormatOptions): LineWriter {
  const atOnce = splitBytes === null
    ? LINES_AT_ONCE
    : Math.max(1, Math.min(LINES_AT_ONCE, Math.floor(splitBytes / LINE_BYTES / 20)));
  let format: PartFormat | null = null;
  let rowsInFile = 0;
  const write = async (bytes: Uint8Array, span: LineSpan) => {
    if ("parts" in target) await target.parts.write(bytes, span);
    else if (bytes.length > 0) await target.sink.write(bytes);
  };
  const begun = async () => {
    if (format === null) await write((format = formatOf()).begin(), NOTHING);
    return format;
  };
  const finish = async () => {
    await write((await begun()).end(), NOTHING);
    format = null;
    rowsInFile = 0;
    if ("parts" in target) await target.parts.finishPart();
  };
  const whole = new WholeLines(async (block) => {
    const parsed = change === null ? parseLines(block) : parseLines(block).map(change);
    for (let i = 0; i < parsed.length; i += atOnce) {
      const some = parsed.slice(i, i + atOnce);
      const room = "parts" in target ? target.parts.room : Infinity;
      if (room <= 0 && rowsInFile > 0) await finish();
      let bytes = (await begun()).rows(some);
      // Asked again, a format that keeps rows back would have them twice.
      if (bytes.length > room && rowsInFile > 0 && format?.keepsRows === false) {
        await finish();
        bytes = (await begun()).rows(some);
      }
      rowsInFile += some.length;
      const lines = format?.lines === "of_bytes" ? lineFeeds(bytes) : some.length;
      await write(bytes, { lines, first: idOf(some[0]), last: idOf(some.at(-1)) });
    }
  });
  return { write: (bytes) => whole.write(bytes), end: finish };
}

function idOf(line: ExportLine | undefined): string | null {
  return line !== undefined && "event_id" in line ? String(line.event_id) : null;
}

/** JSON lines again, for lines that were changed. */
export function jsonFormat(): PartFormat {
  const encoder = new TextEncoder();
  const nothing = new Uint8Array(0);
  return {
    lines: "of_rows",
    keepsRows: false,
    begin: () => nothing,
    rows: (lines) => encoder.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
    end: () => nothing,
  };
}
