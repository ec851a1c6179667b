import type { StateDb } from "../../lib/state/state_db.ts";
import type { ByteSink } from "../../lib/export/byte_sink.ts";
import { exportEvents, type ExportRequest } from "../../lib/export/export_events.ts";

/** An events row as the store writes it; ids as decimal text. */
export interface EventRow {
  readonly event_id: string;
  readonly source: string;
  readonly kind: "exam" | "content";
  readonly event_type: string;
  readonly attempt_id: string;
  readonly student_id: string | null;
  readonly student_username: string | null;
  readonly mentor_set_id: string | null;
  readonly activity_id: string | null;
  readonly activity_title: string | null;
  readonly attempt_no: number | null;
  readonly course_id: string | null;
  readonly course: string | null;
  readonly chapter_id: string | null;
  readonly chapter: string | null;
  readonly content_type: string | null;
  readonly student_batch_ids: readonly string[] | null;
  readonly activity_metadata: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
  readonly timestamp_approximate: boolean;
  readonly origin: "live" | "backfill";
  readonly processed_for_ai: boolean;
  readonly created_at: string;
  readonly zulip_user_id: string | null;
}

export const METADATA = {
  graded: true,
  verdict: "pass",
  score: 148,
  score_max: 180,
  percentage: 82,
  pass_percentage: 40,
  correct: 38,
  incorrect: 4,
  unanswered: 3,
  started_at: "2026-11-20T07:02:59.500000Z",
  time_taken_s: 7920.5,
  duration_allowed_s: 10800,
  watched_percentage: null,
  result: "Pass",
  state: "Completed",
  revision: 1,
  supersedes: null,
  previous: null,
};

export function eventRow(changes: Partial<EventRow> = {}): EventRow {
  return {
    event_id: "42",
    source: "testpress",
    kind: "exam",
    event_type: "exam_passed",
    attempt_id: "68701",
    student_id: "7713",
    student_username: "secret_student",
    mentor_set_id: null,
    activity_id: "133",
    activity_title: "Rank Test 12 – Electrostatics",
    attempt_no: 2,
    course_id: "1",
    course: "Physics",
    chapter_id: null,
    chapter: null,
    content_type: null,
    student_batch_ids: ["4"],
    activity_metadata: METADATA,
    timestamp: "2026-11-20T09:15:00Z",
    timestamp_approximate: false,
    origin: "live",
    processed_for_ai: false,
    created_at: "2026-11-20T09:15:07.120500Z",
    zulip_user_id: "991",
    ...changes,
  };
}

/** `n` events of an hour, ids 1 to n, one a second. */
export function manyRows(n: number, changes: (i: number) => Partial<EventRow> = () => ({})): EventRow[] {
  const start = Temporal.Instant.from("2026-11-20T10:00:00Z");
  return Array.from({ length: n }, (_, i) =>
    eventRow({
      event_id: String(i + 1),
      attempt_id: String(1000 + i),
      created_at: start.add({ seconds: i }).toString(),
      ...changes(i),
    }));
}

export async function insertRows(db: StateDb, rows: readonly EventRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += 500) {
    const page = JSON.stringify(rows.slice(i, i + 500));
    await db.sql`
      insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
        student_username, mentor_set_id, activity_id, activity_title, attempt_no, course_id, course, chapter_id, chapter,
        content_type, student_batch_ids, activity_metadata, timestamp, timestamp_approximate, origin, poll_id,
        processed_for_ai, created_at, zulip_user_id)
      select r.event_id, r.source, r.kind, r.event_type, 'finished', r.attempt_id, 1, r.student_id,
        r.student_username, r.mentor_set_id, r.activity_id, r.activity_title, r.attempt_no, r.course_id, r.course,
        r.chapter_id, r.chapter, r.content_type, r.student_batch_ids, r.activity_metadata, r.timestamp,
        r.timestamp_approximate, r.origin, 1, r.processed_for_ai, r.created_at, r.zulip_user_id
      from jsonb_populate_recordset(null::lmsmon.lms_activity_events, (${page}::text)::jsonb) r`;
  }
}

/** Student 7713 with two mentors, one of them with an id beyond 2^53; returns the mentor set. */
export async function insertPeople(db: StateDb): Promise<string> {
  await db.sql`
    insert into lmsmon.people (source, role, id, username, email, name) values
      ('testpress', 'student', 7713, 'secret_student', 'secret@student.example', 'Secret Student'),
      ('testpress', 'mentor', 3, 'secret_mentor', null, 'Secret Mentor'),
      ('elsewhere', 'student', 7713, 'other_student', 'other@student.example', 'Other')`;
  const withoutNames = '[{"id":3,"username":null,"email":null},{"id":"9007199254740993","username":null,"email":null}]';
  const [set] = await db.sql<{ mentor_set_id: string }[]>`
    insert into lmsmon.mentor_sets (source, mentor_ids, export_json)
    values ('testpress', '{3,9007199254740993}', ${withoutNames}) returning mentor_set_id`;
  return set?.mentor_set_id ?? "";
}

export const EVERYTHING: ExportRequest = {
  filter: { since: null, until: null, types: null, source: null, students: null, unprocessed: false },
  limit: null,
  identified: false,
  schema: 1,
  latest: false,
  xapi: false,
  after: null,
  upTo: null,
};

/** Keeps what is written. */
export class MemorySink implements ByteSink {
  readonly #chunks: Uint8Array[] = [];

  write(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes.slice());
    return Promise.resolve();
  }

  get text(): string {
    return this.#chunks.reduce((text, chunk) => text + this.#decoder.decode(chunk, { stream: true }), "");
  }

  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
}

export async function exportedText(db: StateDb, request: Partial<ExportRequest> = {}): Promise<string> {
  const sink = new MemorySink();
  await exportEvents(db, { ...EVERYTHING, ...request }, sink, new AbortController().signal);
  return sink.text;
}

export async function exportedIds(db: StateDb, filter: Partial<ExportRequest["filter"]>, limit: number | null = null) {
  const text = await exportedText(db, { filter: { ...EVERYTHING.filter, ...filter }, limit });
  return text.split("\n").filter((line) => line !== "").map((line) =>
    (JSON.parse(line) as { event_id: number }).event_id
  );
}
