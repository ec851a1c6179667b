import { wakeRecipientsOfPoll } from "../../../sql/state/poll_runs.ts";
import * as pollRuns from "../../../sql/state/poll_runs.ts";
import * as q from "../../../sql/state/release.ts";
import { type EpochMicros, fromInstant } from "../../model/time.ts";
import { retryLostRaces } from "../../base/retry.ts";
import { besideErasures } from "../../privacy/beside_erasures.ts";
import { recordAct } from "../../state/acts.ts";
import type { StateDb } from "../../state/state_db.ts";
import { counted } from "../../text/counted.ts";

/** A poll whose messages the fuse holds. */
export interface HeldPoll {
  readonly pollId: string;
  readonly startedAt: EpochMicros;
  readonly reason: string | null;
  /** Messages that would go out if they left now. */
  readonly messages: number;
  readonly events: number;
  readonly recipients: number;
  /** Events among them that rewrite what the LMS had said, see isRewritten. */
  readonly rewritten: number;
  /** Events among them whose student has no mentor yet. */
  readonly withoutMentor: number;
}

/** Held polls of a source, oldest first. */
export async function listHeld(db: Pick<StateDb, "sql">, source: string, digestAbove: number): Promise<HeldPoll[]> {
  const held: HeldPoll[] = [];
  for (const row of await q.heldPolls(db.sql, source)) {
    const [weight] = await pollRuns.pollWeight(db.sql, row.poll_id, digestAbove);
    held.push({
      pollId: row.poll_id,
      startedAt: fromInstant(row.started_at),
      reason: row.reason,
      messages: weight?.messages ?? 0,
      events: row.events,
      recipients: row.recipients,
      rewritten: row.rewritten,
      withoutMentor: row.without_mentor,
    });
  }
  return held;
}

/** Lets a held poll's messages go: they are due now. False when the poll is not held (any more). */
export async function releasePoll(db: Pick<StateDb, "sql">, source: string, pollId: string): Promise<boolean> {
  return await retryLostRaces(() =>
    besideErasures(db, async (tx) => {
      const [released] = await q.endHold(tx, source, pollId, "open", null);
      if (!released) return false;
      await q.releaseLogs(tx, pollId);
      await wakeRecipientsOfPoll(tx, pollId);
      await recordAct(tx, { source, command: `release --poll ${pollId}`, effect: `poll ${pollId} released` });
      return true;
    })
  );
}

/** Ends a held poll's messages for good, with a reason that stays visible. False when the poll is not held (any more). */
export async function dropPoll(
  db: Pick<StateDb, "sql">,
  source: string,
  pollId: string,
  reason: string,
): Promise<boolean> {
  return await retryLostRaces(() =>
    db.sql.begin(async (tx) => {
      const [dropped] = await q.endHold(tx, source, pollId, "dropped", `dropped: ${reason}`);
      if (dropped) {
        const { count } = await q.dropLogs(tx, pollId, `dropped: ${reason}`);
        const effect = `poll ${pollId} dropped: ${counted(count, "delivery", "deliveries")} never told`;
        await recordAct(tx, { source, command: `release --poll ${pollId} --drop`, reason, effect });
      }
      return dropped !== undefined;
    })
  );
}
