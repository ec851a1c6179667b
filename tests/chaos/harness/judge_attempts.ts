import type { Sql } from "../../../lib/state/state_db.ts";
import type { Findings } from "./findings.ts";
import type { LmsLoad } from "./lms_load.ts";
import type { LoadRow, RowKind, Version } from "./lms_rows.ts";

/** An event as the state has it. */
export interface EventRow {
  readonly event_id: string;
  readonly kind: RowKind;
  readonly event_type: string;
  readonly stage: "started" | "finished";
  readonly attempt_id: string;
  readonly incarnation: number;
  readonly revision: number;
  readonly suppressed_reason: string | null;
  readonly student_id: string | null;
  readonly activity_id: string | null;
  readonly verdict: "pass" | "fail" | null;
  readonly score: number | null;
  readonly supersedes: string | null;
  readonly previous_verdict: string | null;
  readonly previous_score: number | null;
  readonly has_previous: boolean;
}

export async function readEvents(sql: Sql, source: string): Promise<readonly EventRow[]> {
  return await sql<EventRow[]>`
    select event_id::text, kind, event_type, stage, attempt_id::text, incarnation, revision, suppressed_reason,
           student_id::text, activity_id::text,
           activity_metadata ->> 'verdict' as verdict, (activity_metadata ->> 'score')::float8 as score,
           activity_metadata ->> 'supersedes' as supersedes, activity_metadata -> 'previous' ->> 'verdict' as previous_verdict,
           (activity_metadata -> 'previous' ->> 'score')::float8 as previous_score,
           jsonb_typeof(activity_metadata -> 'previous') = 'object' as has_previous
      from lmsmon.lms_activity_events e where source = ${source} order by e.event_id`;
}

export const mustHaveEvent = (row: LoadRow) => row.present && !row.mirror && row.versions.length > 0;

/** Compares the stored events with what the writer committed: each row's attempts, each attempt's stages and revisions. */
export function judgeEvents(load: Pick<LmsLoad, "rows">, events: readonly EventRow[], found: Findings): void {
  const byRow = Map.groupBy(events, (event) => `${event.kind} ${event.attempt_id}`);
  for (const row of [...load.rows.exam.values(), ...load.rows.content.values()]) {
    const key = `${row.kind} ${row.id}`;
    judgeRow(key, row, byRow.get(key) ?? [], found);
    byRow.delete(key);
  }
  for (const [key] of byRow) found.wrong(`events of ${key}, which the writer never committed`);
}

function judgeRow(key: string, row: LoadRow, events: readonly EventRow[], found: Findings): void {
  if (row.mirror) {
    if (events.length > 0) found.wrong(`${key} only mirrors an exam attempt and has ${events.length} events`);
    return;
  }
  const attempts = [...Map.groupBy(events, (event) => event.incarnation).values()];
  followCommits(key, row, events, found);
  for (const own of attempts) judgeAttempt(key, own, found);
  judgeHistory(key, row, attempts[0] ?? [], found);
  judgeLast(key, row, attempts.at(-1) ?? [], found);
}

/**
 * Every event is of a version that was committed, in the order of commit, and belongs to the attempt that the row was then: an
 * attempt's number rises when the row became another's in between, and only then.
 */
function followCommits(key: string, row: LoadRow, events: readonly EventRow[], found: Findings): void {
  const lives = [...row.former, row];
  let [life, version] = [0, 0];
  let before: EventRow | undefined;
  for (const event of events) {
    if (before !== undefined && event.incarnation < before.incarnation) {
      return found.wrong(`${key}: event ${event.event_id} goes back to attempt ${event.incarnation}`);
    }
    const another = before !== undefined && event.incarnation > before.incarnation;
    if (before !== undefined && !another && !isOf(before, event)) {
      found.wrong(`${key}: attempt ${event.incarnation} has events of two students or activities`);
    }
    if (another) {
      const left = before;
      const next = lives.findIndex((each, i) => i > life && left !== undefined && !isFor(each, left));
      if (next < 0) return found.wrong(`${key} has attempt ${event.incarnation}, but its id was not used again`);
      [life, version] = [next, 0];
    }
    const at = findVersion(lives, event, life, version);
    if (at === null) return found.wrong(`${key} reported ${told(event)}, which was not committed (any more)`);
    const of = lives[at.life];
    if (of !== undefined && event.event_type !== typeOf(of, event)) found.wrong(`${key} has type ${event.event_type}`);
    [life, version] = [at.life, at.version + 1];
    before = event;
  }
  const most = events.at(-1)?.incarnation ?? 1;
  if (most > lives.length) found.wrong(`${key} has attempt ${most}, but only ${lives.length} were committed`);
}

