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
  | "row_missing";

/** A due row, as far as it matters for whom it goes to. */
export interface AddressedRow {
  readonly logId: string;
  readonly eventId: string;
  readonly recipient: string;
  readonly studentId: LmsId | null;
  readonly detectedAt: EpochMicros;
  /** Set when the LMS has no such attempt (any more). */
  readonly absence: Absence | null;
}

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
  /** Current mentors by student; absent: not known better than at detection. */
  readonly links: ReadonlyMap<LmsId, readonly LmsId[]>;
  readonly mentorAccounts: AccountsById;
  /** Mentors who are the student themselves, as `<mentor>/<student>`. */
  readonly selves: ReadonlySet<string>;
}

export interface Resolution<Row extends AddressedRow> {
  readonly send: { readonly row: Row; readonly userId: string | null }[];
  readonly suppress: { readonly row: Row; readonly reason: SuppressedReason }[];
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

/**
 * Who is told, decided when a message is composed: whoever is the mentor now, by the account they have now. Pure. Rows come
 * in the order in which they would be sent: of two mentors with one account the first is told.
 */
export function resolveRecipients<Row extends AddressedRow>(
  rows: readonly Row[],
  context: ResolveContext,
): Resolution<Row> {
  const { now, notify, siblings, links, mentorAccounts } = context;
  const result: Resolution<Row> = { send: [], suppress: [], putOff: [], add: [] };
  const chosen = new Set<string>();
  for (const row of rows) {
    if (row.absence !== null) {
      // Before anything else: while nobody knows whether it stands, it goes to no other recipient either.
      const verdict = judgeAbsence(row.absence, now);
      if (verdict.gone) result.suppress.push({ row, reason: "row_missing" });
      else result.putOff.push({ row, reason: "row_missing", until: verdict.until });
      continue;
    }
    const mentor = mentorOf(row.recipient);
    if (mentor === null) {
      result.send.push({ row, userId: null });
      continue;
    }
    const others = siblings.get(row.eventId) ?? [];
    const current = row.studentId === null ? undefined : links.get(row.studentId);
    if (current !== undefined) {
      // A hand-over re-tells nothing; but if nobody was told yet, whoever is the mentor now is.
      const nobodyTold = !others.some((other) => other.underWay && other.status !== "dead");
      const missing = current.map(mentorRecipient).filter((to) => !others.some((other) => other.recipient === to));
      if (nobodyTold) result.add.push(...missing.map((recipient) => ({ row, recipient })));
      if (!current.includes(mentor)) {
        // All mentors gone at once may be a sync that is half done: while nobody was told, the event waits for a mentor as
        // one that never had any does.
        const graceEnd = row.detectedAt + notify.mentorGraceMs * 1000;
        if (nobodyTold && current.length === 0 && now < graceEnd) {
          result.putOff.push({ row, reason: "no_mentor", until: Math.min(graceEnd, now + LINKS_AGAIN_MICROS) });
        } else result.suppress.push({ row, reason: "no_longer_mentor" });
        continue;
      }
    }
    const userId = mentorAccounts.get(mentor) ?? null;
    if (userId === null) {
      const graceEnd = row.detectedAt + notify.accountGraceMs * 1000;
      if (now < graceEnd) {
        result.putOff.push({ row, reason: "no_account", until: Math.min(graceEnd, now + context.recheckMs * 1000) });
      } else if (notify.fallback === null) {
        result.suppress.push({ row, reason: "no_account" });
      } else {
        result.add.push({ row, recipient: channelRecipient(notify.fallback) });
        result.suppress.push({ row, reason: "fell_back_to_channel" });
      }
    } else if (row.studentId !== null && context.selves.has(`${mentor}/${row.studentId}`)) {
      result.suppress.push({ row, reason: "self" });
    } else if (
      chosen.has(`${row.eventId}/${userId}`) ||
      others.some((other) =>
        other.recipient !== row.recipient && other.userId === userId && other.status !== "suppressed"
      )
    ) {
      result.suppress.push({ row, reason: "duplicate" });
    } else {
      chosen.add(`${row.eventId}/${userId}`);
      result.send.push({ row, userId });
    }
  }
  return result;
}
