import { csvLine } from "../text/csv_line.ts";
import { type Cell, columnsOf, flatten } from "./flat.ts";
import type { ExportView, PartFormat } from "./part_format.ts";

/** CSV (RFC 4180 with line feeds): a head, then a row a line. Text that a spreadsheet would run as a formula is guarded. */
export function csvFormat(view: ExportView): PartFormat {
  const columns = columnsOf(view);
  const encoder = new TextEncoder();
  return {
    lines: "of_rows",
    keepsRows: false,
    begin: () => encoder.encode(`${csvLine(columns.map(({ name }) => name))}\n`),
    rows: (lines) => encoder.encode(lines.map((line) => `${csvLine(flatten(line, columns).map(cellText))}\n`).join("")),
    end: () => new Uint8Array(0),
  };
}

const cellText = (cell: Cell): string | null => cell === null ? null : String(cell);
