import type { AttemptRow, RowState } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";
import type { LogPage, LogSpan } from "../source/lms_log.ts";
import { buildBatch } from "./build_batch.ts";
import type { Page, PollContext } from "./poll_context.ts";
import type { Stream } from "./record/batch.ts";
import type { LogPosition } from "./record/log_positions.ts";

/** Lines of the log looked at in one statement. */
const PAGE_LINES = 10_000;
/** A line is written when its request ends, under a number that it may have got earlier: lines younger than this are looked at again. */
const OVERLAP_US: EpochMicros = 900 * MICROS_PER_SECOND;
/** Read to here: there was a log, and nothing in it yet. */
const BEFORE_ALL: LmsId = "0";

/**
 * What the LMS's log says of a stream, read forward by the log's own ids. A line about a row that the LMS has sends lmsmon to that row,
 * sooner than the next full pass. A line about what the LMS keeps no row of is all that will ever be known of it, and makes a row
 * state without a hash. Lines that are read again give nothing, since what they say is known.
 *
 * A log that was never read, since it was not granted or is new, holds the past: nobody is told what only it says (P10).
 */
export async function readLog(context: PollContext, stream: Stream): Promise<void> {
  const log = context.lms.log?.(stream.kind) ?? null;
  const span = log === null ? null : await log.span();
  if (log === null || span === null) return;
  const known = await context.known.logPosition(stream);
  const isPast = known.readTo === null;
  if (span === "empty") {
    return isPast ? await context.sink.noteLog(stream, { ...known, readTo: BEFORE_ALL }) : undefined;
  }
  let position = startOf(known, span);
  const young = await context.lms.serverTime() - OVERLAP_US;
  let settled: LmsId | null = null;
  for (let after = position.cursor, full = true; full;) {
    context.signal.throwIfAborted();
    const page: LogPage = await log.after(after, PAGE_LINES, young);
    if (page.last === null) break;
    await takeIn(context, stream, page, isPast);
    after = page.last;
    settled ??= page.settled;
    position = { ...position, cursor: settled ?? after, readTo: higher(position.readTo, after) };
    full = page.full;
    // The past ends with its last line: whoever is killed before begins again, and what was taken in gives nothing.
    if (full && (!isPast || !stream.firstContactDone)) await keep(context, stream, position, known);
  }
  await keep(context, stream, position, known);
}

/**
 * Where reading begins. A log that ends before the line last read was emptied, and its ids begin anew. One whose first line lies
 * beyond that line may have lost lines that nobody saw.
 */
export function startOf(known: LogPosition, span: LogSpan): LogPosition {
  if (known.readTo === null || known.readTo === BEFORE_ALL) return known;
  if (BigInt(span.highest) < BigInt(known.readTo)) return { ...known, cursor: null, readTo: null };
  const overtaken = BigInt(span.lowest) > BigInt(known.readTo) + 1n ? 1 : 0;
  return { ...known, overtaken: known.overtaken + overtaken };
}

async function keep(context: PollContext, stream: Stream, position: LogPosition, known: LogPosition): Promise<void> {
  const same = position.cursor === known.cursor && position.readTo === known.readTo;
  if (!same || position.overtaken !== known.overtaken) await context.sink.noteLog(stream, position);
}

const higher = (a: LmsId | null, b: LmsId) => a !== null && BigInt(a) > BigInt(b) ? a : b;

async function takeIn(
  context: PollContext,
  stream: Stream,
  { seen, linesOf, touched }: LogPage,
  isPast: boolean,
): Promise<void> {
  const states = await context.known.statesByKeys(stream, [...new Set([...seen, ...touched])]);
  const wanted = new Set([
    ...seen.filter((id) => isUnstarted(states.get(id))),
    ...touched.filter((id) => states.get(id)?.stage !== "finished"),
  ]);
  if (wanted.size === 0) return;
  const { rows, bad } = await context.lms.rowsByIds(stream.kind, [...wanted]);
  const found = joined(await linesOf(wanted), rows);
  const ofLms = new Set(rows);
  const past = isPast ? found.filter((row) => !ofLms.has(row)) : [];
  await record(context, { ...stream, firstContactDone: false }, { rows: past, bad: [], before: states });
  const news = isPast ? found.filter((row) => ofLms.has(row)) : found;
  await record(context, stream, { rows: news, bad, before: states });
}

async function record(context: PollContext, stream: Stream, page: Page): Promise<void> {
  if (page.rows.length + page.bad.length === 0) return;
  const batch = await buildBatch(context, stream, page);
  if (batch.changes.length > 0) await context.sink.record(batch);
}

const isUnstarted = (state: RowState | undefined) => state === undefined || state.stage === "none";

/** Rows of the LMS, and lines of the log about what it has no row of; in the log's order, then the others. */
function joined(seen: readonly AttemptRow[], rows: readonly AttemptRow[]): AttemptRow[] {
  const found = new Map(rows.map((row) => [row.id, row]));
  const inLogOrder = seen.map((line) => {
    const row = found.get(line.id);
    found.delete(line.id);
    if (row === undefined) return line;
    // A row that says less than the log: somebody was there, whatever became of it.
    return row.progress === "not_started" ? { ...row, progress: line.progress, startedAt: line.startedAt } : row;
  });
  return [...inLogOrder, ...found.values()];
}
