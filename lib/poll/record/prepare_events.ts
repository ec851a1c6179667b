import { attemptsBeforeReused, earlierAttempts, supersededEvents } from "../../../sql/state/events.ts";
import { addMentorSets, mentorSetIds, studentAccounts } from "../../../sql/state/people.ts";
import type { Queryable } from "../../../sql/state/queryable.ts";
import type { LmsId } from "../../model/event.ts";
import { isTextId } from "../../model/key_space.ts";
import type { Person } from "../../model/person.ts";
import { formatUtc, fromInstant } from "../../model/time.ts";
import { takeTurns, turnIsOver } from "../../drivers/deno/take_turns.ts";
import { retryLostRaces } from "../../base/retry.ts";
import { besideErasures } from "../../privacy/beside_erasures.ts";
import { arrayLiteral, numberArrayLiteral } from "../../state/array_literal.ts";
import type { Batch, BatchEvent, RowChange } from "./batch.ts";
import { attemptPseudonyms } from "../../privacy/pseudonyms.ts";
import { type EventContext, eventValues, idText } from "./event_values.ts";
import { storedPeople } from "./people.ts";
import { type RecordOptions, refuseErased } from "./recording.ts";
import type { Sql } from "../../state/state_db.ts";

/** A row as it is written, without the id of an event: a line for COPY, or values for unnest. */
export type PreparedRow = string | readonly (string | null)[];

/** An event with its row in the database. */
export interface PreparedEvent {
  readonly event: BatchEvent;
  readonly row: PreparedRow;
  /** Distinct, ascending. */
  readonly mentors: readonly LmsId[];
}

/** Counting earlier tries costs a look-up per event: for news, not for a history of millions. */
const COUNT_ATTEMPTS_UP_TO = 2_000;
const NOBODY: readonly LmsId[] = [];
const NO_CHANGE = { before: null, event: null };

/** What the events of one student have in common. */
interface StudentFacts {
  readonly mentors: readonly LmsId[];
  /** `null` when neither the batch nor the state knows the student. */
  readonly known: { readonly username: string | null; readonly batchIds: string | null } | null;
  readonly account: EventContext["studentAccount"];
  readonly firstMentor: EventContext["firstMentor"];
  readonly mentorSetId: EventContext["mentorSetId"];
}

const NO_STUDENT: StudentFacts = { mentors: NOBODY, known: null, account: null, firstMentor: null, mentorSetId: null };

export interface PrepareOptions {
  readonly metadataOf: RecordOptions["metadataOf"];
  /** Makes a row of the values: at once, so that the values are garbage before many of them have piled up. */
  readonly rowOf: (values: (string | null)[]) => PreparedRow;
}

