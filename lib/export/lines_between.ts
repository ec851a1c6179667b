import type { ErasureLineRow } from "../../sql/state/export.ts";
import type { ByteSink, OnWay } from "./byte_sink.ts";

/** Where lines go, and what goes between them. */
export interface ExportWay {
  readonly between: LinesBetween;
  readonly sink: ByteSink;
  readonly signal: AbortSignal;
  readonly onWay: OnWay;
}

/** Lines that go between those of events by their ids, ascending: few, and known before the first event is read. */
export class LinesBetween {
  #next = 0;
  readonly #written: string[] = [];

  constructor(private readonly rows: readonly ErasureLineRow[]) {}

  /** Where there are no more of them, events need not be looked at. */
  get isOver(): boolean {
    return this.#next >= this.rows.length;
  }

  /** Takes the next line, if it comes before this event; `null`: no more events come. */
  before(eventId: string | null): ErasureLineRow | null {
    const row = this.rows[this.#next];
    if (row === undefined || (eventId !== null && BigInt(row.event_id) > BigInt(eventId))) return null;
    this.#next++;
    this.#written.push(row.event_id);
    return row;
  }

  /** Ids of those that were taken. */
  get written(): readonly string[] {
    return this.#written;
  }
}
