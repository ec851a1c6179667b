import { shareErasures } from "../../../sql/state/erasures.ts";
import * as q from "../../../sql/state/poll_runs.ts";
import { LmsmonError } from "../../base/errors.ts";
import type { Lease } from "../../state/leases.ts";
import { fenced } from "../../state/fenced.ts";
import type { StateDb, Transaction } from "../../state/state_db.ts";

/** What only the poller knows; events and changes are counted by the batches themselves. */
export interface PollCounts {
  readonly rowsRead: number;
  readonly rowsMissing: number;
  readonly regressions: number;
  readonly skippedFullPass: boolean;
  readonly unreadableTexts: number;
}

/** Settings that weigh a poll's messages (`notify.fuse`, `notify.digest_above`). */
export interface FuseSettings {
  readonly fuse: { readonly messagesPerPoll: number; readonly revisionsPerPoll: number } | null;
  readonly digestAbove: number;
}

/** How much a poll would send. */
export interface PollWeight {
  readonly messages: number;
  readonly recipients: number;
  readonly eventsToTell: number;
  /** Corrected results, and first reports under row ids that were known as another attempt's. */
  readonly rewrittenToTell: number;
  /** The latter alone. */
  readonly reusedToTell: number;
}

export interface PollVerdict extends PollWeight {
  readonly delivery: "open" | "held";
  /** Why the fuse holds the messages, for the administrator; `null` when it does not. */
  readonly reason: string | null;
}

/** Whether a poll's messages may go out (P11). Pure. */
export function decideFuse(weight: PollWeight, fuse: FuseSettings["fuse"]): { held: boolean; reason: string | null } {
  const over: string[] = [];
  if (fuse && weight.messages > fuse.messagesPerPoll) {
    over.push(`${weight.messages} messages in one poll, more than ${fuse.messagesPerPoll}`);
  }
  if (fuse && weight.rewrittenToTell > fuse.revisionsPerPoll) {
    const what = weight.reusedToTell === 0
      ? "corrected results"
      : `corrected results and row ids used again (${weight.reusedToTell})`;
    over.push(`${weight.rewrittenToTell} ${what} in one poll, more than ${fuse.revisionsPerPoll}`);
  }
  return { held: over.length > 0, reason: over.length > 0 ? over.join("; ") : null };
}

/** Notes that a poll begins; its messages wait until it ends. Returns its poll_id. */
export async function beginPoll(db: Pick<StateDb, "sql">, lease: Lease, mode: "quick" | "full"): Promise<string> {
  const [row] = await fenced(db, lease, (tx) => q.insertPollRun(tx, lease.source, lease.holder, mode));
  if (!row) throw new TypeError("Cannot begin a poll: no poll_id came back");
  return row.poll_id;
}

/** Ends a poll: its messages leave, or the fuse holds them. */
export async function finishPoll(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  pollId: string,
  counts: PollCounts,
  settings: FuseSettings,
): Promise<PollVerdict> {
  return await fenced(db, lease, async (tx) => {
    await q.setPollCounts(tx, pollId, counts);
    return await end(tx, pollId, "done", settings, null);
  });
}

/**
 * Ends a poll that failed. What it recorded before stays and is told now, through the same fuse: the next poll finds the
 * rest, not this.
 */
export async function failPoll(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  pollId: string,
  counts: PollCounts,
  settings: FuseSettings,
  error: unknown,
): Promise<PollVerdict> {
  return await fenced(db, lease, async (tx) => {
    await q.setPollCounts(tx, pollId, counts);
    return await end(tx, pollId, "failed", settings, errorText(error));
  });
}

/**
 * Ends the polls of this source that never came to an end, because their process died: call it once after taking the
 * lease, before beginPoll. Their messages go through the same fuse.
 */
export async function closeAbandonedPolls(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  settings: FuseSettings,
): Promise<(PollVerdict & { readonly pollId: string })[]> {
  return await fenced(db, lease, async (tx) => {
    const closed: (PollVerdict & { pollId: string })[] = [];
    for (const { poll_id: pollId } of await q.runningPolls(tx, lease.source)) {
      closed.push({ pollId, ...await end(tx, pollId, "abandoned", settings, null) });
    }
    return closed;
  });
}

async function end(
  tx: Transaction,
  pollId: string,
  status: q.PollEnd["status"],
  settings: FuseSettings,
  error: string | null,
): Promise<PollVerdict> {
  await shareErasures(tx); // it may make recipients known again
  const weight = await weigh(tx, pollId, settings.digestAbove);
  const { held, reason } = decideFuse(weight, settings.fuse);
  const delivery = held ? "held" : "open";
  const [ended] = await q.endPollRun(tx, pollId, { status, delivery, reason, error });
  // Ended before, by a call whose answer was lost: what was decided then stands.
  if (ended && held) await q.holdPollLogs(tx, pollId);
  else if (ended) await q.wakeRecipientsOfPoll(tx, pollId);
  return { ...weight, delivery, reason };
}

async function weigh(tx: Transaction, pollId: string, digestAbove: number): Promise<PollWeight> {
  const [row] = await q.pollWeight(tx, pollId, digestAbove);
  return {
    messages: row?.messages ?? 0,
    recipients: row?.recipients ?? 0,
    eventsToTell: row?.told_events ?? 0,
    rewrittenToTell: row?.told_revisions ?? 0,
    reusedToTell: row?.told_reused ?? 0,
  };
}

/** Messages of our own errors hold neither secrets nor personal data; of any other error only its kind is kept. */
function errorText(error: unknown): string {
  if (error instanceof LmsmonError) return error.message.slice(0, 2000);
  if (error instanceof Error) return "code" in error ? `${error.name} ${String(error.code)}` : error.name;
  return "unknown error";
}