/** Looks up what events need besides detection: names, mentor sets, superseded events, number of the try. */
export async function prepareEvents(
  sql: Sql,
  batch: Batch,
  changes: readonly RowChange[],
  { metadataOf, rowOf }: PrepareOptions,
): Promise<PreparedEvent[]> {
  if (changes.length === 0) return [];
  const { source } = batch.stream;
  const students = [...new Set(changes.flatMap(({ event }) => event?.row.studentId ?? []))];
  const mentorsOf = new Map(students.map((id) => [id, distinctAscending(batch.links.get(id) ?? NOBODY)]));
  const [superseded, names, mentorNames, accounts, sets, attemptNos, pseudonymOf] = await Promise.all([
    readSuperseded(sql, changes),
    studentNames(sql, batch, students),
    mentorUsernames(sql, batch, [...new Set([...mentorsOf.values()].flatMap((mentors) => mentors[0] ?? []))]),
    studentAccounts(sql, source, numberArrayLiteral(students)),
    readMentorSets(sql, batch, mentorsOf.values()),
    countAttempts(sql, batch, changes),
    attemptPseudonyms(sql),
  ]);
  const accountOf = new Map(accounts.map((row) => [row.person_id, row.zulip_user_id]));
  const facts = new Map([...mentorsOf].map(([id, mentors]): [LmsId, StudentFacts] => [id, {
    mentors,
    known: names.get(id) ?? null,
    account: accountOf.get(id) ?? null,
    firstMentor: mentors[0] === undefined ? null : { id: mentors[0], username: mentorNames.get(mentors[0]) ?? null },
    mentorSetId: sets.get(numberArrayLiteral(mentors)) ?? null,
  }]));
  const detectedAt = formatUtc(batch.detectedAt);
  const graceUntil = formatUtc(batch.mentorGraceUntil);
  const prepared: PreparedEvent[] = [];
  for (let i = 0; i < changes.length; i++) {
    const { before, event } = changes[i] ?? NO_CHANGE;
    if (!event) continue;
    if (turnIsOver(i)) await takeTurns();
    const { row, detected } = event;
    const student = (row.studentId !== null && facts.get(row.studentId)) || NO_STUDENT;
    const { mentors, known } = student;
    const context: EventContext = {
      source,
      pollId: batch.pollId,
      detectedAt,
      mentorGraceUntil: event.tell !== null && mentors.length === 0 ? graceUntil : null,
      studentUsername: known ? known.username : row.studentUsername,
      studentBatchIds: known?.batchIds ?? null,
      studentAccount: student.account,
      firstMentor: student.firstMentor,
      mentorSetId: student.mentorSetId,
      attemptNo: row.attemptNo ?? attemptNos.get(i) ?? null,
      superseded: (detected.revision > 1 && before?.lastEventId && superseded.get(before.lastEventId)) || null,
      metadata: metadataOf(row, detected),
      attemptPseudonym: pseudonymOf({
        source,
        kind: detected.kind,
        id: detected.attemptId,
        incarnation: detected.incarnation,
      }),
    };
    prepared.push({ event, mentors, row: rowOf(eventValues(event, context)) });
  }
  return prepared;
}

function distinctAscending(ids: readonly LmsId[]): readonly LmsId[] {
  if (ids.length < 2) return ids;
  return [...new Set(ids)].sort((a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0));
}

async function readSuperseded(sql: Queryable, changes: readonly RowChange[]) {
  const ids = changes.flatMap(({ before, event }) =>
    (event && event.detected.revision > 1 && before?.lastEventId) || []
  );
  if (ids.length === 0) return new Map<string, EventContext["superseded"]>();
  const rows = await supersededEvents(sql, numberArrayLiteral(ids));
  return new Map(rows.map((row) => [row.event_id, {
    eventId: row.event_id,
    timestamp: formatUtc(fromInstant(row.timestamp)),
    approximate: row.timestamp_approximate,
  }]));
}

/** From the batch where it has them, else as stored before: a student may be gone from the LMS. */
async function studentNames(sql: Queryable, batch: Batch, students: readonly LmsId[]) {
  const names = new Map<LmsId, { username: string | null; batchIds: string }>();
  const read = new Map<LmsId, Person>();
  for (const person of batch.people) if (person.role === "student") read.set(person.id, person);
  const missing: LmsId[] = [];
  for (const id of students) {
    const person = read.get(id) ?? batch.students?.get(id);
    if (person) names.set(id, { username: person.username, batchIds: numberArrayLiteral(person.batchIds) });
    else missing.push(id);
  }
  for (const [id, person] of await storedPeople(sql, batch.stream.source, "student", missing)) names.set(id, person);
  return names;
}

async function mentorUsernames(sql: Queryable, batch: Batch, mentors: readonly LmsId[]) {
  const names = new Map<LmsId, string | null>();
  for (const person of batch.people) if (person.role === "mentor") names.set(person.id, person.username);
  const missing: LmsId[] = [];
  for (const id of mentors) {
    if (names.has(id)) continue;
    const person = batch.mentors?.get(id);
    if (person) names.set(id, person.username);
    else missing.push(id);
  }
  for (const [id, { username }] of await storedPeople(sql, batch.stream.source, "mentor", missing)) {
    names.set(id, username);
  }
  return names;
}

