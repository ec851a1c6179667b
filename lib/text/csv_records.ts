/** A record of CSV. */
export interface CsvRecord {
  /** Without blanks around them. */
  readonly cells: readonly string[];
  /** Of the text, where it begins, from 1. */
  readonly line: number;
}

/** A cell in quotes or plain, and what ends it. A quote that is never closed is a part of a plain cell. */
const CELL = /[^\S\r\n]*(?:"([^"]*(?:""[^"]*)*)"[^\S\r\n]*(?=[,\r\n]|$)|([^,\r\n]*))(,|\r?\n|\r|$)/y;

/** Records of CSV (RFC 4180): a line each, but for line breaks in quotes. Lines with nothing in them are none. */
export function* csvRecords(text: string): Generator<CsvRecord> {
  const cell = new RegExp(CELL);
  let cells: string[] = [];
  let line = 1;
  let begins = line;
  while (true) {
    const [whole = "", quoted, plain = "", end = ""] = cell.exec(text) ?? [];
    cells.push((quoted?.replaceAll('""', '"') ?? plain).trim());
    line += whole.match(/\r?\n|\r/g)?.length ?? 0;
    if (end === ",") continue;
    if (cells.some((cell) => cell !== "")) yield { cells, line: begins };
    if (end === "") return;
    cells = [];
    begins = line;
  }
}
