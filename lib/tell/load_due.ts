import {
  type DueLogRow,
  dueRows,
  mentorLinks,
  outagesBeforePolls,
  peopleByIds,
  sharedNames,
  siblings,
  toldBefore,
  type ToldBeforeRow,
} from "../../sql/state/outbox.ts";
import { overtakenRows } from "../../sql/state/overtaken.ts";
import type { EventMetadata, LmsId } from "../model/event.ts";
import { type EventType, eventTypeOf, type Kind, type Stage } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { ToldEvent } from "../model/told_event.ts";
import { mentorOf } from "../model/recipient.ts";
import { type Absence, absencesOf } from "./absent_rows.ts";
import type { Accounts, MentorPerson } from "./accounts.ts";
import type { AccountsById, NotifierDeps, Recent } from "./notify_types.ts";
import { type Pause, readPauses } from "./pauses.ts";
import { recentMessages } from "./recent_of_readers.ts";
import type { LaterReport, Sibling } from "./resolve_recipients.ts";
import { withRefs } from "./refs.ts";

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
  readonly gathered: boolean;
  readonly lmsAwayMs: number;
  readonly attempts: number;
  readonly stage: Stage;
  readonly incarnation: number;
  /** Set when the LMS has no such attempt (any more). */
  readonly absence: Absence | null;
  /** A later report of the same finish, which came while this one was held or waited. */
  readonly later?: LaterReport | null;
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
  /** Recipients that have more due rows than are composed at a time: the rest of them comes with the next chunk. */
  readonly goesOn: ReadonlySet<string>;
  /** Zulip accounts of the mentors. */
  readonly accounts: AccountsById;
  /** Mentors who are the student themselves, as `<mentor>/<student>`. */
  readonly selves: ReadonlySet<string>;
  /** What is known of the recipients' readers. */
  readonly recent: ReadonlyMap<string, Recent>;
  /** What nothing is told of for now. */
  readonly pauses: readonly Pause[];
  readonly now: EpochMicros;
}

/** Rows of one recipient composed at a time: a backlog of 10,000 events for one mentor goes out in several chunks. */
const MOST_ROWS = 2000;
/** Rows in memory per chunk; what does not fit waits for the next one. */
const CHUNK_ROWS = 6000;

type ReadingDeps = Pick<NotifierDeps, "db" | "source" | "clock" | "config">;

export interface DueQuestion {
  readonly recipients: readonly string[];
  readonly cutoff: EpochMicros;
  /** Recipients whose last message told only a part of what was due: the rest does not wait for that message. */
  readonly goesOn: ReadonlySet<string>;
}

/**
 * Reads what the given (claimed) recipients may be told now; memory is bounded whatever has piled up (P8). Throws ZulipError when
 * an account must be looked up and Zulip is away.
 */
export async function loadDue(
  deps: ReadingDeps,
  accounts: Accounts,
  { recipients, cutoff, goesOn }: DueQuestion,
  signal?: AbortSignal,
): Promise<LoadedDue> {
  const { db: { sql }, source, config } = deps;
  const gatheringUntil = cutoff + config.notify.gatherMs * 1000;
  const most = { perRecipient: MOST_ROWS, all: CHUNK_ROWS };
  const found = recipients.length === 0
    ? []
    : await dueRows(sql, source, recipients, { now: cutoff, gatheringUntil }, most);
  const leftOut = beyondTheLast(recipients, found);
  const rows = leftOut.size === 0 ? found : found.filter((row) => !leftOut.has(row.recipient));
  if (rows.length === 0) {
    return { ...NOTHING_DUE, leftOut, now: deps.clock.now() };
  }
  const studentIds = unique(rows.flatMap((row) => row.student_id ?? []));
  const [others, links, shared, before, outages, absences, later, pauses] = await Promise.all([
    loadSiblings(deps, rows),
    mentorLinks(sql, source, studentIds),
    loadSharedNames(deps, rows.filter((row) => row.has_namesake)),
    loadToldBefore(deps, rows),
    outagesBeforePolls(sql, source, unique(rows.map((row) => row.poll_id))),
    absencesOf(deps, unique(rows.map((row) => row.event_id))),
    loadLater(deps, rows),
    readPauses(deps, deps.clock.now()),
  ]);
  const mentorIds = unique(others.flatMap((row) => mentorOf(row.recipient) ?? []));
  const mentors = new Map((await peopleByIds(sql, source, "mentor", mentorIds)).map((row) => [row.id, row]));
  const away = new Map(outages.map((row) => [row.poll_id, row.outage_ms]));
  const loaded = rows.map((row): LoadedRow => ({
    ...ownValues(row),
    lmsAwayMs: away.get(row.poll_id) ?? 0,
    absence: absences.get(row.event_id) ?? null,
    later: later.get(`${row.event_id}/${row.recipient}`) ?? null,
    told: toldEvent(source, row, shared, before),
  }));
  const now = deps.clock.now();
  const known = await accounts.of({ rows: loaded, mentors }, signal);
  const recent = await recentMessages(deps, unique(loaded.map((row) => row.recipient)), known, now, goesOn);
  const withOwnRefs = await withRefs(deps.db, loaded, deps.config.source.links);
  return {
    rows: withOwnRefs,
    siblings: Map.groupBy(others, (row) => row.eventId),
    links: new Map(links.map((row) => [row.student_id, row.mentor_ids])),
    mentors,
    leftOut,
    goesOn: new Set(
      [...Map.groupBy(rows, (row) => row.recipient)].flatMap(([to, own]) => own.length >= MOST_ROWS ? to : []),
    ),
    accounts: known.mentors,
    selves: known.selves,
    recent,
    pauses,
    now,
  };
}

