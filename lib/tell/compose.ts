import type { NotifyConfig } from "../config/config.ts";
import { formatMessages } from "../format/format_messages.ts";
import { hasResults } from "../model/event_types.ts";
import { isChannelRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import type { NamesForm } from "../model/told_event.ts";
import type { Composition, DueRow, Recent } from "./notify_types.ts";
import { isAtDigestTime, roomFor, type TimingPolicy, whenToTell } from "./when_to_tell.ts";

/** What composing depends on besides the rows. */
export interface ComposePolicy {
  readonly now: EpochMicros;
  readonly links: Readonly<Record<string, string>>;
  /** `format.names` */
  readonly names?: NamesForm;
  readonly notify: TimingPolicy & Pick<NotifyConfig, "digestAbove">;
}

/** News that waited longer than this, and not for a digest or a limit, is told as late news, in one message. */
export const LATE_MS = 15 * 60_000;

/**
 * What goes out to each recipient of the given rows, recipients in the order of the rows. Exams come before content, both in order
 * of occurrence. Pure; the delivery and a dry run share it. `recent` holds recipients that got messages lately, or whose zone is known.
 */
export function compose(
  due: readonly DueRow[],
  recent: ReadonlyMap<string, Recent>,
  policy: ComposePolicy,
): Map<string, Composition> {
  const compositions = new Map<string, Composition>();
  // Two mentors of the LMS may be one reader: what the first is told is a message to the second, too.
  const told = new Set<string>();
  for (const [recipient, rows] of Map.groupBy(due, (row) => row.recipient)) {
    const known = recent.get(recipient) ?? null;
    const account = rows[0]?.account ?? null;
    const justTold = account !== null && told.has(account);
    const composition = composeFor(rows, justTold ? { ...(known ?? NOTHING_YET), lastAt: policy.now } : known, policy);
    compositions.set(recipient, composition);
    if (account !== null && composition.messages.length > 0) told.add(account);
  }
  return compositions;
}

const NOTHING_YET: Recent = { messages: 0, oldestAt: null, lastAt: null, zone: null };

function composeFor(due: readonly DueRow[], recent: Recent | null, policy: ComposePolicy): Composition {
  const { now, notify } = policy;
  const rows = due.toSorted(inOrderOfTelling);
  const recipient = rows[0]?.recipient ?? "";
  const waits = rows.map((row) => ({ row, wait: whenToTell(row, { now, notify, recent }) }));
  // A message that leaves anyhow takes along what would still wait.
  if (waits.every(({ wait }) => wait !== null)) {
    const putOff = waits.flatMap(({ row, wait }) => wait === null ? [] : [{ row, ...wait }]);
    return { messages: [], finishedSince: [], putOff };
  }
  const delayedMs = lateness(rows, now);
  const room = isChannelRecipient(recipient) ? Infinity : roomFor(recent, notify);
  const together = rows.some((row) => row.gathered || isAtDigestTime(row, notify));
  const asOne = together || delayedMs !== null || rows.length > Math.min(notify.digestAbove, room);
  const finished = new Set(asOne ? rows.flatMap((row) => row.stage === "finished" ? attemptOf(row) : []) : []);
  // A reader who is told of the finish is not told of the start.
  const isOver = (row: DueRow) => row.stage === "started" && finished.has(attemptOf(row));
  const told = rows.filter((row) => !isOver(row));
  const messages = formatMessages(
    told.map((row) => row.told),
    { now, timezone: notify.timezone, links: policy.links, delayedMs, names: policy.names ?? "full" },
    asOne ? 1 : told.length,
  );
  return {
    messages: messages.map((message) => ({
      recipient,
      kind: message.kind,
      content: message.content,
      rows: message.told.flatMap((index) => told[index] ?? []),
    })),
    finishedSince: rows.filter(isOver),
    putOff: [],
  };
}

const attemptOf = ({ told, incarnation }: DueRow) => `${told.kind} ${told.attemptId} ${incarnation}`;

/** Exams first: they matter most when much has piled up. Then as it happened, so that started comes before passed. */
function inOrderOfTelling(a: DueRow, b: DueRow): number {
  const [first, second] = [a, b].map(({ told }) => hasResults(told.kind));
  if (first !== second) return first ? -1 : 1;
  return a.told.occurredAt - b.told.occurredAt || Number(BigInt(a.told.eventId) - BigInt(b.told.eventId));
}

/** How late the oldest row is because Zulip, the LMS or lmsmon was away; `null` when none is late. Milliseconds. */
function lateness(rows: readonly DueRow[], now: EpochMicros): number | null {
  const latest = Math.max(...rows.map((row) => Math.max(row.lmsAwayMs, (now - row.dueAt) / 1000)));
  return latest > LATE_MS ? latest : null;
}
