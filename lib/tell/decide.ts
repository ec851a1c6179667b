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
  /** Whom the weekly messages among them name, and why not all of their letters. */
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
  // Decided anew without them, since who is told may depend on who else is: of two mentors with one account the first.
  const { resolution, compositions } = beyond.length === 0
    ? all
    : resolveAndCompose(due, due.rows.filter((row) => !leftOut.has(row.recipient)), config);
  const composed = [...compositions.values()];
  const putOff = composed.flatMap((composition) => composition.putOff).filter((wait) => !waitsAlready(wait));
  const finishedSince = composed.flatMap((composition) => composition.finishedSince);
  return {
    messages: composed.flatMap((composition) => composition.messages),
    userIds: new Map(resolution.send.map(({ row, userId }) => [row.logId, userId])),
    suppress: [
      ...resolution.suppress,
      ...finishedSince.map((row) => ({ row, reason: "finished_since" as const })),
    ],
    add: resolution.add,
    putOff: [
      ...paused,
      ...resolution.putOff.map(({ row, reason, until }) => ({ logId: row.logId, reason, until })),
      ...putOff.map(({ row, reason, until }) => ({ logId: row.logId, reason, until })),
    ],
    leftOut,
  };
}

/** Before anything else: nothing is decided of what is paused, so that afterwards all of it is there as after an outage. */
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

/** What gathers is looked at with each news for its reader: nothing is written of what stays as it is. */
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
    // Only who really reads it: still the mentor, with an account, and not this same account.
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
