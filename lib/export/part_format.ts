import type { ExportLine } from "./line_schemas.ts";

/** How lines become the bytes of one file; an instance for each file. What it returns may be used until it is called again. */
export interface PartFormat {
  /** Rows may wait for those that follow before they become bytes. */
  readonly keepsRows: boolean;
  /** What every file begins with. */
  begin(): Uint8Array;
  rows(lines: readonly ExportLine[]): Uint8Array;
  end(): Uint8Array;
}
