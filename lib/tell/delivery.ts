import { erasureMark } from "../../sql/state/erasures.ts";
import type { EpochMicros } from "../model/time.ts";
import { ADMIN } from "../model/recipient.ts";
import { collectPiledUpGarbage } from "../drivers/deno/collect_garbage.ts";
import { failPoint } from "../base/fail_point.ts";
import type { Pacer } from "../bot/rate_limiter.ts";
import { createAccounts } from "./accounts.ts";
import type { Channels } from "./channels.ts";
import type { Circuit } from "../bot/circuit.ts";
import { sayDeliveryPauses } from "./block_note.ts";
import { type Claim, releaseClaim, takeClaim } from "./claim.ts";
import { ClaimLost, composeChunk } from "./compose_chunk.ts";
import { decide, type Decision } from "./decide.ts";
import { decideLetters } from "./decide_letters.ts";
import type { Guard } from "./guard.ts";
import { loadDue } from "./load_due.ts";
import { type LoadedLetters, loadLetters } from "./load_letters.ts";
import type { NotifierDeps, RoundCounts, RoundOptions } from "./notify_types.ts";
import { OutcomeRecorder } from "./outcome_recorder.ts";
import { readPauses, withholdPaused } from "./pauses.ts";
import { putOffUnreadable } from "./put_off_unreadable.ts";
import { type Redirect, RedirectFinder } from "./redirect.ts";
import { retrying } from "./retrying.ts";
import { type Outgoing, sendChunk, type SendContext, SENDS_AT_ONCE } from "./send_chunk.ts";
import { markBegun, readyAgain, settleUnfinished } from "./settle_unfinished.ts";

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

/** One round of deliveries: what is due at `cutoff` is told. */
export interface Round {
  readonly cutoff: EpochMicros;
  readonly counts: RoundCounts;
  readonly options: RoundOptions;
}

/**
 * Messages sent under one claim: enough for thousands a second, and few enough that a crash leaves little in doubt. Where
 * Zulip takes 200 a minute, some 60 leave before the claim ends; the others are given back, and go with the next claim.
 */
export const CHUNK_MESSAGES = 128;

/** Delivers what is due, one chunk at a time; the stages of a chunk are `#deliverChunk`. */
export class Delivery {
  readonly #deps: NotifierDeps;
  readonly #context: DeliveryContext;
  readonly #accounts;
  readonly #holder = `${Deno.pid}:${crypto.randomUUID().slice(0, 8)}`;
  readonly #redirect: RedirectFinder;
  #chunks = 0;
  /** How many recipients the next chunk claims: few at first, since nobody knows yet how much has piled up for each. */
  #recipients = SENDS_AT_ONCE;
  /** Recipients that had more due than is composed at a time: what is left goes with the next chunk, at once. */
  #goesOn: ReadonlySet<string> = new Set();

  constructor(deps: NotifierDeps, context: DeliveryContext) {
    this.#deps = deps;
    this.#context = context;
    this.#accounts = createAccounts(deps);
    this.#redirect = new RedirectFinder(deps);
  }

