import type { ExportLine } from "./line_schemas.ts";

/** What `--format` takes; lib/app/export_place.ts makes each. */
export const EXPORT_FORMATS = ["jsonl", "csv", "parquet", "xapi"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
/** What `--view` takes: lines of events, or of what events come to. */
export const EXPORT_VIEWS = ["events", "latest", "students", "weeks", "patterns"] as const;
export type ExportView = (typeof EXPORT_VIEWS)[number];

/** How lines become the bytes of one file; an instance for each file. What it returns may be used until it is called again. */
export interface PartFormat {
  /** A line of the file for each row that goes in, or as many as come out. */
  readonly lines: "of_rows" | "of_bytes";
  /** Rows may wait for those that follow before they become bytes. */
  readonly keepsRows: boolean;
  /** What every file begins with. */
  begin(): Uint8Array;
  rows(lines: readonly ExportLine[]): Uint8Array;
  end(): Uint8Array;
}
