import { isConnectionCut } from "../base/database_errors.ts";
import { StateError } from "../base/errors.ts";
import { describeHolder, Holder } from "../poll/holder.ts";
import { LeaseKeeper } from "../poll/lease_keeper.ts";
import { takeLease } from "../poll/take_lease.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";

/** A lease like a poller's, under a name that no source can have. */
export const EXPORT_TURN = "export:unprocessed";
const TURNS = "export:";
/** The turn of those who export for one consumer. */
export const consumerTurn = (name: string) => `${TURNS}consumer:${name}`;
export const isExportTurn = (lease: string) => lease.startsWith(TURNS);
const LIFE_MS = 15_000;
const LOOK_MS = 300;
/** As many as the pool has connections, each of which may have been cut. */
const MOST_CUTS = 6;

/** The right to export what is unprocessed and to mark it; `signal` aborts when it was lost. */
export interface ExportTurn extends AsyncDisposable {
  readonly signal: AbortSignal;
  readonly lease: Lease;
}

/**
 * Waits until no other process exports unprocessed events to mark them, or for the same consumer: two at once would both write
 * the same ones. A holder that is gone is not waited for. Throws the signal's reason when it aborts while it waits.
 */
export async function takeExportTurn(
  db: StateDb,
  { clock, stop, log }: Pick<CommandContext, "clock" | "stop" | "log">,
  name: string = EXPORT_TURN,
): Promise<ExportTurn> {
  await using undo = new AsyncDisposableStack();
  const holder = undo.use(Holder.open());
  let cuts = 0;
  for (let said = false;;) {
    stop.soft.throwIfAborted();
    const taken = await takeLease(db, name, holder.name, LIFE_MS).catch((error) => {
      // The process that has an embedded state open ended, perhaps the one that is waited for: the next connection is ours.
      if (!isConnectionCut(error) || ++cuts > MOST_CUTS) throw error;
      return null;
    });
    if (taken === null) continue;
    if (taken.lease !== null) {
      const keeper = undo.use(new LeaseKeeper(db, taken.lease, LIFE_MS, clock));
      const kept = undo.move();
      return { signal: keeper.signal, lease: keeper.lease, [Symbol.asyncDispose]: () => kept.disposeAsync() };
    }
    if (!said) {
      log.info("Waiting for another export of the same events: {holder}", {
        holder: describeHolder(taken.holder),
      });
    }
    said = true;
    await clock.sleep(LOOK_MS, stop.soft);
  }
}

/** The right was lost while it was used (a process that was stopped for long): somebody else may have written the same. */
export function turnLost(): StateError {
  return new StateError("Cannot mark what was exported: another export took over while this one stood still", {
    hint: "nothing was marked by this one; start it again",
  });
}
