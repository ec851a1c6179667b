import type { ZulipStandIn } from "../../lib/demo/zulip_stand_in.ts";
import { deliveryMarker } from "../../lib/model/marker.ts";
import type { Sql } from "../../lib/store/state_db.ts";
import type { LmsLoad } from "./lms_load.ts";
import type { LoadRow, Version } from "./lms_plans.ts";

interface EventRow {
  event_id: string;
  kind: "exam" | "content";
  event_type: string;
  stage: "started" | "finished";
  attempt_id: string;
  incarnation: number;
  revision: number;
  suppressed_reason: string | null;
  student_id: string | null;
  activity_id: string | null;
  verdict: "pass" | "fail" | null;
  score: number | null;
  supersedes: string | null;
  previous_verdict: string | null;
  previous_score: number | null;
  has_previous: boolean;
}

interface LogRow {
  event_id: string;
  recipient: string | null;
  status: string;
  reason: string | null;
}

/** What the oracle found. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly lost: number;
  readonly duplicated: number;
  /** Deliveries that are still under way. */
  readonly open: number;
  readonly rows: number;
  readonly events: number;
  readonly deliveries: number;
  readonly messages: number;
  readonly ended: Readonly<Record<string, number>>;
}

export interface OracleInput {
  readonly load: LmsLoad;
  readonly sql: Sql;
  readonly zulip: Pick<ZulipStandIn, "messages" | "bot">;
  readonly source?: string;
  /** LMS ids of mentors that have no Zulip account. */
  readonly withoutAccount: ReadonlySet<number>;
  /** Why a delivery may end without a message. */
  readonly mayEnd?: readonly string[];
  /** The same for single mentors, by LMS id. */
  readonly mayEndFor?: ReadonlyMap<number, readonly string[]>;
}

/**
 * Computes from what the writer committed what lmsmon must have stored and told, and compares. It shares no code with the
 * detector, the store or the dispatcher (only the marker's recipe, which is a public contract).
 */
export async function consult(input: OracleInput): Promise<Verdict> {
  const source = input.source ?? "testpress";
  const events = await input.sql<EventRow[]>`
    select event_id::text, kind, event_type, stage, attempt_id::text, incarnation, revision, suppressed_reason, student_id::text,
           activity_id::text,
           activity_metadata ->> 'verdict' as verdict, (activity_metadata ->> 'score')::float8 as score,
           activity_metadata ->> 'supersedes' as supersedes, activity_metadata -> 'previous' ->> 'verdict' as previous_verdict,
           (activity_metadata -> 'previous' ->> 'score')::float8 as previous_score,
           jsonb_typeof(activity_metadata -> 'previous') = 'object' as has_previous
      from lmsmon.lms_activity_events e where source = ${source} order by e.event_id`;
  const logs = await input.sql<LogRow[]>`
    select event_id::text, recipient, status, reason from lmsmon.lms_event_logs where source = ${source}`;
  const found = new Findings();
  judgeEvents(input.load, events, found);
  const told = judgeDeliveries(input, source, events, logs, found);
  return {
    problems: found.problems,
    lost: found.lost,
    duplicated: found.duplicated,
    open: told.open,
    rows: [...input.load.rows.exam.values(), ...input.load.rows.content.values()].filter(mustHaveEvent).length,
    events: events.length,
    deliveries: logs.length,
    messages: input.zulip.messages.length,
    ended: told.ended,
  };
}

class Findings {
  readonly problems: string[] = [];
  lost = 0;
  duplicated = 0;

  wrong(problem: string): void {
    this.problems.push(problem);
  }

  missing(problem: string): void {
    this.lost++;
    this.problems.push(`lost: ${problem}`);
  }

  twice(problem: string): void {
    this.duplicated++;
    this.problems.push(`twice: ${problem}`);
  }
}

const mustHaveEvent = (row: LoadRow) => row.present && !row.mirror && row.versions.length > 0;

