import type { Config } from "../config/config.ts";
import type { EpochMicros } from "../model/time.ts";
import { mentorOf } from "../model/recipient.ts";
import { compose, type ComposePolicy } from "./compose.ts";
import type { LoadedDue, LoadedRow } from "./load_due.ts";
import type { Composed, Composition, DueRow, ToldRow, Wait } from "./notify_types.ts";
import { pausedUntil } from "./pauses.ts";
import {
  type Resolution,
  type ResolveContext,
  resolveRecipients,
  type SuppressedReason,
} from "./resolve_recipients.ts";

/** The configuration as far as it decides. */
export interface DecisionPolicy {
  readonly notify: ComposePolicy["notify"] & ResolveContext["notify"];
  readonly users: Pick<Config["users"], "cacheMs">;
  readonly source: Pick<Config["source"], "links">;
  readonly format?: Config["format"];
}

/** What becomes of the due rows of a chunk's recipients. */
export interface Decision {
  /** In the order to send. */
  readonly messages: readonly Composed<ToldRow>[];
  /** The account that each row is told to, by log id; `null` for a channel. */
  readonly userIds: ReadonlyMap<string, string | null>;
  readonly suppress: readonly {
    readonly row: Pick<LoadedRow, "logId">;
    readonly reason: SuppressedReason | "finished_since" | "nobody_named";
  }[];
  readonly add: Resolution<LoadedRow>["add"];
  readonly putOff: readonly {
    readonly logId: string;
    readonly reason: Resolution<LoadedRow>["putOff"][number]["reason"] | Wait["reason"] | "paused";
    readonly until: EpochMicros;
  }[];
  /** Recipients that found no room; they stay due. */
  readonly leftOut: ReadonlySet<string>;
  /** Whom the weekly messages name, and whom they leave out and why. */
  readonly namings?: readonly JudgedNaming[];
}

/** A naming of a letter that is told now. */
export interface JudgedNaming {
  readonly letterId: string;
  readonly about: "call" | "came";
  readonly studentId: string;
  readonly courseId: string;
  /** `null`: it is in the message. */
  readonly leftOut:
    | "no_longer_mentor"
    | "self"
    | "paused"
    | "student_excluded"
    | "named_twice"
    | "no_longer_so"
    | "no_room"
    | null;
}

/**
 * Who is told what, in which messages, of everything that is due: as many recipients as fit into `room` messages, but always the
 * first of them. Pure.
 */
export function decide(loaded: LoadedDue, room: number, config: DecisionPolicy): Decision {
  const { due, paused } = withoutPaused(loaded);
  const all = resolveAndCompose(due, due.rows, config);
  const beyond = beyondTheRoom(all.compositions, room);
  const leftOut = new Set([...due.leftOut, ...beyond]);
  // Decided anew without the recipients beyond the room, since who is told may depend on who else is: of two mentors with one
  // account only the first is.
  const { resolution, compositions } = beyond.length === 0
    ? all
    : resolveAndCompose(due, due.rows.filter((row) => !leftOut.has(row.recipient)), config);
  const composed = [...compositions.values()];
  const waits = composed.flatMap((composition) => composition.putOff);
  const { duplicates, waiting } = withTwins(resolution, waits);
  const putOff = waits.filter((wait) => !waitsAlready(wait));
  const finishedSince = composed.flatMap((composition) => composition.finishedSince);
  return {
    messages: composed.flatMap((composition) => composition.messages),
    userIds: new Map(resolution.send.map(({ row, userId }) => [row.logId, userId])),
    suppress: [
      ...duplicates,
      ...finishedSince.map((row) => ({ row, reason: "finished_since" as const })),
    ],
    add: resolution.add,
    putOff: [
      ...paused,
      ...resolution.putOff.map(({ row, reason, until }) => ({ logId: row.logId, reason, until })),
      ...putOff.map(({ row, reason, until }) => ({ logId: row.logId, reason, until })),
      ...waiting,
    ],
    leftOut,
  };
}

