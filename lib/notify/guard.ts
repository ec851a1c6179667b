import { z } from "zod";
import { readFact, writeFact } from "../../sql/state/reconcile.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import type { ReadMessage } from "../zulip/zulip_api.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { markSeen, newTally, type SeenTally } from "./seen_messages.ts";

/** How far back the bot's own messages say whether this state is the one that sends in its name. */
const BACK_S = 36 * 3600;
/** Read at first; more only when something is amiss. */
const FIRST_LOOK = 200;
const PAGE = 500;
const AGAIN_MS = 3_600_000;
/** While refusing: the administrator may have put things right. */
const AGAIN_REFUSED_MS = 10_000;

export const GUARD_HINT =
  "Another lmsmon uses this bot, or this state was restored or replaced: run `lmsmon reconcile --since 36h`, " +
  "or start with --take-over (accept what the bot sent so far) or --no-notify";

/** What is remembered of the bot, by source. */
const BotFact = z.object({ user_id: z.string(), accepted_through: z.string().nullable() });

/**
 * Refuses to send while the bot has recent messages that this state does not know: another lmsmon, or a state that was lost. What
 * is found of this state's own deliveries is marked as sent, so that a state restored from a backup tells nothing twice.
 */
export class Guard {
  readonly #deps: NotifierDeps;
  #checkedAtMs = -Infinity;
  #refusal: string | null = null;
  #takeOver: boolean;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#takeOver = deps.takeOver === true;
  }

  /** `null` when sending is allowed, else why not. Throws ZulipError when Zulip cannot be asked. */
  async check(signal?: AbortSignal): Promise<string | null> {
    const { clock, source } = this.#deps;
    const pause = this.#refusal === null ? AGAIN_MS : AGAIN_REFUSED_MS;
    if (clock.monotonicMs() - this.#checkedAtMs < pause) return this.#refusal;
    const bot = await this.#deps.zulip.me(signal);
    const [row] = await readFact(this.#deps.db.sql, source, "bot");
    const known = BotFact.safeParse(row?.value);
    const accepted = known.success && known.data.user_id === bot.userId ? known.data.accepted_through : null;
    // Two copies of a state on one bot, or a human's key: a bot that cannot read what it sent cannot be guarded.
    const tally = await this.#scan(accepted, signal);
    let acceptedThrough = accepted;
    if (tally.foreign > 0 && this.#takeOver) acceptedThrough = tally.newestForeign;
    this.#takeOver = false; // once per process: what another lmsmon sends from now on is noticed again
    if (!known.success || known.data.user_id !== bot.userId || acceptedThrough !== accepted) {
      await writeFact(
        this.#deps.db.sql,
        source,
        "bot",
        JSON.stringify({ user_id: bot.userId, accepted_through: acceptedThrough }),
      );
    }
    this.#checkedAtMs = clock.monotonicMs();
    this.#refusal = tally.foreign > 0 && acceptedThrough === accepted
      ? `the bot sent ${tally.foreign} notifications in the last 36 hours that this state does not know`
      : null;
    return this.#refusal;
  }

  async #scan(acceptedThrough: string | null, signal?: AbortSignal): Promise<SeenTally> {
    const tally = newTally();
    const sinceS = Math.floor(this.#deps.clock.now() / MICROS_PER_SECOND) - BACK_S;
    let page: ReadMessage[] = [];
    let read = 0;
    const flush = async () => {
      await markSeen(this.#deps, page, tally, { dryRun: false, acceptedThrough });
      page = [];
    };
    for await (const message of this.#deps.zulip.ownMessages(undefined, sinceS, signal)) {
      page.push(message);
      read++;
      const deep = tally.foreign > 0 || tally.reconciled > 0;
      if (page.length >= (deep ? PAGE : FIRST_LOOK)) {
        await flush();
        // The newest are all known as sent: so is what came before them.
        if (tally.foreign === 0 && tally.reconciled === 0 && read >= FIRST_LOOK) return tally;
      }
    }
    await flush();
    return tally;
  }
}