function judgeEvents(load: LmsLoad, events: readonly EventRow[], found: Findings): void {
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
  const started = events.filter((event) => event.stage === "started");
  const finished = events.filter((event) => event.stage === "finished");
  if (started.length > 1) found.twice(`${key} started ${started.length} times`);
  if (started.length > 0 && !row.versions.some((version) => version.stage === "started")) {
    found.wrong(`${key} has a start that nobody committed`);
  }
  const [start, first] = [started[0], finished[0]];
  if (start && first && BigInt(start.event_id) > BigInt(first.event_id)) found.wrong(`${key} started after its finish`);
  for (const event of events) {
    if (event.student_id !== String(row.student)) found.wrong(`${key} belongs to another student`);
    if (event.event_type !== typeOf(row, event)) found.wrong(`${key} has type ${event.event_type}`);
  }
  judgeRevisions(key, row, finished, found);
  // Unless it was reopened before the first contact saw it: then its finish is news.
  const then = row.versions[0]?.stage === "finished" && start === undefined ? first : start;
  if (row.history && then !== undefined && then.suppressed_reason !== "first_contact") {
    found.wrong(`${key} is history and was told`);
  }
  const last = row.versions.at(-1);
  if (!row.present || last === undefined) return;
  const everFinished = finished.length > 0;
  if (last.stage === "started") {
    // Reopened after a finish that some poll saw: that it runs again is no event.
    if (started.length === 0 && !everFinished) found.missing(`${key} is running`);
    return;
  }
  const reported = finished.at(-1);
  if (reported === undefined) found.missing(`${key} is finished`);
  // A verdict that is taken back is no event: what was reported stands until there is another.
  else if (last.verdict === null && reported.verdict !== null) return;
  else if (row.kind === "exam" && !same(reported, last)) {
    found.missing(`${key} has ${show(last)}, last reported ${show(reported)}`);
  }
}

/** Revisions 1, 2, 3 …, each naming the one before, each with values that were committed, in the order of commit. */
function judgeRevisions(key: string, row: LoadRow, finished: readonly EventRow[], found: Findings): void {
  let version = 0;
  finished.forEach((event, i) => {
    const before = finished[i - 1];
    if (event.revision === before?.revision) found.twice(`${key} has revision ${event.revision} twice`);
    else if (event.revision !== i + 1) found.wrong(`${key} has revision ${event.revision} in place ${i + 1}`);
    if (before === undefined) {
      if (event.has_previous || event.supersedes !== null) found.wrong(`${key}: its first finish supersedes something`);
    } else {
      if (event.supersedes !== before.event_id) {
        found.wrong(`${key}: revision ${event.revision} supersedes another event`);
      }
      if (event.previous_verdict !== before.verdict || event.previous_score !== before.score) {
        found.wrong(`${key}: revision ${event.revision} has a wrong previous`);
      }
      if (event.verdict === null && before.verdict !== null) {
        found.wrong(`${key} reported that a verdict was taken back`);
      }
      if (same(event, before)) found.twice(`${key} reported ${show(event)} twice in a row`);
    }
    const at = row.versions.findIndex((v, n) =>
      n >= version && v.stage === "finished" && (row.kind === "content" || same(event, v))
    );
    if (at < 0) found.wrong(`${key} reported ${show(event)}, which was not committed (any more)`);
    else version = at + 1;
  });
}

function typeOf(row: LoadRow, event: EventRow): string {
  if (event.stage === "started") return row.kind === "exam" ? "exam_started" : "content_started";
  if (row.kind === "content") return row.live ? "content_watched" : "content_completed";
  return event.verdict === null ? "exam_completed" : event.verdict === "pass" ? "exam_passed" : "exam_failed";
}

type Values = Pick<Version, "verdict" | "score">;
const same = (a: Values, b: Values) => a.verdict === b.verdict && a.score === b.score;
const show = ({ verdict, score }: Values) => `${verdict ?? "no verdict"} ${score ?? "without score"}`;

