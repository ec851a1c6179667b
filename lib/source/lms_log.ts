import type { AttemptRow } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { EpochMicros } from "../model/time.ts";

/** A stretch of an LMS's log, for one kind. */
export interface LogPage {
  /** Ids of rows that it says somebody was seen at, each once, in the log's order. */
  readonly seen: readonly LmsId[];
  /** What the first line of each of these rows says, in the log's order, without a hash. Asked for few rows, since most lines of a log are no news. */
  readonly linesOf: (ids: ReadonlySet<LmsId>) => Promise<AttemptRow[]>;
  /** Ids of rows that it says were changed. */
  readonly touched: readonly LmsId[];
  /** The last line looked at, also when it says nothing; `null` when there was none. */
  readonly last: LmsId | null;
  /** Perhaps there are more lines. */
  readonly full: boolean;
  /** The line after which others may still come: the last old one before the first young one. `null` when all are old. */
  readonly settled: LmsId | null;
}

/** Ids of the first and the last line of a log. */
export interface LogSpan {
  readonly lowest: LmsId;
  readonly highest: LmsId;
}

/**
 * The log of an LMS that keeps one. It may be switched off, purged or anonymous at any time, so nothing that can be read elsewhere is
 * taken from it.
 */
export interface LmsLog {
  /** Which lines there are; `null`: no log that can be read. */
  span(): Promise<LogSpan | "empty" | null>;
  /** Up to `limit` lines after an id, whatever they say. */
  after(id: LmsId | null, limit: number, young: EpochMicros): Promise<LogPage>;
}
