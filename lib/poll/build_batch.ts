import { detect, missing, unseen } from "../detect/detect.ts";
import type { AttemptRow, RowState } from "../model/attempt.ts";
import { type DetectedEvent, isRewritten, type LmsId } from "../model/event.ts";
import { erasedStudent, tombstoneOf } from "../model/erased.ts";
import type { Person } from "../model/person.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ErasedPeople } from "../privacy/erased_people.ts";
import { planTelling } from "../tell/plan.ts";
import { takeTurns, turnIsOver } from "../drivers/deno/take_turns.ts";
import type { Batch, BatchEvent, RowChange, Stream } from "./record/batch.ts";
import type { Page, PollContext } from "./poll_context.ts";

/** Rows that the LMS does not have (any more). */
export interface Absent {
  readonly gone: readonly RowState[];
  /** Quarantined rows that were never recorded. */
  readonly neverKnown?: readonly LmsId[];
}

interface Found {
  readonly row: AttemptRow;
  readonly detected: DetectedEvent;
}

interface Compared {
  readonly before: RowState | null;
  readonly after: RowState;
  readonly quarantine: string | null;
  readonly found: Found | null;
}

/**
 * What one page changes: detection, people of the events, and who is to be told when. Counts into the poll's tally. Rows
 * that stayed the same are left out. Throws LmsError when people cannot be read.
 */
export async function buildBatch(
  context: PollContext,
  stream: Stream,
  page: Page,
  { gone, neverKnown = [] }: Absent = { gone: [] },
): Promise<Batch> {
  const now = context.now();
  const tally = context.tally;
  tally.rowsRead += page.rows.length + page.bad.length;
  const changes = await compareRows(context, page, now);
  const pass = stream.fullPasses + (context.endsPass || !stream.firstContactDone ? 1 : 0);
  for (const before of gone) {
    tally.rowsMissing++;
    changes.push({ before, after: missing(before, now, pass), quarantine: null, found: null });
  }
  for (const id of neverKnown) changes.push({ before: null, after: unseen(id), quarantine: null, found: null });
  tally.rowsChanged += changes.length;
  const studentIds = new Set<LmsId>();
  for (const { found } of changes) if (found && found.row.studentId !== null) studentIds.add(found.row.studentId);
  const people = await context.people.of(studentIds);
  const planned: RowChange[] = [];
  for (const { before, after, quarantine, found } of changes) {
    if (turnIsOver(planned.length)) await takeTurns();
    planned.push({
      before,
      after,
      event: found && planEvent(context, stream, found, people.students, now),
      quarantine,
    });
  }
  const batch: Batch = {
    stream,
    pollId: context.pollId,
    detectedAt: now,
    mentorGraceUntil: now + context.settings.notify.mentorGraceMs * 1000,
    changes: planned,
    people: people.fresh,
    students: people.students,
    mentors: people.mentors,
    links: people.links,
    erasures: context.erased.mark,
  };
  return batch;
}

/** Compares what is known of a page's rows with what the LMS says of them now; rows that stayed the same are left out. */
async function compareRows(context: PollContext, page: Page, now: EpochMicros): Promise<Compared[]> {
  const { tally } = context;
  const changes: Compared[] = [];
  for (const [i, read] of page.rows.entries()) {
    if (turnIsOver(i)) await takeTurns();
    const before = page.before.get(read.id) ?? null;
    const row = withoutErased(context.erased, before, read);
    const detection = detect(before, row, now);
    if (detection.regression) tally.regressions++;
    if (detection.quarantine !== null) tally.quarantined++;
    // Types that are not monitored move the row state on, but leave no event: switched on later, they start from there.
    const { event } = detection;
    const found = event && context.settings.eventTypes.has(event.type) ? { row, detected: event } : null;
    // An unreadable row that stayed the same is read again every poll, but written once.
    const healed = detection.quarantine === null && (page.quarantined?.has(row.id) ?? false);
    if (!detection.changed && !healed) continue;
    changes.push({ before, after: detection.after, quarantine: detection.quarantine, found });
  }
  for (const bad of page.bad) {
    tally.quarantined++;
    const before = page.before.get(bad.id) ?? null;
    if (before?.hash === bad.hash && before.open) continue;
    changes.push({ before, after: unreadable(before, bad.id, bad.hash), quarantine: bad.reason, found: null });
  }
  return changes;
}

/**
 * The row of an erased student names the tombstone instead, and is tracked without a word. So is one whose student the LMS has
 * taken out since: it is still that attempt. Another student's row under the same id is another attempt.
 */
function withoutErased(erased: ErasedPeople, before: RowState | null, row: AttemptRow): AttemptRow {
  const hash = row.studentId === null
    ? tombstoneOf(before?.studentId ?? null)
    : erased.tombstone("student", row.studentId);
  if (hash === null) return row;
  return {
    ...row,
    studentId: erasedStudent(hash),
    studentUsername: null,
    studentName: null,
    studentEmail: null,
    mirrorsExam: true,
  };
}

function planEvent(
  context: PollContext,
  stream: Stream,
  { row, detected }: Found,
  students: ReadonlyMap<LmsId, Person>,
  now: number,
): BatchEvent {
  const { suppressed, tell } = planTelling(detected, row, students.get(row.studentId ?? "") ?? null, {
    firstContact: !stream.firstContactDone,
    notifyHistory: context.notifyHistory,
    now,
    notify: context.settings.notify,
    students: context.settings.students,
  });
  const tally = context.tally;
  tally.events++;
  tally.byType.set(detected.type, (tally.byType.get(detected.type) ?? 0) + 1);
  if (suppressed !== null) tally.byReasonNotTold.set(suppressed, (tally.byReasonNotTold.get(suppressed) ?? 0) + 1);
  if (tell) {
    tally.eventsToTell++;
    if (isRewritten(detected.change)) tally.rewrittenToTell++;
  }
  if (suppressed === "notifications_off" && stream.firstContactDone) tally.neverTold++;
  return { detected, row, origin: stream.firstContactDone ? "live" : "backfill", suppressed, tell };
}

/** A row whose columns could not be read: its hash is remembered, nothing else moves, and it is tried again every poll. */
function unreadable(before: RowState | null, id: LmsId, hash: string): RowState {
  return { ...before ?? unseen(id), hash, open: true, missingSince: null, missingAtPass: null };
}