/** Each (event, mentor) once in Zulip, or at an end with a reason that holds. */
function judgeDeliveries(
  { load, zulip, withoutAccount, mayEnd = [], mayEndFor }: OracleInput,
  source: string,
  events: readonly EventRow[],
  logs: readonly LogRow[],
  found: Findings,
): { open: number; ended: Record<string, number> } {
  const inZulip = markersOf(zulip);
  const byEvent = Map.groupBy(logs, (log) => log.event_id);
  const ended: Record<string, number> = {};
  let open = 0;
  for (const event of events) {
    const own = byEvent.get(event.event_id) ?? [];
    if (event.suppressed_reason !== null) {
      if (own.length > 0) found.wrong(`event ${event.event_id} is suppressed and has deliveries`);
      ended[event.suppressed_reason] = (ended[event.suppressed_reason] ?? 0) + 1;
      continue;
    }
    const isThere = load.rows[event.kind].get(Number(event.attempt_id))?.present ?? false;
    const mentors = load.material.mentorsOf.get(Number(event.student_id)) ?? [];
    const expected: (string | null)[] = mentors.length === 0 ? [null] : mentors.map((id) => `mentor:${id}`);
    for (const recipient of expected) {
      const rows = own.filter((log) => log.recipient === recipient);
      const what = `event ${event.event_id} for ${recipient ?? "nobody"}`;
      const [log] = rows;
      if (log === undefined) {
        found.missing(`${what}: no delivery`);
        continue;
      }
      if (rows.length > 1) found.twice(`${what}: ${rows.length} deliveries`);
      const marker = recipient === null ? "" : deliveryMarker({
        source,
        kind: event.kind,
        attemptId: event.attempt_id,
        incarnation: event.incarnation,
        studentId: event.student_id,
        activityId: event.activity_id,
        stage: event.stage,
        revision: event.revision,
        recipient,
      });
      const there = inZulip.get(marker) ?? 0;
      inZulip.delete(marker);
      if (there > 1) found.twice(`${what}: ${there} messages in Zulip`);
      if (!isThere && log.reason === "row_missing" && (log.status === "waiting" || log.status === "suppressed")) {
        // Its row left the LMS before it was told: it waits for an hour, longer than any run, and then ends.
        if (there > 0) found.wrong(`${what}: ${log.status} (row_missing), but in Zulip`);
        ended["row_missing"] = (ended["row_missing"] ?? 0) + 1;
      } else if (log.status === "sent") {
        if (there === 0) found.missing(`${what}: sent, but not in Zulip`);
      } else if (log.status === "suppressed" || log.status === "dead") {
        if (there > 0) found.wrong(`${what}: ${log.status} (${log.reason}), but in Zulip`);
        const reason = log.reason ?? "no reason";
        ended[reason] = (ended[reason] ?? 0) + 1;
        const right = recipient === null
          ? reason === "no_mentor"
          : withoutAccount.has(Number(recipient.slice(7)))
          ? reason === "no_account"
          : mayEnd.includes(reason) || (mayEndFor?.get(Number(recipient.slice(7))) ?? []).includes(reason);
        if (!right) found.missing(`${what}: ended as ${log.status} (${reason})`);
      } else {
        open++;
        if (there > 0 && log.status !== "sending" && log.status !== "unknown") {
          found.wrong(`${what}: in Zulip, but ${log.status}`);
        }
      }
    }
    const extra = own.filter((log) => !expected.includes(log.recipient));
    if (extra.length > 0) found.wrong(`event ${event.event_id} has deliveries to ${extra.map((log) => log.recipient)}`);
  }
  for (const [marker] of inZulip) found.wrong(`marker ${marker} in Zulip belongs to no event`);
  return { open, ended };
}

/** How often each marker stands in Zulip, read from the messages' text: link fragments and `ref` lines. */
function markersOf(zulip: OracleInput["zulip"]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of zulip.messages) {
    if (message.senderId !== zulip.bot.id) continue;
    for (const [, linked, refs] of message.content.matchAll(/[#?&]n=([a-z2-9]{16})\b|`ref ([a-z2-9, ]+)`/g)) {
      for (const marker of linked === undefined ? (refs ?? "").split(", ") : [linked]) {
        counts.set(marker, (counts.get(marker) ?? 0) + 1);
      }
    }
  }
  return counts;
}
