import type { EpochMicros } from "../model/time.ts";
import { collectPiledUpGarbage } from "../ops/collect_garbage.ts";
import type { Pacer } from "../zulip/rate_limiter.ts";
import { createAccounts } from "./accounts.ts";
import type { Circuit } from "./circuit.ts";
import { releaseClaim } from "./claim.ts";
import type { NotifierDeps, RoundCounts, RoundOptions } from "./notify_types.ts";
import { prepareChunk, type PreparedChunk } from "./prepare_chunk.ts";
import { sendChunk, type SendContext } from "./send_chunk.ts";

/** What every delivery of a process shares. */
export interface DeliveryContext {
  readonly circuit: Circuit;
  readonly pacer: Pacer;
  /** Whether sends may go out now; asks Zulip when the circuit is open and it is time to. */
  zulipAnswers(options: RoundOptions): Promise<boolean>;
}

/** One round of deliveries: what is due at `cutoff` is told. */
export interface Round {
  readonly cutoff: EpochMicros;
  readonly counts: RoundCounts;
  readonly options: RoundOptions;
}

/**
 * Messages sent under one claim. A Zulip that takes its default of 200 a minute takes as many within the 20 s that a claim
 * holds beside one request; and a crash leaves no more than these in doubt.
 */
export const CHUNK_MESSAGES = 64;

/** Delivers what is due, one chunk at a time. */
export class Delivery {
  readonly #deps: NotifierDeps;
  readonly #context: DeliveryContext;
  readonly #accounts;
  readonly #holder = `${Deno.pid}:${crypto.randomUUID().slice(0, 8)}`;
  #chunks = 0;
  /** How many recipients the next chunk claims. */
  #recipients = CHUNK_MESSAGES;

  constructor(deps: NotifierDeps, context: DeliveryContext) {
    this.#deps = deps;
    this.#context = context;
    this.#accounts = createAccounts(deps);
  }

  /**
   * Delivers to `only`, in their order, or to all that are due when that is `null`; ends early when stopped and when Zulip is
   * away. Throws what the state database or a question to Zulip threw.
   */
  async run(round: Round, only: readonly string[] | null): Promise<void> {
    const { circuit } = this.#context;
    const names = only === null ? null : [...only];
    while (!round.options.stop.aborted) {
      if (circuit.state === "open" && !await this.#context.zulipAnswers(round.options)) return;
      const next = names?.splice(0, this.#recipients) ?? null;
      if (next?.length === 0) return;
      const chunk = await this.#deliverChunk(round, next);
      if (chunk === null && next === null) return; // nobody is due any more
      names?.unshift(...chunk?.leftOut ?? []); // who found no room comes next; who is not done yet, with everybody else
    }
  }

  /** `null` when none of them is due, or could be claimed. */
  async #deliverChunk(round: Round, only: readonly string[] | null): Promise<PreparedChunk | null> {
    // After failed sends one goes alone, to see whether they work again. It claims as many recipients as ever, since what is in
    // doubt is looked up for all of them at once.
    const isTrial = this.#context.circuit.state === "half_open";
    const chunk = await prepareChunk(this.#deps, this.#accounts, {
      holder: `${this.#holder}:${++this.#chunks}`,
      cutoff: round.cutoff,
      limit: this.#recipients,
      only,
      sends: isTrial ? 1 : CHUNK_MESSAGES,
      signal: round.options.hard,
    }, round.counts);
    if (chunk === null) return null;
    if (!isTrial) this.#recipients = recipientsToClaim(this.#recipients, chunk.claim.tokens.size, chunk.leftOut.size);
    try {
      await sendChunk(this.#sending(round), chunk.outgoing, chunk.claim);
    } finally {
      await releaseClaim(this.#deps, chunk.claim);
    }
    collectPiledUpGarbage();
    return chunk;
  }

  #sending({ cutoff, counts, options }: Round): SendContext {
    const { log } = this.#deps;
    return {
      deps: this.#deps,
      pacer: this.#context.pacer,
      circuit: this.#context.circuit,
      options,
      counts,
      cutoff,
      onTrouble: (reason) => log.error("Delivery pauses: {reason}", { reason }),
      onWorking: () => log.info("Delivery goes on: Zulip takes messages again"),
      onRefused: () => this.#accounts.forget(),
    };
  }
}

/**
 * How many recipients to claim after a chunk: of those that find no room in it everything was loaded in vain, so as many as found
 * room; and twice as many as before when all did.
 */
export function recipientsToClaim(before: number, foundRoom: number, leftOut: number): number {
  return leftOut > 0 ? Math.max(1, foundRoom) : Math.min(CHUNK_MESSAGES, before * 2);
}
