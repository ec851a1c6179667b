import type { Findings } from "./findings.ts";
import { type EventRow, isFor, sameValues } from "./judge_attempts.ts";
import type { LoadRow } from "./lms_rows.ts";
import type { OracleInput } from "./oracle.ts";
import { alsoByBeginning, markerOf, markersOf } from "./told_markers.ts";

/** A delivery as the state has it. */
export interface LogRow {
  readonly event_id: string;
  readonly recipient: string | null;
  readonly status: string;
  readonly reason: string | null;
  /** When its send began, or, of one that was once in doubt and is sent again as it was, when it was composed; seconds since 1970. */
  readonly began_s: number | null;
  readonly attempts: number;
  readonly due: string | null;
}

/** Since when the state knows a row to be missing, seconds since 1970, by `exam 7`. */
export type Absences = ReadonlyMap<string, number>;

interface Stored {
  readonly source: string;
  readonly events: readonly EventRow[];
  readonly logs: readonly LogRow[];
  readonly absences: Absences;
}

interface Told {
  /** A phrase for each delivery that is under way. */
  readonly open: readonly string[];
  readonly ended: Record<string, number>;
  /** Each event by its markers, but for those under which a lost state told something else. */
  readonly events: ReadonlyMap<string, EventRow>;
}

/** A poll may be writing down that a row is missing while its message is being sent. */
const RACE_S = 10;

/** Each (event, mentor) once in Zulip, or at an end with a reason that holds. */
export function judgeDeliveries(input: OracleInput, stored: Stored, found: Findings): Told {
  const { source, events, logs } = stored;
  const lost = lostMarkers(input, source);
  const readers = new Map(
    [...events, ...input.lost ?? []].filter((event) => event.suppressed_reason === null).flatMap((event) =>
      recipientsOf(input, event).flatMap((recipient): [string, string][] =>
        recipient === null ? [] : [[markerOf(source, event, recipient), recipient]]
      )
    ),
  );
  const inZulip = markersOf(input.zulip, readers.keys(), (marker, participants) => {
    const mentor = Number(readers.get(marker)?.slice("mentor:".length));
    const account = input.accountOf?.(mentor) ?? null;
    return account === null ? !input.withoutAccount.has(mentor) : participants.includes(account);
  });
  const byEvent = Map.groupBy(logs, (log) => log.event_id);
  const finishes = finishesOf(events, byEvent);
  const byMarker = new Map<string, EventRow>();
  const ended: Record<string, number> = {};
  const open: string[] = [];
  for (const event of events) {
    const own = byEvent.get(event.event_id) ?? [];
    if (event.suppressed_reason !== null) {
      if (own.length > 0) found.wrong(`event ${event.event_id} is suppressed and has deliveries`);
      ended[event.suppressed_reason] = (ended[event.suppressed_reason] ?? 0) + 1;
      continue;
    }
    const expected = recipientsOf(input, event);
    for (const recipient of expected) {
      const rows = own.filter((log) => log.recipient === recipient);
      const what = `event ${event.event_id} (${nameOf(event)}) for ${recipient ?? "nobody"}`;
      const [log] = rows;
      if (log === undefined) {
        found.missing(`${what}: no delivery`);
        continue;
      }
      if (rows.length > 1) found.twice(`${what}: ${rows.length} deliveries`);
      const marker = recipient === null ? "" : markerOf(source, event, recipient);
      const there = inZulip.get(marker) ?? 0;
      inZulip.delete(marker);
      // A correction may bear a number under which a lost state had told another one.
      const others = (lost.get(marker) ?? []).filter((each) => !sameNews(each, event)).length;
      if (marker !== "" && others === 0) byMarker.set(marker, event);
      if (there > 1 + others) found.twice(`${what}: ${there} messages in Zulip`);
      if (log.status === "sent") {
        if (there === 0) found.missing(`${what}: sent, but not in Zulip`);
        const since = stored.absences.get(`${event.kind} ${event.attempt_id}`);
        if (since !== undefined && (log.began_s ?? 0) > since + RACE_S) {
          found.wrong(`${what}: told although its row was known to be missing`);
        }
      } else if (log.status === "suppressed" || log.status === "dead") {
        if (there > others) found.wrong(`${what}: ${log.status} (${log.reason}), but in Zulip`);
        const reason = log.reason ?? "no reason";
        ended[reason] = (ended[reason] ?? 0) + 1;
        const isOver = reason === "finished_since" && finishes.has(`${attemptOf(event)} ${recipient}`);
        const isOvertaken = reason === "overtaken" &&
          events.some((later) =>
            attemptOf(later) === attemptOf(event) && later.revision > event.revision &&
            byEvent.get(later.event_id)?.some((log) => log.recipient === recipient && log.status === "sent")
          );
        if (!isOver && !isOvertaken && !mayEnd(input, event, recipient, reason)) {
          found.missing(`${what}: ended as ${log.status} (${reason})`);
        }
      } else if (log.status === "waiting" && log.reason === "row_missing" && isAway(input, event)) {
        // It may come back within the hour that no run waits for.
        if (there > others) found.wrong(`${what}: waits for its row, but in Zulip`);
        ended["row_missing, waiting"] = (ended["row_missing, waiting"] ?? 0) + 1;
      } else {
        const { missing_since, present } = rowOf(input, event, stored.absences);
        open.push(
          `${what}: ${log.status} ${log.reason ?? ""}, attempt ${log.attempts}, due ${log.due ?? "never"}, row ${
            present ? "there" : "away"
          }${missing_since}`,
        );
        if (there > others && log.status !== "sending" && log.status !== "unknown") {
          found.wrong(`${what}: in Zulip, but ${log.status}`);
        }
      }
    }
    const extra = own.filter((log) => !expected.includes(log.recipient));
    if (extra.length > 0) found.wrong(`event ${event.event_id} has deliveries to ${extra.map((log) => log.recipient)}`);
  }
  judgeUnknown(inZulip, lost, found);
  return { open, ended, events: alsoByBeginning(byMarker) };
}

