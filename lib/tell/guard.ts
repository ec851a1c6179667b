import { fullPassDoneAfter } from "../../sql/state/lineage.ts";
import { writeFact } from "../../sql/state/facts.ts";
import { recordAct } from "../state/acts.ts";
import { renewEpochFor } from "../state/state_epoch.ts";
import { type Doubt, StateLineage } from "../state/state_lineage.ts";
import { counted } from "../text/counted.ts";
import { shortMarker } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import { fromHereOn, guardSince, readBotFact, spanWords, writeBotFact } from "./look_back.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { channelsToScan, scanOwnMessages } from "./scan_own_messages.ts";
import type { SeenTally } from "./seen_messages.ts";

const AGAIN_MS = 3_600_000;
/** While refusing: the administrator may have put things right. */
const AGAIN_REFUSED_MS = 10_000;
/** While waiting for a full pass. */
const AGAIN_HELD_MS = 1000;

export const GUARD_HINT =
  "Another lmsmon uses this bot, or this state was restored or replaced: run `lmsmon reconcile`, " +
  "or start with --take-over (accept what the bot sent so far) or --no-notify";

/** Why nothing may be sent now. `held`: it ends by itself; `refused`: a person is asked. */
export interface GuardVerdict {
  readonly kind: "held" | "refused";
  readonly reason: string;
}

/**
 * Refuses to send while the bot has recent messages that this state does not know: another lmsmon, or a state that was lost. What
 * is found of this state's own deliveries is marked as sent, so that a state restored from a backup tells nothing twice.
 *
 * A state can also be set back under a running process: a standby that had not got the last commits takes over, or a backup is put
 * in its place. So after every lost connection, and when the state shows itself to be another or an older one, everything is read before
 * the next message. What the state does not know then mostly belongs to events that the next full pass finds again. Sending
 * waits for that pass, and only what is unknown after it is a person's affair.
 */
