import type { NotifyConfig } from "../config/config.ts";
import { formatMessages } from "../format/format_messages.ts";
import type { EpochMicros } from "../model/time.ts";
import { isChannelRecipient } from "../model/recipient.ts";
import { nextDigestTime } from "./digest_times.ts";
import type { Composition, DueRow, Recent } from "./notify_types.ts";

/** What composing depends on besides the rows. */
export interface ComposePolicy {
  readonly now: EpochMicros;
  readonly links: Readonly<Record<string, string>>;
  readonly notify: Pick<NotifyConfig, "digest" | "digestAbove" | "maxPerMentor" | "timezone">;
}

/** News that waited longer than this without having been planned to is told as late news, in one message. */
export const LATE_MS = 15 * 60_000;

/**
 * What goes out to each recipient of the given rows, in their order: exams before content, each in order of occurrence. Pure; the
 * delivery and `poll-once --dry-run` share it. `recent` holds recipients that got messages lately.
 */
export function compose(
  due: readonly DueRow[],
  recent: ReadonlyMap<string, Recent>,
  policy: ComposePolicy,
): Map<string, Composition> {
  const byRecipient = Map.groupBy(due, (row) => row.recipient);
  return new Map(
    [...byRecipient].map(([recipient, rows]) => [recipient, composeFor(rows, recent.get(recipient) ?? null, policy)]),
  );
}

function composeFor(due: readonly DueRow[], recent: Recent | null, policy: ComposePolicy): Composition {
  const { now, notify } = policy;
  const rows = due.toSorted(inOrderOfTelling);
  const recipient = rows[0]?.recipient ?? "";
  const { at } = notify.digest;
  // Beyond the limit rows wait for a digest time, so what a digest time brings is never put off again.
  const atDigestTime = at.length > 0 && rows.some((row) => row.planned);
  const limit = isChannelRecipient(recipient) ? null : notify.maxPerMentor;
  const allowed = limit === null || atDigestTime ? Infinity : limit.messages - (recent?.messages ?? 0);
  if (allowed < 1) {
    return { messages: [], putOff: { rows, until: putOffUntil(recent, policy) } };
  }
  const delayedMs = lateness(rows, now);
  const asOne = delayedMs !== null || atDigestTime || rows.length > notify.digestAbove;
  const told = asOne ? rows : rows.slice(0, allowed);
  const beyond = rows.slice(told.length);
  const messages = formatMessages(
    told.map((row) => row.told),
    { now, timezone: notify.timezone, links: policy.links, delayedMs },
    asOne ? 1 : told.length,
  );
  return {
    messages: messages.map((message) => ({
      recipient,
      kind: message.kind,
      content: message.content,
      rows: message.told.flatMap((index) => told[index] ?? []),
    })),
    putOff: beyond.length === 0 ? null : { rows: beyond, until: putOffUntil(recent, policy) },
  };
}

/** When what is beyond `notify.max_per_mentor` is told: the next digest time, without one when the limit has room again. */
function putOffUntil(recent: Recent | null, { now, notify }: ComposePolicy): EpochMicros {
  const windowFrees = (recent?.oldestAt ?? now) + (notify.maxPerMentor?.perMs ?? 0) * 1000;
  return nextDigestTime(now, notify.digest.at, notify.timezone) ?? Math.max(windowFrees, now + 1);
}

/** Exams first: they matter most when much has piled up. Then as it happened, so that started comes before passed. */
function inOrderOfTelling(a: DueRow, b: DueRow): number {
  if (a.told.kind !== b.told.kind) return a.told.kind === "exam" ? -1 : 1;
  return a.told.occurredAt - b.told.occurredAt || Number(BigInt(a.told.eventId) - BigInt(b.told.eventId));
}

/** How late the oldest row is because Zulip, the LMS or lmsmon was away; `null` when none is late. Milliseconds. */
function lateness(rows: readonly DueRow[], now: EpochMicros): number | null {
  const latest = Math.max(...rows.map((row) => Math.max(row.lmsAwayMs, (now - row.dueAt) / 1000)));
  return latest > LATE_MS ? latest : null;
}