/** What is left in Zulip was told by a state that is no more, or by nobody who may. */
function judgeUnknown(inZulip: ReadonlyMap<string, number>, lost: LostMarkers, found: Findings): void {
  for (const [marker, there] of inZulip) {
    const told = lost.get(marker);
    if (told === undefined) found.wrong(`marker ${marker} in Zulip belongs to no event`);
    else if (there > told.length) found.twice(`marker ${marker} of a lost event: ${there} messages in Zulip`);
  }
}

type LostMarkers = ReadonlyMap<string, readonly EventRow[]>;

/** The different events that lost states had under each marker. */
function lostMarkers(input: OracleInput, source: string): LostMarkers {
  const byMarker = new Map<string, EventRow[]>();
  for (const event of input.lost ?? []) {
    if (event.suppressed_reason !== null) continue;
    for (const recipient of recipientsOf(input, event)) {
      if (recipient === null) continue;
      const told = byMarker.getOrInsertComputed(markerOf(source, event, recipient), () => []);
      if (!told.some((each) => sameNews(each, event))) told.push(event);
    }
  }
  return byMarker;
}

function recipientsOf({ mentorsOf }: OracleInput, event: EventRow): readonly (string | null)[] {
  const mentors = mentorsOf.get(Number(event.student_id)) ?? [];
  return mentors.length === 0 ? [null] : mentors.map((id) => `mentor:${id}`);
}

const nameOf = ({ kind, attempt_id, incarnation, stage, revision }: EventRow) =>
  `${kind} ${attempt_id}${incarnation > 1 ? ` attempt ${incarnation}` : ""} ${stage}${
    revision > 1 ? ` revision ${revision}` : ""
  }`;

const attemptOf = ({ kind, attempt_id, incarnation }: EventRow) => `${kind} ${attempt_id} ${incarnation}`;

/** Whom finishes have a delivery for: a start that would stand in the same message may be left out. */
function finishesOf(
  events: readonly EventRow[],
  logs: ReadonlyMap<string, readonly LogRow[]>,
): ReadonlySet<string> {
  return new Set(
    events.flatMap((event) =>
      event.stage === "finished"
        ? (logs.get(event.event_id) ?? []).map(({ recipient }) => `${attemptOf(event)} ${recipient}`)
        : []
    ),
  );
}

const sameNews = (a: EventRow, b: EventRow) =>
  a.stage === b.stage && a.student_id === b.student_id && a.activity_id === b.activity_id && sameValues(a, b);

function mayEnd(input: OracleInput, event: EventRow, recipient: string | null, reason: string): boolean {
  // Nobody waits an hour for a row here: what is gone for good is gone because its id is another attempt's.
  if (reason === "row_missing") return wasReplaced(input, event);
  if (recipient === null) return reason === "no_mentor";
  const mentor = Number(recipient.slice("mentor:".length));
  if (input.withoutAccount.has(mentor)) return reason === "no_account";
  return (input.mayEnd ?? []).includes(reason) || (input.mayEndFor?.get(mentor) ?? []).includes(reason);
}

function livesOf({ load }: OracleInput, event: EventRow): readonly LoadRow[] {
  const row = load.rows[event.kind].get(Number(event.attempt_id));
  return row === undefined ? [] : [...row.former, row];
}

/** Whether the LMS kept another attempt under the id after this one. */
function wasReplaced(input: OracleInput, event: EventRow): boolean {
  const lives = livesOf(input, event);
  const first = lives.findIndex((row) => isFor(row, event));
  return first >= 0 && lives.slice(first).some((row) => !isFor(row, event));
}

/** Whether the LMS does not show the event's attempt at the end. */
function isAway(input: OracleInput, event: EventRow): boolean {
  const row = livesOf(input, event).at(-1);
  return row !== undefined && isFor(row, event) && !row.present;
}

/** What is known of an event's row at the end: whether the LMS has it, and since when the state thinks that it does not. */
function rowOf(input: OracleInput, event: EventRow, absences: Absences) {
  const since = absences.get(`${event.kind} ${event.attempt_id}`);
  return {
    present: !isAway(input, event) && !wasReplaced(input, event),
    missing_since: since === undefined ? "" : `, missed since ${since}`,
  };
}