/** What the row itself says. */
function ownValues(row: DueLogRow): Omit<LoadedRow, "lmsAwayMs" | "absence" | "later" | "told"> {
  return {
    logId: row.log_id,
    eventId: row.event_id,
    pollId: row.poll_id,
    recipient: row.recipient,
    studentId: row.student_id,
    studentEmail: row.student_email,
    detectedAt: Number(row.detected_us),
    dueAt: Number(row.due_us),
    planned: row.reason === "digest" || row.reason === "rate",
    gathered: row.reason === "gathering" || row.reason === "quiet",
    attempts: row.attempts,
    stage: row.stage === "started" ? "started" : "finished",
    incarnation: row.incarnation,
  };
}

const NOTHING_DUE: Omit<LoadedDue, "leftOut" | "now"> = {
  rows: [],
  siblings: new Map(),
  links: new Map(),
  mentors: new Map(),
  goesOn: new Set(),
  accounts: new Map(),
  selves: new Set(),
  recent: new Map(),
  pauses: [],
};

/** The recipients whose rows the limit cut off or left out altogether; never the first one, whose rows always fit. */
function beyondTheLast(recipients: readonly string[], found: readonly DueLogRow[]): Set<string> {
  const last = found.at(-1);
  if (last === undefined || found.length < CHUNK_ROWS) return new Set();
  const cut = recipients.indexOf(last.recipient);
  return new Set(recipients.slice(cut));
}

async function loadSiblings(
  deps: ReadingDeps,
  rows: readonly DueLogRow[],
): Promise<(Sibling & { readonly eventId: string })[]> {
  const found = await siblings(deps.db.sql, unique(rows.map((row) => row.event_id)));
  return found.map((row) => ({
    eventId: row.event_id,
    recipient: row.recipient,
    // During a trial (notify.redirect_to) this counts as sent: of two mentors with one account, one message goes out.
    status: row.reason === "redirected" ? "sent" : row.status,
    userId: row.zulip_user_id,
    underWay: row.under_way,
  }));
}

/** Later reports, by `<event>/<recipient>`. */
async function loadLater({ db }: ReadingDeps, rows: readonly DueLogRow[]): Promise<Map<string, LaterReport>> {
  const results = rows.filter((row) => row.stage === "finished" && row.kind !== "content"); // content has no later report
  if (results.length === 0) return new Map();
  const found = await overtakenRows(
    db.sql,
    results.map((row) => row.event_id),
    results.map((row) => row.recipient),
  );
  return new Map(found.map((row) => [`${row.event_id}/${row.recipient}`, row.told ? "told" : "to_be_told"]));
}

type ToldBefore = NonNullable<ToldEvent["previousTold"]>;

async function loadToldBefore(deps: ReadingDeps, rows: readonly DueLogRow[]): Promise<Map<string, ToldBefore>> {
  const revisions = rows.filter((row) => row.revision > 1);
  if (revisions.length === 0) return new Map();
  const found = await toldBefore(
    deps.db.sql,
    deps.source,
    revisions.map((row) => row.event_id),
    revisions.map((row) => row.recipient),
  );
  return new Map(found.map((row) => [`${row.event_id}/${row.recipient}`, toldBeforeOf(row)]));
}

/** What a recipient was told before, as messages say it. */
export function toldBeforeOf(row: ToldBeforeRow): ToldBefore {
  const { verdict, score, percentage } = row;
  return { type: eventType(row.event_type), verdict, score, percentage, at: Number(row.told_us) };
}

/** The pairs `<mentor>/<student>` among rows with namesakes where the mentor has two students of that name. */
async function loadSharedNames(deps: ReadingDeps, rows: readonly DueLogRow[]): Promise<Set<string>> {
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
    keys: { attempt: row.attempt_key, activity: row.activity_key, student: row.student_key },
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
