import type { EpochMicros } from "../model/time.ts";
import { collectPiledUpGarbage } from "../ops/collect_garbage.ts";
import type { Pacer } from "../zulip/rate_limiter.ts";
import { createAccounts } from "./accounts.ts";
import type { Channels } from "./channels.ts";
import { ChunkSize } from "./chunk_size.ts";
import type { Circuit } from "./circuit.ts";
import type { Guard } from "./guard.ts";
import { releaseClaim } from "./claim.ts";
import { ClaimQueue, type Expected, type Turn } from "./claim_queue.ts";
import type { NotifierDeps, RoundCounts, RoundOptions } from "./notify_types.ts";
import { prepareChunk, type PreparedChunk } from "./prepare_chunk.ts";
import { sendChunk, type SendContext, SENDS_AT_ONCE } from "./send_chunk.ts";
import { SendSlots } from "./send_slots.ts";

/** What every delivery of a process shares. */
export interface DeliveryContext {
  readonly circuit: Circuit;
  readonly pacer: Pacer;
  /** Nothing is sent on the word of a state that is not the one the guard has looked at. */
  readonly guard: Pick<Guard, "sure" | "confirm" | "wereTold">;
  readonly channels: Channels;
  /** Whether sends may go out now; asks Zulip when the circuit is open and it is time to. */
  zulipAnswers(options: RoundOptions): Promise<boolean>;
}

/** Of one run. */
interface Run {
  readonly cutoff: EpochMicros;
  readonly counts: RoundCounts;
  readonly options: RoundOptions;
  readonly queue: ClaimQueue;
  /** Chunks being prepared, sent or written down. */
  readonly underWay: Set<Promise<void>>;
  readonly preparing: Set<Promise<void>>;
  /** Chunks that were sent and written down. */
  ended: number;
  /** After so many of them nobody else was due. Each that ends may leave somebody due again whom it could not finish. */
  dryAfter: number | null;
  failure: { readonly error: unknown } | null;
}

/** Chunks under way: while one is sent, others are prepared and written down. */
const CHUNKS_AT_ONCE = 4;
/** Preparing takes as long as sending, mostly waiting for the state database: one at a time would keep the senders waiting. */
const PREPARED_AT_ONCE = 2;

/** Delivers what is due, chunk by chunk. */
export class Delivery {
  readonly #deps: NotifierDeps;
  readonly #context: DeliveryContext;
  readonly #accounts;
  readonly #holder = `${Deno.pid}:${crypto.randomUUID().slice(0, 8)}`;
  readonly #size = new ChunkSize();
  readonly #slots = new SendSlots(SENDS_AT_ONCE);
  #chunks = 0;

  constructor(deps: NotifierDeps, context: DeliveryContext) {
    this.#deps = deps;
    this.#context = context;
    this.#accounts = createAccounts(deps);
  }

  /**
   * Delivers to `only`, in their order, or to all that are due when that is `null`; ends early when stopped and when Zulip is
   * away. Throws what the state database or a question to Zulip threw, after everything under way has ended.
   */
  async run(
    cutoff: EpochMicros,
    only: readonly Expected[] | null,
    counts: RoundCounts,
    options: RoundOptions,
  ): Promise<void> {
    const run: Run = {
      cutoff,
      counts,
      options,
      queue: new ClaimQueue(only),
      underWay: new Set(),
      preparing: new Set(),
      ended: 0,
      dryAfter: null,
      failure: null,
    };
    try {
      while (run.failure === null && !options.stop.aborted) {
        if (!await this.#beginNext(run)) break;
      }
    } finally {
      await Promise.all(run.underWay);
    }
    if (run.failure !== null) throw run.failure.error;
  }

  /** Begins one more chunk, or waits until one may begin; `false` when there is nothing left to do. */
  async #beginNext(run: Run): Promise<boolean> {
    const { circuit, guard } = this.#context;
    if (!guard.sure) return false; // the next round begins with the guard
    if (circuit.state === "open") {
      await Promise.all(run.underWay);
      if (!await this.#context.zulipAnswers(run.options)) return false;
    }
    const trial = circuit.state === "half_open";
    if (run.underWay.size >= (trial ? 1 : CHUNKS_AT_ONCE)) {
      await Promise.race(run.underWay);
      return true;
    }
    if (run.preparing.size >= PREPARED_AT_ONCE) {
      await Promise.race(run.preparing);
      return true;
    }
    if (run.dryAfter === run.ended) {
      if (run.underWay.size === 0) return false;
      await Promise.race(run.underWay);
      return true;
    }
    const turn = run.queue.next(this.#size.messages);
    if (turn === null) {
      if (run.preparing.size === 0) return false;
      await Promise.race(run.preparing); // whoever finds no room in it has another turn
      return true;
    }
    this.#begin(run, turn, trial);
    return true;
  }

  #begin(run: Run, turn: Turn, trial: boolean): void {
    const prepared = this.#prepare(run, turn, trial);
    const preparing = prepared.then(() => {}, () => {}).finally(() => run.preparing.delete(preparing));
    run.preparing.add(preparing);
    const task = prepared
      .then(async (chunk) => {
        if (chunk === null) return;
        await this.#send(chunk, run);
        run.ended++;
      })
      .catch((error) => {
        run.failure ??= { error };
      })
      .finally(() => run.underWay.delete(task));
    run.underWay.add(task);
  }

  async #prepare(run: Run, turn: Turn, trial: boolean): Promise<PreparedChunk | null> {
    const { ended } = run;
    const chunk = await prepareChunk(this.#deps, this.#accounts, this.#context.channels, {
      holder: `${this.#holder}:${++this.#chunks}`,
      cutoff: run.cutoff,
      limit: turn.limit,
      only: turn.only?.map(({ recipient }) => recipient) ?? null,
      // A trial claims as many as ever: what is in doubt is looked up for all of them at once.
      sends: trial ? 1 : this.#size.messages,
      wereTold: (markers) => this.#context.guard.wereTold(markers),
      signal: run.options.hard,
    }, run.counts);
    if (chunk !== null) run.queue.took(turn, chunk.leftOut, chunk.composed);
    else if (turn.only === null) run.dryAfter = ended;
    return chunk;
  }

  async #send(chunk: PreparedChunk, { cutoff, counts, options }: Run): Promise<void> {
    const { clock, log } = this.#deps;
    const { guard } = this.#context;
    const began = clock.monotonicMs();
    const context: SendContext = {
      deps: this.#deps,
      pacer: this.#context.pacer,
      circuit: this.#context.circuit,
      stateIsSure: () => guard.sure,
      slots: this.#slots,
      options,
      counts,
      cutoff,
      onTrouble: (reason) => log.error("Delivery pauses: {reason}", { reason }),
      onWorking: () => log.info("Delivery goes on: Zulip takes messages again"),
      onRefused: () => this.#accounts.forget(),
    };
    try {
      // What was marked as being sent may have been marked in a state that is gone: a pooler hides a lost connection.
      await guard.confirm();
      await sendChunk(context, chunk.outgoing, chunk.claim);
    } finally {
      await releaseClaim(this.#deps, chunk.claim);
    }
    collectPiledUpGarbage();
    this.#size.took(chunk.outgoing.length, clock.monotonicMs() - began);
  }
}
