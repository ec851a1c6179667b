import { messagesInWindow } from "../../sql/state/messages.ts";
import {
  type DueLogRow,
  dueRows,
  mentorLinks,
  outagesBeforePolls,
  peopleByIds,
  sharedNames,
  siblings,
  toldBefore,
} from "../../sql/state/outbox.ts";
import type { EventMetadata, LmsId } from "../model/event.ts";
import { type EventType, eventTypeOf, type Kind, type Stage } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";
import { type Absence, absencesOf } from "./absent_rows.ts";
import type { Accounts, MentorPerson } from "./accounts.ts";
import type { AccountsById, NotifierDeps, Recent } from "./notify_types.ts";
import { withRefs } from "./refs.ts";
import { mentorOf, type Sibling } from "./resolve_recipients.ts";

/** A due row with what is needed to decide whom it goes to, and to say it. */
export interface LoadedRow {
  readonly logId: string;
  readonly eventId: string;
  readonly pollId: string;
  readonly recipient: string;
  readonly studentId: LmsId | null;
  readonly studentEmail: string | null;
  readonly detectedAt: EpochMicros;
  readonly dueAt: EpochMicros;
  readonly planned: boolean;
  readonly lmsAwayMs: number;
  readonly attempts: number;
  readonly stage: Stage;
  readonly incarnation: number;
  /** Set when the LMS has no such attempt (any more). */
  readonly absence: Absence | null;
  /** `alsoTold` is still empty: it depends on who else is told. */
  readonly told: ToldEvent;
}

/** What is due to the recipients of a chunk, and all that deciding about it rests on. */
export interface LoadedDue {
  readonly rows: readonly LoadedRow[];
  /** Every delivery of the rows' events, the rows themselves included. */
  readonly siblings: ReadonlyMap<string, readonly Sibling[]>;
  readonly links: ReadonlyMap<LmsId, readonly LmsId[]>;
  /** Every mentor that a row or one of its siblings goes to. */
  readonly mentors: ReadonlyMap<LmsId, MentorPerson>;
  /** Recipients left out because others filled the chunk; they stay due. */
  readonly leftOut: ReadonlySet<string>;
  /** Zulip accounts of the mentors. */
  readonly accounts: AccountsById;
  /** Mentors who are the student themselves, as `<mentor>/<student>`. */
  readonly selves: ReadonlySet<string>;
  /** Recipients that got messages within the window of `notify.max_per_mentor`. */
  readonly recent: ReadonlyMap<string, Recent>;
  readonly now: EpochMicros;
}

/** Rows of one recipient composed at a time: a backlog of 10,000 events for one mentor goes out in several chunks. */
const MOST_ROWS = 2000;
/** Rows in memory per chunk; what does not fit waits for the next one. */
const CHUNK_ROWS = 6000;

/**
 * Reads what the given (claimed) recipients may be told now; memory is bounded whatever has piled up (P8). Throws ZulipError when
 * an account must be looked up and Zulip is away.
 */
export async function loadDue(
  deps: NotifierDeps,
  accounts: Accounts,
  recipients: readonly string[],
  cutoff: EpochMicros,
  signal?: AbortSignal,
): Promise<LoadedDue> {
  const { db: { sql }, source } = deps;
  const found = recipients.length === 0 ? [] : await dueRows(sql, source, recipients, cutoff, MOST_ROWS, CHUNK_ROWS);
  const leftOut = beyondTheLast(recipients, found);
  const rows = leftOut.size === 0 ? found : found.filter((row) => !leftOut.has(row.recipient));
  if (rows.length === 0) {
    return {
      rows: [],
      siblings: new Map(),
      links: new Map(),
      mentors: new Map(),
      leftOut,
      accounts: new Map(),
      selves: new Set(),
      recent: new Map(),
      now: deps.clock.now(),
    };
  }
  const studentIds = unique(rows.flatMap((row) => row.student_id ?? []));
  const [others, links, shared, before, outages, absences] = await Promise.all([
    loadSiblings(deps, rows),
    mentorLinks(sql, source, studentIds),
    loadSharedNames(deps, rows.filter((row) => row.has_namesake)),
    loadToldBefore(deps, rows),
    outagesBeforePolls(sql, source, unique(rows.map((row) => row.poll_id))),
    absencesOf(deps, unique(rows.map((row) => row.event_id))),
  ]);
  const mentorIds = unique(others.flatMap((row) => mentorOf(row.recipient) ?? []));
  const mentors = new Map((await peopleByIds(sql, source, "mentor", mentorIds)).map((row) => [row.id, row]));
  const away = new Map(outages.map((row) => [row.poll_id, row.outage_ms]));
  const loaded = rows.map((row): LoadedRow => (
    {
      logId: row.log_id,
      eventId: row.event_id,
      pollId: row.poll_id,
      recipient: row.recipient,
      studentId: row.student_id,
      studentEmail: row.student_email,
      detectedAt: Number(row.detected_us),
      dueAt: Number(row.due_us),
      planned: row.reason === "digest" || row.reason === "rate",
      lmsAwayMs: away.get(row.poll_id) ?? 0,
      attempts: row.attempts,
      stage: row.stage === "started" ? "started" : "finished",
      incarnation: row.incarnation,
      absence: absences.get(row.event_id) ?? null,
      told: toldEvent(source, row, shared, before),
    }
  ));
  const now = deps.clock.now();
  const [known, recent, withOwnRefs] = await Promise.all([
    accounts.of({ rows: loaded, mentors }, signal),
    recentMessages(deps, loaded, now),
    withRefs(deps.db, loaded, deps.config.lms.links),
  ]);
  return {
    rows: withOwnRefs,
    siblings: Map.groupBy(others, (row) => row.eventId),
    links: new Map(links.map((row) => [row.student_id, row.mentor_ids])),
    mentors,
    leftOut,
    accounts: known.mentors,
    selves: known.selves,
    recent,
    now,
  };
}

