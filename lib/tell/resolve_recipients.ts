import type { NotifyConfig } from "../config/config.ts";
import type { LmsId } from "../model/event.ts";
import { channelRecipient, mentorOf, mentorRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import { type Absence, judgeAbsence } from "./absent_rows.ts";
import type { AccountsById } from "./notify_types.ts";

export type SuppressedReason =
  | "no_longer_mentor"
  | "self"
  | "duplicate"
  | "no_account"
  | "no_mentor"
  | "fell_back_to_channel"
  | "row_missing"
  | "overtaken";

/** A due row, as far as it matters for whom it goes to. */
export interface AddressedRow {
  readonly logId: string;
  readonly eventId: string;
  readonly recipient: string;
  readonly studentId: LmsId | null;
  readonly detectedAt: EpochMicros;
  /** Set when the LMS has no such attempt (any more). */
  readonly absence: Absence | null;
  readonly later?: LaterReport | null;
}

/** A later report of the same finish: one that the recipient was told already, or one that somebody is still to be told. */
export type LaterReport = "told" | "to_be_told";

/** Another delivery of the same event, or the row itself. */
export interface Sibling {
  readonly recipient: string;
  readonly status: string;
  readonly userId: string | null;
  /** It is in a message: sent, being sent, or nobody knows. */
  readonly underWay: boolean;
}

export interface ResolveContext {
  readonly now: EpochMicros;
  readonly notify: Pick<NotifyConfig, "accountGraceMs" | "mentorGraceMs" | "fallback">;
  /** How soon a mentor without an account is looked for again. Milliseconds. */
  readonly recheckMs: number;
  readonly siblings: ReadonlyMap<string, readonly Sibling[]>;
  /** Current mentors by student; absent: only the mentors at detection are known. */
  readonly links: ReadonlyMap<LmsId, readonly LmsId[]>;
  readonly mentorAccounts: AccountsById;
  /** Mentors who are the student themselves, as `<mentor>/<student>`. */
  readonly selves: ReadonlySet<string>;
}

export interface Resolution<Row extends AddressedRow> {
  readonly send: { readonly row: Row; readonly userId: string | null }[];
  readonly suppress: {
    readonly row: Row;
    readonly reason: SuppressedReason;
    /** Of a duplicate: the row that is told instead, as far as it is told now. */
    readonly twin?: string;
  }[];
  readonly putOff: {
    readonly row: Row;
    readonly reason: "no_account" | "no_mentor" | "row_missing";
    readonly until: EpochMicros;
  }[];
  /** Recipients that get a delivery of the row's event of their own. */
  readonly add: { readonly row: Row; readonly recipient: string }[];
}

/** How soon a student whose mentors all vanished is looked at again; polls read the links of such students every time. */
const LINKS_AGAIN_MICROS = 60 * 1_000_000;

/** What becomes of a row: it goes to an account (`null`: to a channel), waits, or ends. */
type Fate =
  | { readonly userId: string | null }
  | { readonly reason: "no_account" | "no_mentor" | "row_missing"; readonly until: EpochMicros }
  | { readonly reason: SuppressedReason };

interface Judged {
  readonly fate: Fate;
  /** Further recipients of the event. */
  readonly add: readonly string[];
}

/**
 * Who is told, decided when a message is composed: whoever is the mentor now, by the account they have now. Pure. Rows come
 * in the order in which they would be sent: of two mentors with one account the first is told.
 */
export function resolveRecipients<Row extends AddressedRow>(
  rows: readonly Row[],
  context: ResolveContext,
): Resolution<Row> {
  const result: Resolution<Row> = { send: [], suppress: [], putOff: [], add: [] };
  const chosen = new Map<string, string>();
  for (const row of rows) {
    const { fate, add } = judge(row, context);
    result.add.push(...add.map((recipient) => ({ row, recipient })));
    if ("until" in fate) result.putOff.push({ row, ...fate });
    else if ("reason" in fate) result.suppress.push({ row, ...fate });
    else {
      const place = `${row.eventId}/${fate.userId}`;
      const twin = fate.userId === null ? undefined : chosen.get(place);
      if (twin === undefined) {
        chosen.set(place, row.logId);
        result.send.push({ row, ...fate });
      } else result.suppress.push({ row, reason: "duplicate", twin });
    }
  }
  return result;
}

/** One row without regard to the others that are due. */
function judge(row: AddressedRow, context: ResolveContext): Judged {
  const only = (fate: Fate): Judged => ({ fate, add: [] });
  if (row.absence !== null) {
    // Before anything else: while nobody knows whether it stands, it goes to no other recipient either.
    const verdict = judgeAbsence(row.absence, context.now);
    return only(verdict.gone ? { reason: "row_missing" } : { reason: "row_missing", until: verdict.until });
  }
  if (row.later === "told") return only({ reason: "overtaken" });
  const mentor = mentorOf(row.recipient);
  if (mentor === null) return only({ userId: null });
  const handOver = judgeHandOver(row, mentor, context);
  if (handOver.fate !== null) return { fate: handOver.fate, add: handOver.add };
  const { fate, add } = judgeAccount(row, mentor, context);
  return { fate, add: [...handOver.add, ...add] };
}

/** Whether this mentor still is one (then no fate is decided), and who is one now. */
function judgeHandOver(
  row: AddressedRow,
  mentor: LmsId,
  { now, notify, siblings, links }: ResolveContext,
): { readonly fate: Fate | null; readonly add: readonly string[] } {
  const current = row.studentId === null ? undefined : links.get(row.studentId);
  if (current === undefined) return { fate: null, add: [] };
  const others = siblings.get(row.eventId) ?? [];
  // A hand-over re-tells nothing; but if nobody was told yet, whoever is the mentor now is, of the last report.
  const nobodyTold = !others.some((other) => other.underWay && other.status !== "dead");
  const mayAdd = nobodyTold && row.later == null;
  const missing = current.map(mentorRecipient).filter((to) => !others.some((other) => other.recipient === to));
  const add = mayAdd ? missing : [];
  if (current.includes(mentor)) return { fate: null, add };
  // All mentors gone at once may be a sync that is half done: while nobody was told, the event waits for a mentor as
  // one that never had any does, and goes where that goes.
  const graceEnd = row.detectedAt + notify.mentorGraceMs * 1000;
  if (nobodyTold && current.length === 0 && now < graceEnd) {
    return { fate: { reason: "no_mentor", until: Math.min(graceEnd, now + LINKS_AGAIN_MICROS) }, add };
  }
  const fallback = mayAdd && current.length === 0 && notify.fallback !== null
    ? [channelRecipient(notify.fallback)]
    : [];
  return { fate: { reason: "no_longer_mentor" }, add: [...add, ...fallback] };
}

/** Where a mentor is told, or why not there. */
function judgeAccount(row: AddressedRow, mentor: LmsId, context: ResolveContext): Judged {
  const { now, notify: { accountGraceMs, fallback }, recheckMs } = context;
  const userId = context.mentorAccounts.get(mentor) ?? null;
  if (userId === null) {
    const graceEnd = row.detectedAt + accountGraceMs * 1000;
    if (now < graceEnd) {
      return { fate: { reason: "no_account", until: Math.min(graceEnd, now + recheckMs * 1000) }, add: [] };
    }
    if (fallback === null) return { fate: { reason: "no_account" }, add: [] };
    return { fate: { reason: "fell_back_to_channel" }, add: [channelRecipient(fallback)] };
  }
  const isSelf = row.studentId !== null && context.selves.has(`${mentor}/${row.studentId}`);
  if (isSelf) return { fate: { reason: "self" }, add: [] };
  const isTold = (context.siblings.get(row.eventId) ?? []).some((other) =>
    other.recipient !== row.recipient && other.userId === userId && other.status !== "suppressed"
  );
  return { fate: isTold ? { reason: "duplicate" } : { userId }, add: [] };
}