  /**
   * Delivers to `only`, in their order, or to all that are due when that is `null`; ends early when stopped and when Zulip is
   * away, or the state may be another one by now. Throws what the state database or a question to Zulip threw.
   */
  async deliver(round: Round, only: readonly string[] | null): Promise<void> {
    const { circuit, guard } = this.#context;
    const names = only === null ? null : [...only];
    while (!round.options.stop.aborted) {
      if (!guard.sure) return; // the next round begins with the guard
      if (circuit.state === "open" && !await this.#context.zulipAnswers(round.options)) return;
      const next = names?.splice(0, this.#recipients) ?? null;
      if (next?.length === 0) return;
      const leftOut = await this.#deliverChunk(round, next);
      if (leftOut === null && next === null) return; // nobody is due any more
      names?.unshift(...leftOut ?? []); // who found no room comes next; who is not done yet, with everybody else
      collectPiledUpGarbage();
    }
  }

  /**
   * The stages that a message goes through:
   *
   * | stage    | makes                                                                          | file                         |
   * | -------- | ------------------------------------------------------------------------------ | ---------------------------- |
   * | claim    | due recipients that nobody else delivers to meanwhile                          | claim.ts                     |
   * | settle   | what earlier chunks left unfinished: looked up, taken apart, or ready to leave | settle_unfinished.ts         |
   * | withhold | composed messages of what is paused                                            | pauses.ts                    |
   * | put off  | what goes to channels in which the bot could not look up what it sent          | put_off_unreadable.ts        |
   * | load     | what is due to the others, and all that deciding rests on                      | load_due.ts, load_letters.ts |
   * | decide   | who is told what, in which messages (pure)                                     | decide.ts, decide_letters.ts |
   * | compose  | the same in the state database: texts are fixed, messages marked as being sent | compose_chunk.ts             |
   * | confirm  | that the state they were marked in is the one that the guard has looked at     | guard.ts                     |
   * | send     | requests to Zulip, and what became of each                                     | send_chunk.ts                |
   * | record   | that in the state database                                                     | outcome_recorder.ts          |
   * | release  | recipients that may be claimed again, when they have something                 | claim.ts                     |
   *
   * A process that dies between two of them leaves a claim that expires, and messages that a later `settle` looks up.
   *
   * Returns the recipients that found no room and were given back; `null` when none could be claimed.
   */
  async #deliverChunk(round: Round, only: readonly string[] | null): Promise<ReadonlySet<string> | null> {
    const { cutoff, counts, options: { hard } } = round;
    const { clock } = this.#deps;
    const { channels, guard } = this.#context;
    // After failed sends one message goes alone, to see whether sends work again. As many recipients as ever are claimed, since
    // what is in doubt is looked up for all of them at once.
    const isTrial = this.#context.circuit.state === "half_open";
    const room = isTrial ? 1 : CHUNK_MESSAGES;

    const holder = `${this.#holder}:${++this.#chunks}`;
    const claim = await takeClaim(this.#deps, holder, { cutoff, limit: this.#recipients, only });
    if (claim === null) return null;
    let held = claim;
    let leftOut: ReadonlySet<string> = new Set();
    try {
      const claimed = [...claim.tokens.keys()];
      const known = { accounts: this.#accounts, channels };
      const pauses = await readPauses(this.#deps, clock.now());
      const underWay = await settleUnfinished(this.#deps, known, claimed, cutoff, counts, hard);
      const settled = await withholdPaused(this.#deps, underWay, pauses);
      const unreadable = await putOffUnreadable(this.#deps, channels, claimed, settled, hard);
      const recipients = claimed.filter((recipient) => !unreadable.has(recipient));
      const unfinished = settled.filter((message) => !unreadable.has(message.recipient));
      const ready = readyAgain(unfinished, clock.now()).slice(0, room);
      const redirect = claimed.every((recipient) => recipient === ADMIN) ? null : await this.#redirect.find(hard);
      const news = withNothingUnfinished(recipients, unfinished);
      const composing = { claim, recipients: news, room: room - ready.length, cutoff, redirect };
      // Somebody else may change what is decided on: then it is read and decided again.
      const { goesOn, decision, composed } = await retrying(() => this.#compose(composing, hard));
      this.#note(counts, claim, decision, goesOn);
      leftOut = decision.leftOut; // composing gave them back
      held = without(claim, leftOut);
      const outgoing = [...await markBegun(this.#deps, claim, ready), ...composed];
      failPoint("send.marked");
      if (!isTrial) {
        const reached = new Set(outgoing.map((message) => message.recipient)).size;
        this.#recipients = recipientsToClaim(this.#recipients, reached, leftOut.size > 0 || outgoing.length >= room);
      }

      // What was marked as being sent may have been marked in a state that is gone: a pooler hides a lost connection.
      await guard.confirm();
      const recorder = new OutcomeRecorder(this.#deps, holder);
      await sendChunk(this.#sending(round), outgoing, claim, (mark) => recorder.record(mark));
      await recorder.finish();
    } catch (error) {
      await releaseClaim(this.#deps, held).catch(() => {}); // it expires; the first error says what is wrong
      // Whoever took a recipient over goes on with it; after a lost connection the guard comes first.
      if (error instanceof ClaimLost) return leftOut;
      throw error;
    }
    await releaseClaim(this.#deps, held);
    return leftOut;
  }

  /** The stages load, decide and compose, of recipients that have nothing under way. */
  async #compose(
    { claim, recipients, room, cutoff, redirect }: {
      readonly claim: Claim;
      readonly recipients: readonly string[];
      /** Messages that may still be begun. */
      readonly room: number;
      readonly cutoff: EpochMicros;
      readonly redirect: Redirect | null;
    },
    hard: AbortSignal | undefined,
  ): Promise<{ goesOn: ReadonlySet<string>; decision: Decision; composed: Outgoing[] }> {
    const { db, config } = this.#deps;
    const { losses } = db;
    const [erased] = await erasureMark(db.sql);
    const loaded = await loadDue(this.#deps, this.#accounts, { recipients, cutoff, goesOn: this.#goesOn }, hard);
    const weekly = await loadLetters(this.#deps, this.#accounts, recipients, cutoff, hard);
    // Told by a state that is gone: the guard marks them as sent first.
    const markers = [...loaded.rows.map((row) => row.told.marker), ...weekly.letters.map((row) => row.marker)];
    const wereTold = this.#context.guard.wereTold(markers);
    const due = wereTold ? { ...loaded, rows: [] } : loaded;
    const letters = wereTold ? { ...weekly, letters: [] } : weekly;
    const decision = withLetters(decide(due, room, config), letters, config);
    const mentors = new Map([...weekly.mentors, ...due.mentors]);
    const erasures = erased?.mark ?? "0";
    const composed = await composeChunk(this.#deps, claim, decision, {
      room,
      cutoff,
      losses,
      redirect,
      mentors,
      erasures,
    });
    return { goesOn: due.goesOn, decision, composed };
  }

  /** Counts what was decided, and remembers whose rest goes with the next chunk. */
  #note(counts: RoundCounts, claim: Claim, decision: Decision, goesOn: ReadonlySet<string>): void {
    const toldInPart = decision.messages.flatMap(({ recipient }) => goesOn.has(recipient) ? recipient : []);
    const elsewhere = [...this.#goesOn].filter((recipient) => !claim.tokens.has(recipient));
    this.#goesOn = new Set([...elsewhere, ...toldInPart]);
    counts.suppressed += decision.suppress.length;
    for (const { reason, until } of decision.putOff) notePutOff(counts, reason, until);
    for (const { reason } of decision.suppress) {
      this.#deps.metrics?.suppressed.inc({ reason });
      this.#deps.metrics?.ended.inc({ status: "suppressed" });
    }
  }

  #sending({ cutoff, counts, options }: Round): SendContext {
    const { log } = this.#deps;
    const { guard } = this.#context;
    return {
      deps: this.#deps,
      pacer: this.#context.pacer,
      circuit: this.#context.circuit,
      stateIsSure: () => guard.sure,
      options,
      counts,
      cutoff,
      onTrouble: (trouble) => sayDeliveryPauses(log, trouble),
      onWorking: () => log.info("Delivery goes on: Zulip takes messages again"),
      onRefused: () => this.#accounts.forget(),
    };
  }
}

/** The news first, then the weekly message of each recipient. */
function withLetters(decision: Decision, weekly: LoadedLetters, config: NotifierDeps["config"]): Decision {
  const letters = decideLetters(weekly, config, decision.leftOut);
  return {
    ...decision,
    messages: [...decision.messages, ...letters.messages],
    userIds: new Map([...decision.userIds, ...letters.userIds]),
    suppress: [...decision.suppress, ...letters.suppress],
    putOff: [...decision.putOff, ...letters.putOff],
    namings: letters.namings,
  };
}

/** What waits by the plan of `notify` or for a pause: the other reasons are looked at again and again. */
function notePutOff({ putOff }: RoundCounts, reason: Decision["putOff"][number]["reason"], until: EpochMicros): void {
  if (reason !== "gathering" && reason !== "quiet" && reason !== "rate" && reason !== "paused") return;
  const known = putOff.get(reason);
  putOff.set(reason, {
    deliveries: (known?.deliveries ?? 0) + 1,
    until: Math.min(until, known?.until ?? until),
  });
}

/** Recipients that something may be composed for: nothing passes a message under way, and notices are composed elsewhere. */
function withNothingUnfinished(
  recipients: readonly string[],
  unfinished: readonly { readonly recipient: string }[],
): string[] {
  const busy = new Set([ADMIN, ...unfinished.map((message) => message.recipient)]);
  return recipients.filter((recipient) => !busy.has(recipient));
}

function without(claim: Claim, recipients: ReadonlySet<string>): Claim {
  return { ...claim, tokens: new Map([...claim.tokens].filter(([recipient]) => !recipients.has(recipient))) };
}

/**
 * How many recipients to claim next, after a chunk with messages to `reached` of them. What is loaded for recipients without room is
 * loaded in vain: so as many as filled the chunk, or twice as many as before when it was not filled.
 */
export function recipientsToClaim(before: number, reached: number, isFull: boolean): number {
  return isFull ? Math.max(1, reached) : Math.min(CHUNK_MESSAGES, before * 2);
}