export class Guard {
  readonly #deps: NotifierDeps;
  readonly #lineage: StateLineage;
  #checkedAtMs = -Infinity;
  #refusal: string | null = null;
  /** When the last look of this process found something that the state does not know. */
  #askedAt: EpochMicros | null = null;
  #takeOver: boolean;
  #doubt: Doubt | null = null;
  /** The losses of the state's connection that were dealt with. */
  #losses: number;
  /** By then a message that was being sent when commits may have been lost has arrived in Zulip, or never will. */
  #settledAtMs = -Infinity;
  /** Sending waits for a full pass that began after this poll. */
  #passAfter: string | null = null;
  #markedInDoubt = 0;
  /** What the bot told of events that this state did not know, and a person accepted. */
  #accepted: ReadonlySet<string> = new Set();
  /** Markers that begin like an accepted one and were compared as a whole since: they belong to other deliveries. */
  readonly #othersOf = new Set<string>();

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#lineage = new StateLineage(deps.db);
    this.#losses = deps.db.losses;
    this.#takeOver = deps.takeOver === true;
  }

  /** Whether the state is still the one that the last check spoke of, as far as is known without asking it. */
  get sure(): boolean {
    return this.#doubt === null && this.#deps.db.losses === this.#losses;
  }

  /** The same after asking the state, for the moment between marking messages as being sent and sending them. */
  async confirm(): Promise<boolean> {
    await this.#notice();
    return this.sure;
  }

  /**
   * Whether some of these deliveries were told by a state that is gone, and accepted by a person: their rows had left the LMS and
   * are back, or were corrected anew. If so, the next check reads what the bot sent and marks them as sent.
   */
  wereTold(markers: readonly string[]): boolean {
    const begun = markers.filter((marker) => this.#accepted.has(shortMarker(marker)) && !this.#othersOf.has(marker));
    if (begun.length === 0 && !markers.some((marker) => this.#accepted.has(marker))) return false;
    for (const marker of begun) this.#othersOf.add(marker);
    this.#doubt ??= "lost";
    return true;
  }

  /** Milliseconds until `check` could answer otherwise; 0: sending is allowed, or it is time to check. */
  pauseMs(): number {
    const now = this.#deps.clock.monotonicMs();
    if (this.#doubt !== null) return Math.max(this.#settledAtMs - now, this.#passAfter === null ? 0 : AGAIN_HELD_MS);
    return this.#refusal === null ? 0 : Math.max(0, this.#checkedAtMs + AGAIN_REFUSED_MS - now);
  }

  /** `null` when sending is allowed, else why not. Throws ZulipError when Zulip cannot be asked. */
  async check(signal?: AbortSignal): Promise<GuardVerdict | null> {
    await this.#notice();
    if (this.#doubt !== null) return await this.#dispelDoubt(signal);
    const pause = this.#refusal === null ? AGAIN_MS : AGAIN_REFUSED_MS;
    if (this.#deps.clock.monotonicMs() - this.#checkedAtMs >= pause) this.#conclude(await this.#read(false, signal));
    return this.#verdict();
  }

  async #notice(): Promise<void> {
    const { db, clock, config, log } = this.#deps;
    const lost = db.losses !== this.#losses;
    const doubt = await this.#lineage.look();
    this.#losses = this.#lineage.losses;
    if (doubt === null) return;
    const what = lost ? "The state database lost its connection" : "The state database was set back or replaced";
    log.warn(`${what}: reading what the bot sent before the next message`, {
      commits: doubt === "replaced" ? "some may be gone" : "none is missing",
    });
    this.#passAfter = null;
    if (this.#doubt === null) this.#markedInDoubt = 0;
    if (doubt === "replaced") {
      // Other processes had messages on their way too, and nobody can ask the state about them any more.
      this.#settledAtMs = clock.monotonicMs() + config.zulip.requestTimeoutMs + config.zulip.settleMs;
    }
    if (this.#doubt !== "replaced") this.#doubt = doubt;
  }

  async #dispelDoubt(signal?: AbortSignal): Promise<GuardVerdict | null> {
    const { clock, db, source, log } = this.#deps;
    if (clock.monotonicMs() < this.#settledAtMs) {
      return held("the state database changed, and messages that were on their way then are waited for");
    }
    const passAfter = this.#passAfter;
    if (passAfter !== null) {
      const [row] = await fullPassDoneAfter(db.sql, source, passAfter);
      if (row?.done !== true) return held(WAITS_FOR_PASS);
    }
    const { tally, ...read } = await this.#read(true, signal);
    this.#markedInDoubt += tally.reconciled;
    if (passAfter === null && tally.foreign > 0 && !read.accepted) {
      this.#passAfter = this.#lineage.newestPoll;
      await writeFact(db.sql, source, "full_pass_wanted", JSON.stringify({ after_poll: this.#passAfter }));
      log.warn("{unknown} of the bot not known to this state: sending waits for the next full pass", {
        unknown: counted(tally.foreign, "delivery", "deliveries"),
        markers: tally.foreign,
        marked: tally.reconciled,
      });
      return held(WAITS_FOR_PASS);
    }
    log.info("Read what the bot sent: {found} marked as sent, {unknown} unknown", {
      found: counted(this.#markedInDoubt, "delivery", "deliveries"),
      marked: this.#markedInDoubt,
      unknown: tally.foreign,
      messages: tally.marked,
    });
    this.#doubt = null;
    this.#passAfter = null;
    this.#conclude({ tally, ...read });
    return this.#verdict();
  }

  #conclude({ tally, accepted, backUs }: Reading): void {
    this.#checkedAtMs = this.#deps.clock.monotonicMs();
    const sent = `the bot sent ${counted(tally.foreign, "notification")} in the last ${spanWords(backUs)}`;
    this.#refusal = tally.foreign > 0 && !accepted ? `${sent} that this state does not know` : null;
  }

  #verdict(): GuardVerdict | null {
    return this.#refusal === null ? null : { kind: "refused", reason: this.#refusal };
  }

  async #read(whole: boolean, signal?: AbortSignal): Promise<Reading> {
    const { db, zulip, source, config, clock } = this.#deps;
    const bot = await zulip.me(signal);
    const fact = await readBotFact(db, source);
    const known = fact?.user_id === bot.userId ? fact : null;
    const accepted = known?.accepted_through ?? null;
    const now = clock.now();
    const since = guardSince(known, { now, askedAt: this.#askedAt });
    const { fallback } = config.notify;
    const channels = await channelsToScan(db, source, fallback, since);
    const unknown = new Set<string>();
    const onUnknown = (marker: string) => void unknown.add(marker);
    const scan = { since, source, fallback, channels, whole, dryRun: false, acceptedThrough: accepted, onUnknown };
    const tally = await scanOwnMessages(this.#deps, scan, signal);
    await renewEpochFor(db, source, unknown);
    let acceptedThrough = accepted;
    if (tally.foreign > 0 && this.#takeOver) {
      acceptedThrough = tally.newestForeign;
      const effect = `${counted(tally.foreign, "notification")} of the bot accepted that this state does not know`;
      await recordAct(db.sql, { source, command: "--take-over", effect });
    }
    this.#takeOver = false; // once per process: what another lmsmon sends from now on is noticed again
    // Then everything was read, so `unknown` is the whole accepted set.
    const readEverything = acceptedThrough !== accepted || whole && tally.foreign === 0;
    const remembered = known !== null && acceptedThrough !== null ? known.accepted_markers : [];
    this.#accepted = readEverything ? unknown : new Set(remembered);
    const isAccepted = acceptedThrough !== accepted;
    const isClear = tally.foreign === 0 || isAccepted;
    this.#askedAt = isClear ? null : now;
    await writeBotFact(db, source, {
      user_id: bot.userId,
      accepted_through: acceptedThrough,
      accepted_markers: [...this.#accepted],
      read_from: isClear ? fromHereOn(now) : since,
      read_at: now,
    });
    return { tally, accepted: isAccepted, backUs: now - since };
  }
}

interface Reading {
  readonly tally: SeenTally;
  /** What is unknown was accepted just now, by --take-over. */
  readonly accepted: boolean;
  /** How far back was read. */
  readonly backUs: number;
}

const WAITS_FOR_PASS =
  "the bot sent notifications that this state does not know: the next full pass may find their events";

const held = (reason: string): GuardVerdict => ({ kind: "held", reason });