/** bigint[] text of each set -> its id; adds the sets that are new. */
async function readMentorSets(sql: Sql, batch: Batch, mentorsOf: Iterable<readonly LmsId[]>) {
  const { source } = batch.stream;
  const sets = new Map<string, readonly LmsId[]>();
  for (const mentors of mentorsOf) if (mentors.length > 0) sets.set(numberArrayLiteral(mentors), mentors);
  if (sets.size === 0) return new Map<string, string>();
  const literal = arrayLiteral([...sets.keys()]);
  const known = await mentorSetIds(sql, source, literal);
  if (known.length < sets.size) {
    const exports = [...sets.values()].map((mentors) =>
      `[${mentors.map((id) => `{"id":${idText(id)},"username":null,"email":null}`).join(",")}]`
    );
    await retryLostRaces(() =>
      besideErasures({ sql }, async (tx) => {
        await refuseErased(tx, batch); // or a mentor who is erased by now would be in a set again
        await addMentorSets(tx, source, literal, arrayLiteral(exports));
      })
    );
  }
  const rows = known.length < sets.size ? await mentorSetIds(sql, source, literal) : known;
  return new Map(rows.map((row) => [row.mentors, row.mentor_set_id]));
}

/** Whether these events get the number of their try, which depends on all events before them. */
export const countsAttempts = (changes: readonly RowChange[]): boolean => changes.length <= COUNT_ATTEMPTS_UP_TO;

/**
 * Position -> which try of the student at this activity it is, by attempts that gave an event, also in this batch. Empty for more
 * changes than counting is worth.
 */
export async function countAttempts(
  sql: Queryable,
  batch: Pick<Batch, "stream">,
  changes: readonly RowChange[],
): Promise<Map<number, number>> {
  const numbers = new Map<number, number>();
  if (!countsAttempts(changes)) return numbers;
  const wanted = changes.flatMap(({ event, after }, position) => {
    const { studentId, activityId } = event?.row ?? {};
    if (!studentId || !activityId) return [];
    return [{ position, studentId, activityId, attempt: after.id, incarnation: after.incarnation }];
  });
  if (wanted.length === 0) return numbers;
  const inBatch = Map.groupBy(wanted, ({ studentId, activityId }) => `${studentId}/${activityId}`);
  const asked = (of: typeof wanted) => ({
    source: batch.stream.source,
    kind: batch.stream.kind,
    positions: numberArrayLiteral(of.map(({ position }) => position)),
    students: numberArrayLiteral(of.map(({ studentId }) => studentId)),
    activities: numberArrayLiteral(of.map(({ activityId }) => activityId)),
    attempts: numberArrayLiteral(of.map(({ attempt }) => attempt)),
    incarnations: numberArrayLiteral(of.map(({ incarnation }) => incarnation)),
  });
  // Ids that say nothing of the order: those used again, and those that stand for texts.
  const unordered = ({ incarnation, attempt }: (typeof wanted)[number]) => incarnation > 1 || isTextId(attempt);
  const reused = wanted.filter(unordered);
  const rows = [
    ...await earlierAttempts(sql, asked(wanted.filter((one) => !unordered(one)))),
    ...reused.length === 0 ? [] : await attemptsBeforeReused(sql, asked(reused)),
  ];
  const stored = new Map(rows.map((row) => [row.position, row.attempts.split(",")]));
  for (const { position, studentId, activityId, attempt } of wanted) {
    const earlier = new Set(stored.get(position) ?? []);
    for (const other of inBatch.get(`${studentId}/${activityId}`) ?? []) {
      if (BigInt(other.attempt) < BigInt(attempt)) earlier.add(`${other.attempt}/${other.incarnation}`);
    }
    numbers.set(position, earlier.size + 1);
  }
  return numbers;
}