async function recentMessages(
  { db, source, config }: NotifierDeps,
  rows: readonly { readonly recipient: string }[],
  now: EpochMicros,
): Promise<Map<string, Recent>> {
  const limit = config.notify.maxPerMentor;
  if (limit === null) return new Map();
  const found = await messagesInWindow(
    db.sql,
    source,
    unique(rows.map((row) => row.recipient)),
    now - limit.perMs * 1000,
  );
  return new Map(found.map((row) => [row.recipient, { messages: row.messages, oldestAt: Number(row.oldest_us) }]));
}

/** The recipients whose rows were cut off by the limit, or never reached; never the first one, whose rows always fit. */
function beyondTheLast(recipients: readonly string[], found: readonly DueLogRow[]): Set<string> {
  const last = found.at(-1);
  if (last === undefined || found.length < CHUNK_ROWS) return new Set();
  const cut = recipients.indexOf(last.recipient);
  return new Set(recipients.slice(cut));
}

async function loadSiblings(
  deps: NotifierDeps,
  rows: readonly DueLogRow[],
): Promise<(Sibling & { readonly eventId: string })[]> {
  const found = await siblings(deps.db.sql, unique(rows.map((row) => row.event_id)));
  return found.map((row) => ({
    eventId: row.event_id,
    recipient: row.recipient,
    status: row.status,
    userId: row.zulip_user_id,
    underWay: row.under_way,
  }));
}

type ToldBefore = NonNullable<ToldEvent["previousTold"]>;

async function loadToldBefore(deps: NotifierDeps, rows: readonly DueLogRow[]): Promise<Map<string, ToldBefore>> {
  const corrections = rows.filter((row) => row.revision > 1);
  if (corrections.length === 0) return new Map();
  const found = await toldBefore(
    deps.db.sql,
    deps.source,
    corrections.map((row) => row.event_id),
    corrections.map((row) => row.recipient),
  );
  return new Map(found.map((row) => [`${row.event_id}/${row.recipient}`, {
    type: eventType(row.event_type),
    verdict: row.verdict,
    score: row.score,
    percentage: row.percentage,
    at: Number(row.told_us),
  }]));
}

/** The pairs `<mentor>/<student>` among rows with namesakes where the mentor has two students of that name. */
async function loadSharedNames(deps: NotifierDeps, rows: readonly DueLogRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const pairs = unique(rows.flatMap((row) => {
    const mentor = mentorOf(row.recipient);
    return mentor === null || row.student_id === null ? [] : `${mentor}/${row.student_id}`;
  })).map((pair) => pair.split("/"));
  const found = await sharedNames(
    deps.db.sql,
    deps.source,
    pairs.map(([mentor]) => mentor ?? ""),
    pairs.map(([, student]) => student ?? ""),
  );
  return new Set(found.map((row) => `${row.mentor_id}/${row.student_id}`));
}

function toldEvent(
  source: string,
  row: DueLogRow,
  shared: ReadonlySet<string>,
  before: ReadonlyMap<string, ToldBefore>,
): ToldEvent {
  return {
    eventId: row.event_id,
    source,
    kind: row.kind as Kind, // held to these values by a CHECK
    type: eventType(row.event_type),
    attemptId: row.attempt_id,
    attemptNo: row.attempt_no,
    revision: row.revision,
    change: row.change === "reused" ? null : row.change, // a plain first report to whoever reads it
    occurredAt: Number(row.occurred_us),
    occurredAtApproximate: row.timestamp_approximate,
    detectedAt: Number(row.detected_us),
    student: {
      id: row.student_id,
      name: row.student_name,
      username: row.student_username,
      nameIsShared: shared.has(`${mentorOf(row.recipient) ?? ""}/${row.student_id ?? ""}`),
    },
    activityId: row.activity_id,
    title: row.title,
    course: row.course,
    chapter: row.chapter,
    contentType: row.content_type,
    metadata: row.metadata as EventMetadata, // written by the store only, always with all keys
    previousTold: before.get(`${row.event_id}/${row.recipient}`) ?? null,
    alsoTold: [],
    marker: row.marker,
    ref: row.marker,
  };
}

function eventType(text: string): EventType {
  const type = eventTypeOf(text);
  if (type === null) throw new TypeError(`Unknown event type "${text}" in the state database`);
  return type;
}

const unique = (values: readonly string[]) => [...new Set(values)];