/** Before anything else: nothing is decided about what is paused, so that all of it is still there afterwards, as after an outage. */
function withoutPaused(due: LoadedDue): { readonly due: LoadedDue; readonly paused: Decision["putOff"] } {
  if (due.pauses.length === 0) return { due, paused: [] };
  const paused = due.rows.flatMap((row) => {
    const { recipient, studentId, told: { kind, activityId } } = row;
    const until = pausedUntil({ recipient, kind, studentId, activityId }, due.pauses, due.now);
    return until === null ? [] : [{ logId: row.logId, reason: "paused" as const, until }];
  });
  const ids = new Set(paused.map(({ logId }) => logId));
  return { due: { ...due, rows: due.rows.filter((row) => !ids.has(row.logId)) }, paused };
}

/**
 * Of two mentors with one account the second ends when the first is told. While the first waits, so does the second: the first may
 * be no mentor any more by then.
 */
function withTwins(
  { suppress }: Resolution<LoadedRow>,
  waits: readonly Composition["putOff"][number][],
): { readonly duplicates: Resolution<LoadedRow>["suppress"]; readonly waiting: Decision["putOff"] } {
  const waitOf = new Map(waits.map(({ row, reason, until }) => [row.logId, { reason, until }]));
  const twinWait = ({ twin }: Resolution<LoadedRow>["suppress"][number]) =>
    twin === undefined ? undefined : waitOf.get(twin);
  return {
    duplicates: suppress.filter((each) => twinWait(each) === undefined),
    waiting: suppress.flatMap((each) => {
      const wait = twinWait(each);
      const { row } = each;
      const already = wait?.reason === "gathering" && row.gathered && row.dueAt === wait.until;
      return wait === undefined || already ? [] : [{ logId: row.logId, ...wait }];
    }),
  };
}

/** What gathers is looked at again with each news for its reader; what stays as it is is not written again. */
function waitsAlready({ row, reason, until }: Composition["putOff"][number]): boolean {
  return row.gathered && reason === "gathering" && until === row.dueAt;
}

function resolveAndCompose(
  due: LoadedDue,
  rows: readonly LoadedRow[],
  config: DecisionPolicy,
): { readonly resolution: Resolution<LoadedRow>; readonly compositions: ReadonlyMap<string, Composition> } {
  const { now, recent } = due;
  const resolution = resolveRecipients(rows, {
    now,
    notify: config.notify,
    recheckMs: config.users.cacheMs,
    siblings: due.siblings,
    links: due.links,
    mentorAccounts: due.accounts,
    selves: due.selves,
  });
  const told = resolution.send.map(({ row, userId }) => dueRow(row, userId, due));
  const { source: { links }, notify, format } = config;
  const policy = { now, links, notify, names: format?.names ?? "full" };
  return { resolution, compositions: compose(told, recent, policy) };
}

/** The recipients whose messages would make more than `room`; never the first one. */
function beyondTheRoom(compositions: ReadonlyMap<string, Composition>, room: number): string[] {
  let messages = 0;
  return [...compositions].flatMap(([recipient, composition], i) => {
    messages += composition.messages.length;
    return i > 0 && messages > room ? [recipient] : [];
  });
}

function dueRow(row: LoadedRow, userId: string | null, due: LoadedDue): DueRow {
  const current = row.studentId === null ? undefined : due.links.get(row.studentId);
  const names = (due.siblings.get(row.eventId) ?? []).flatMap((other) => {
    const mentor = mentorOf(other.recipient);
    const over = other.status === "suppressed" || other.status === "dead";
    if (mentor === null || over || other.recipient === row.recipient) return [];
    const account = due.accounts.get(mentor) ?? null;
    // Only those who really read it: still a mentor, with an account that is not this one.
    if (account === null || account === userId || (current !== undefined && !current.includes(mentor))) return [];
    const person = due.mentors.get(mentor);
    return person?.name ?? person?.username ?? [];
  });
  return {
    logId: row.logId,
    recipient: row.recipient,
    account: userId,
    told: names.length === 0 ? row.told : { ...row.told, alsoTold: names },
    stage: row.stage,
    incarnation: row.incarnation,
    dueAt: row.dueAt,
    planned: row.planned,
    gathered: row.gathered,
    lmsAwayMs: row.lmsAwayMs,
    attempts: row.attempts,
  };
}
