import { namesakes, toldBefore } from "../../sql/state/outbox.ts";
import { outageUntilNow } from "../../sql/state/poll_runs.ts";
import { metadataOf } from "../detect/metadata.ts";
import type { LmsId } from "../model/event.ts";
import { deliveryMarker } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";
import type { DryEvent, DryRunResult } from "../poll/dry_run.ts";
import type { StateDb } from "../state/state_db.ts";
import { type LoadedRow, toldBeforeOf } from "../tell/load_due.ts";
import { mentorRecipient } from "../model/recipient.ts";

/** Behind every id of a stored event: what is found now comes after what was found before. */
const FIRST_ID = 2n ** 62n;

/** The deliveries that a poll would store for what a dry run found, as the delivery would load them. */
export async function dryRows(
  { db, source, now }: { readonly db: Pick<StateDb, "sql">; readonly source: string; readonly now: EpochMicros },
  dry: Pick<DryRunResult, "events" | "people">,
): Promise<LoadedRow[]> {
  const pairs = dry.events.flatMap((found, i) =>
    found.event.tell === null ? [] : found.mentors.map((mentor) => ({
      found,
      mentor,
      eventId: String(FIRST_ID + BigInt(i)),
      recipient: mentorRecipient(mentor),
    }))
  );
  const revisions = pairs.filter(({ found }) => found.event.detected.revision > 1 && found.lastEventId !== null);
  const [stored, [outage], before] = await Promise.all([
    storedNamesakes(db, source, pairs),
    outageUntilNow(db.sql, source),
    toldBefore(
      db.sql,
      source,
      revisions.map(({ found }) => found.lastEventId ?? ""),
      revisions.map(({ recipient }) => recipient),
      "from_itself",
    ),
  ]);
  const told = new Map(before.map((row) => [`${row.event_id}/${row.recipient}`, toldBeforeOf(row)]));
  const shared = new Set(stored);
  return pairs.map(({ found, mentor, eventId, recipient }) => {
    const { detected, row, tell } = found.event;
    return {
      logId: `${eventId}/${recipient}`,
      eventId,
      pollId: "0",
      recipient,
      studentId: row.studentId,
      studentEmail: found.student?.email ?? null,
      detectedAt: now,
      dueAt: tell?.dueAt ?? now,
      planned: tell?.reason === "digest",
      gathered: false,
      lmsAwayMs: outage?.outage_ms ?? 0,
      attempts: 0,
      stage: detected.stage,
      incarnation: detected.incarnation,
      absence: null,
      told: {
        ...toldEvent(found, source, recipient, now),
        eventId,
        previousTold: told.get(`${found.lastEventId}/${recipient}`) ?? null,
        student: {
          id: row.studentId,
          name: nameOf(found),
          username: found.student?.username ?? row.studentUsername,
          nameIsShared: shared.has(`${mentor}/${row.studentId}`),
        },
      },
    };
  });
}

const nameOf = ({ student, event: { row } }: DryEvent) => student?.name ?? row.studentName;

function toldEvent(
  { event: { detected, row }, attemptNo }: DryEvent,
  source: string,
  recipient: string,
  now: EpochMicros,
): Omit<ToldEvent, "eventId" | "student" | "previousTold"> {
  const { kind, attemptId, incarnation, stage, revision, change } = detected;
  const { studentId, activityId, activity } = row;
  const identity = { source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient };
  const marker = deliveryMarker(identity);
  return {
    source,
    kind,
    type: detected.type,
    attemptId,
    attemptNo,
    revision,
    change: change === "reused" ? null : change,
    occurredAt: detected.occurredAt,
    occurredAtApproximate: detected.occurredAtApproximate,
    detectedAt: now,
    activityId,
    title: activity?.title ?? null,
    course: activity?.course ?? null,
    chapter: activity?.chapter ?? null,
    contentType: row.contentType,
    metadata: metadataOf(row, detected),
    alsoTold: [],
    marker,
    ref: marker, // shortened where all rows of a reader are known
  };
}

interface Pair {
  readonly found: DryEvent;
  readonly mentor: LmsId;
}

/** The pairs `<mentor>/<student>` where the state knows another student of the mentor with the same name. */
async function storedNamesakes(
  { sql }: Pick<StateDb, "sql">,
  source: string,
  pairs: readonly Pair[],
): Promise<string[]> {
  const named = new Map(pairs.flatMap(({ found, mentor }) => {
    const { studentId } = found.event.row;
    const name = nameOf(found) ?? "";
    return studentId === null || name === "" ? [] : [[`${mentor}/${studentId}`, { mentor, studentId, name }] as const];
  }));
  const asked = [...named.values()];
  if (asked.length === 0) return [];
  const rows = await namesakes(
    sql,
    source,
    asked.map(({ mentor }) => mentor),
    asked.map(({ studentId }) => studentId),
    asked.map(({ name }) => name),
  );
  return rows.map((row) => `${row.mentor_id}/${row.student_id}`);
}

/** Namesakes among the rows themselves: the LMS may name a student that the state does not know yet. */
export function tellNamesakesApart(rows: readonly LoadedRow[]): readonly LoadedRow[] {
  const students = new Map<string, Set<LmsId>>();
  for (const row of rows) {
    const key = readersName(row);
    if (key !== null && row.studentId !== null) students.getOrInsertComputed(key, () => new Set()).add(row.studentId);
  }
  return rows.map((row) => {
    const isShared = (students.get(readersName(row) ?? "")?.size ?? 0) > 1;
    return isShared ? { ...row, told: { ...row.told, student: { ...row.told.student, nameIsShared: true } } } : row;
  });
}

/** Who is meant, as the state compares names. */
function readersName({ recipient, told }: LoadedRow): string | null {
  const name = [...told.student.name ?? ""].slice(0, 100).join("").toLowerCase();
  return name === "" ? null : `${recipient} ${name}`;
}