/** Where the version stands that an event tells of, from a place on. */
function findVersion(
  lives: readonly LoadRow[],
  event: EventRow,
  fromLife: number,
  fromVersion: number,
): { readonly life: number; readonly version: number } | null {
  for (let life = fromLife; life < lives.length; life++) {
    const row = lives[life];
    if (row === undefined || !isFor(row, event)) continue;
    const version = row.versions.findIndex((v, n) =>
      (life > fromLife || n >= fromVersion) && v.stage === event.stage &&
      (event.stage === "started" || row.kind === "content" || sameValues(event, v))
    );
    if (version >= 0) return { life, version };
  }
  return null;
}

/** One start at most, before the finish; revisions 1, 2, 3 …, each naming the one before and nobody else's values. */
function judgeAttempt(key: string, events: readonly EventRow[], found: Findings): void {
  const started = events.filter((event) => event.stage === "started");
  const finished = events.filter((event) => event.stage === "finished");
  if (started.length > 1) found.twice(`${key} started ${started.length} times`);
  const [start, first] = [started[0], finished[0]];
  if (start && first && BigInt(start.event_id) > BigInt(first.event_id)) found.wrong(`${key} started after its finish`);
  finished.forEach((event, i) => {
    const before = finished[i - 1];
    if (event.revision === before?.revision) found.twice(`${key} has revision ${event.revision} twice`);
    else if (event.revision !== i + 1) found.wrong(`${key} has revision ${event.revision} in place ${i + 1}`);
    if (before === undefined) {
      if (event.has_previous || event.supersedes !== null) found.wrong(`${key}: its first finish supersedes something`);
      return;
    }
    if (event.supersedes !== before.event_id) {
      found.wrong(`${key}: revision ${event.revision} supersedes another event`);
    }
    if (event.previous_verdict !== before.verdict || event.previous_score !== before.score) {
      found.wrong(`${key}: revision ${event.revision} has a wrong previous`);
    }
    if (event.verdict === null && before.verdict !== null) found.wrong(`${key} reported that a verdict was taken back`);
    if (sameValues(event, before)) found.twice(`${key} reported ${told(event)} twice in a row`);
  });
}

function judgeHistory(key: string, row: LoadRow, events: readonly EventRow[], found: Findings): void {
  if (!(row.former[0] ?? row).history || row.former.length > 0) return;
  const start = events.find((event) => event.stage === "started");
  const first = events.find((event) => event.stage === "finished");
  // Unless it was reopened before the first contact saw it: then its finish is news.
  const then = row.versions[0]?.stage === "finished" && start === undefined ? first : start;
  if (then !== undefined && then.suppressed_reason !== "first_contact") found.wrong(`${key} is history and was told`);
}

/** What the row says now is what was reported last, and of whom it says it. */
function judgeLast(key: string, row: LoadRow, events: readonly EventRow[], found: Findings): void {
  const last = row.versions.at(-1);
  if (!mustHaveEvent(row) || last === undefined) return;
  const [any] = events;
  if (any !== undefined && !isFor(row, any)) {
    return found.missing(`${key} is another's attempt by now, and nothing was reported of it`);
  }
  const reported = events.findLast((event) => event.stage === "finished");
  if (last.stage === "started") {
    // Reopened after a finish that some poll saw: that it runs again is no event.
    if (events.length === 0) found.missing(`${key} is running`);
    return;
  }
  if (reported === undefined) found.missing(`${key} is finished`);
  // A verdict that is taken back is no event: what was reported stands until there is another.
  else if (last.verdict === null && reported.verdict !== null) return;
  else if (row.kind === "exam" && !sameValues(reported, last)) {
    found.missing(`${key} has ${show(last)}, last reported ${show(reported)}`);
  }
}

function typeOf(row: LoadRow, event: EventRow): string {
  if (event.stage === "started") return row.kind === "exam" ? "exam_started" : "content_started";
  if (row.kind === "content") return row.live ? "content_watched" : "content_completed";
  return event.verdict === null ? "exam_completed" : event.verdict === "pass" ? "exam_passed" : "exam_failed";
}

/** Whether an event tells of this attempt: of its student and its activity. */
export const isFor = (
  row: Pick<LoadRow, "student" | "activity">,
  event: Pick<EventRow, "student_id" | "activity_id">,
) => event.student_id === String(row.student) && event.activity_id === String(row.activity);

const isOf = (a: EventRow, b: EventRow) => a.student_id === b.student_id && a.activity_id === b.activity_id;

type Values = Pick<Version, "verdict" | "score">;
export const sameValues = (a: Values, b: Values) => a.verdict === b.verdict && a.score === b.score;
const show = ({ verdict, score }: Values) => `${verdict ?? "no verdict"} ${score ?? "without score"}`;
const told = (event: EventRow) =>
  `${event.stage} ${event.stage === "started" ? "" : `${show(event)} `}of student ${event.student_id}`;
