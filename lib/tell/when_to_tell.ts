import type { NotifyConfig } from "../config/config.ts";
import { isChannelRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import { nextDigestTime, quietUntil } from "./times_of_day.ts";
import type { DueRow, Recent, Wait } from "./notify_types.ts";

/** The configuration as far as it says when a due row is told. */
export type TimingPolicy = Pick<
  NotifyConfig,
  "immediate" | "digest" | "gatherMs" | "quiet" | "maxPerMentor" | "timezone"
>;

/** A row as far as it matters for when it is told. */
export type TimedRow = Pick<DueRow, "recipient" | "dueAt" | "planned" | "gathered"> & {
  readonly told: Pick<DueRow["told"], "type">;
};

/** What a row is judged by besides itself. */
export interface Moment {
  readonly now: EpochMicros;
  readonly notify: TimingPolicy;
  /** `null`: the recipient got nothing lately. */
  readonly recent: Recent | null;
}

/**
 * Why a due row still waits, and until when; `null` when it is to be told now. Rows for a channel never wait. Pure.
 *
 * | waits for    | which rows                                      | how long                                                 |
 * | ------------ | ----------------------------------------------- | -------------------------------------------------------- |
 * | quiet hours  | all                                             | to their end                                             |
 * | `gathering`  | what follows a message to its reader            | to the message's age of `gather`                         |
 * | `gathering`  | results beyond `max_per_mentor`                 | until there is room again                                |
 * | `rate`       | what else is beyond `max_per_mentor`            | to the next digest time; without one until there is room |
 *
 * `gathering` ends at the latest `gather` after the row first fell due. What has waited for its time waits for nothing but
 * quiet hours any more.
 */
export function whenToTell(row: TimedRow, { now, notify, recent }: Moment): Wait | null {
  if (isChannelRecipient(row.recipient)) return null;
  const quietEnd = notify.quiet === null ? null : quietUntil(now, notify.quiet, recent?.zone ?? notify.timezone);
  if (quietEnd !== null) return { reason: "quiet", until: quietEnd };
  if (row.gathered) return row.dueAt > now ? { reason: "gathering", until: row.dueAt } : null;
  if (isAtDigestTime(row, notify)) return null;
  const isFull = roomFor(recent, notify) < 1;
  if (isFull && !notify.immediate.includes(row.told.type)) {
    return {
      reason: "rate",
      until: nextDigestTime(now, notify.digest.at, notify.timezone) ?? roomAgainAt(recent, now, notify),
    };
  }
  const gatherUs = notify.gatherMs * 1000;
  const gathered = recent?.lastAt == null ? now : recent.lastAt + gatherUs;
  const wanted = isFull ? Math.max(gathered, roomAgainAt(recent, now, notify)) : gathered;
  const until = Math.min(wanted, row.dueAt + gatherUs);
  return until > now ? { reason: "gathering", until } : null;
}

/** Whether the row waited for a digest time: it is not put off again, since beyond the limit rows wait for just that time. */
export function isAtDigestTime(row: Pick<DueRow, "planned">, { digest }: Pick<NotifyConfig, "digest">): boolean {
  return digest.at.length > 0 && row.planned;
}

/** How many messages `notify.max_per_mentor` still allows. */
export function roomFor(recent: Recent | null, { maxPerMentor }: Pick<NotifyConfig, "maxPerMentor">): number {
  return maxPerMentor === null ? Infinity : maxPerMentor.messages - (recent?.messages ?? 0);
}

function roomAgainAt(recent: Recent | null, now: EpochMicros, { maxPerMentor }: TimingPolicy): EpochMicros {
  return Math.max((recent?.oldestAt ?? now) + (maxPerMentor?.perMs ?? 0) * 1000, now + 1);
}
