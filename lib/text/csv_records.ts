/** A record of CSV. */
export interface CsvRecord {
  /** Without blanks around them. */
  readonly cells: readonly string[];
  /** Of the text, where it begins, from 1. */
  readonly line: number;
}

/** What spreadsheets put between cells: where the comma is for decimals it is the semicolon. */
export const SEPARATORS = [",", ";", "\t"] as const;
export type Separator = (typeof SEPARATORS)[number];

/** A cell in quotes or plain, and what ends it. A quote that is never closed is a part of a plain cell. */
function cellPattern(separator: Separator): RegExp {
  const blanks = separator === "\t" ? " *" : "[^\\S\\r\\n]*";
  const ends = `[${separator}\\r\\n]`;
  const quoted = `"([^"]*(?:""[^"]*)*)"${blanks}(?=${ends}|$)`;
  return new RegExp(`${blanks}(?:${quoted}|([^${separator}\\r\\n]*))(${separator}|\\r?\\n|\\r|$)`, "y");
}

/** Records of CSV (RFC 4180): a line each, but for line breaks in quotes. Lines with nothing in them are none. */
export function* csvRecords(text: string, separator: Separator = ","): Generator<CsvRecord> {
  const cell = cellPattern(separator);
  let cells: string[] = [];
  let line = 1;
  let begins = line;
  while (true) {
    const [whole = "", quoted, plain = "", end = ""] = cell.exec(text) ?? [];
    cells.push((quoted?.replaceAll('""', '"') ?? plain).trim());
    line += whole.match(/\r?\n|\r/g)?.length ?? 0;
    if (end === separator) continue;
    if (cells.some((cell) => cell !== "")) yield { cells, line: begins };
    if (end === "") return;
    cells = [];
    begins = line;
  }
}
