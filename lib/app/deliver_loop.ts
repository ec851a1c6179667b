import type { EpochMicros } from "../model/time.ts";
import type { Clock } from "../base/clock.ts";
import type { RepeatedError } from "../base/repeated_error.ts";

export interface DeliverLoopDeps {
  /** One delivery round: everything due when it began. */
  readonly round: () => Promise<void>;
  /** When something is due next; `null`: nothing is waiting. */
  readonly nextDueAt: () => Promise<EpochMicros | null>;
  readonly clock: Clock;
  readonly trouble: Pick<RepeatedError, "failed" | "succeeded">;
  /** The longest sleep: another process may have recorded something to tell. Milliseconds. */
  readonly intervalMs: number;
}

/** Lets the poller wake the delivery; a wake that comes while nobody waits is kept. */
export class Wake {
  #pending = new AbortController();

  wake(): void {
    this.#pending.abort();
  }

  /** Aborts at the next wake. */
  get signal(): AbortSignal {
    return this.#pending.signal;
  }

  reset(): void {
    if (this.#pending.signal.aborted) this.#pending = new AbortController();
  }
}

/** Delivers whenever something is due, until `soft` aborts; one error ends one round, and `hard` the one in hand. */
export async function deliverLoop(
  deps: DeliverLoopDeps,
  wake: Wake,
  { soft, hard }: { readonly soft: AbortSignal; readonly hard: AbortSignal },
): Promise<void> {
  while (!soft.aborted) {
    let waitMs = deps.intervalMs;
    wake.reset();
    try {
      await deps.round();
      const due = await deps.nextDueAt();
      if (due !== null) waitMs = Math.min(waitMs, Math.max((due - deps.clock.now()) / 1000, MIN_WAIT_MS));
      deps.trouble.succeeded();
    } catch (error) {
      if (hard.aborted) return;
      deps.trouble.failed(error);
    }
    await deps.clock.sleep(waitMs, AbortSignal.any([soft, wake.signal]));
  }
}

/** Never a hot loop, also when something stays due because its recipient is claimed elsewhere. */
const MIN_WAIT_MS = 200;
