import { dissolvableMessages, dissolveMessages } from "../../sql/state/messages.ts";
import { nextRecipientDue, recipientsWithExams, wakeRecipients } from "../../sql/state/recipients.ts";
import { unfinishedCounts, wakeRowsWithAccount } from "../../sql/state/waiting.ts";
import { escapeText } from "../format/escape_text.ts";
import { ADMIN } from "../model/recipient.ts";
import { type EpochMicros, fromInstant, MICROS_PER_SECOND } from "../model/time.ts";
import { counted } from "../text/counted.ts";
import { ZulipError } from "../base/errors.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import { createPacer } from "../bot/rate_limiter.ts";
import { Channels } from "./channels.ts";
import { Circuit, troubleOfError } from "../bot/circuit.ts";
import { Delivery, type Round } from "./delivery.ts";
import { Guard, GUARD_HINT, type GuardVerdict } from "./guard.ts";
import { AdminWatch } from "./admin_watch.ts";
import { BlockNote, sayDeliveryPauses } from "./block_note.ts";
import { Notices } from "./notices.ts";
import type { NotifierDeps, RoundCounts, RoundOptions, RoundResult } from "./notify_types.ts";
import { adoptOrphans } from "./orphans.ts";
import { retrying } from "./retrying.ts";
import { sayPutOff } from "./put_off_words.ts";
import { sweep } from "./sweep.ts";

export interface Notifier {
  /** Delivers everything that was due when it began. Throws only for the state database. One at a time. */
  round(options: RoundOptions): Promise<RoundResult>;
  /** When something is due next (also the next try while Zulip is away); `null`: nothing waits. */
  nextDueAt(): Promise<EpochMicros | null>;
  /** The fuse holds a poll: the administrator hears of it as soon as Zulip can be reached. */
  pollHeld(): Promise<void>;
  /** For how long Zulip still wants nothing sent, milliseconds; asked while a round waits for it. */
  heldBackMs(): number;
}

/** Recipients whose exams are told before anything else, at most: their names are in memory. */
const MOST_FIRST = 100_000;
const SWEEP_MS = 10 * 60_000;
/** Between two looks for first mentors and new accounts. */
const LONGEST_REST_MS = 10 * 60_000;
const DISSOLVE_PAGE = 1000;

export function createNotifier(deps: NotifierDeps): Notifier {
  return new OutboxNotifier(deps);
}

class OutboxNotifier implements Notifier {
  readonly #deps: NotifierDeps;
  readonly #pacer;
  readonly #guard: Guard;
  readonly #channels: Channels;
  readonly #notices: Notices;
  readonly #note: BlockNote;
  readonly #adminWatch: AdminWatch;
  readonly #circuit = new Circuit();
  readonly #delivery: Delivery;
  #sweptAtMs = -Infinity;
  #orphansNotBeforeMs = -Infinity;
  #freshStart = true;
  #left: Pick<RoundResult, "waiting" | "unknown" | "waits" | "unfinished"> = {
    waiting: 0,
    unknown: 0,
    waits: [],
    unfinished: new Map(),
  };
  #busy = true;
  #guardLogged = false;

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    this.#pacer = createPacer(deps.clock);
    this.#guard = new Guard(deps);
    this.#channels = new Channels(deps);
    this.#delivery = new Delivery(deps, {
      circuit: this.#circuit,
      pacer: this.#pacer,
      guard: this.#guard,
      channels: this.#channels,
      zulipAnswers: (options) => this.#zulipAnswers(options),
    });
    this.#notices = new Notices(deps);
    this.#note = new BlockNote(deps);
    this.#adminWatch = new AdminWatch(deps, this.#notices);
  }

  readonly heldBackMs = () => this.#pacer.heldBackMs();

  async pollHeld(): Promise<void> {
    this.#busy = true; // what is held is counted, though nothing of it is due
    await this.#notices.tellHeldPolls();
  }

  async nextDueAt(): Promise<EpochMicros | null> {
    const { clock, db, source } = this.#deps;
    const [row] = await nextRecipientDue(db.sql, source);
    if (row?.due_at == null) return null;
    const due = fromInstant(row.due_at);
    const pauseMs = Math.max(this.#circuit.probeInMs(clock.monotonicMs()), this.#guard.pauseMs());
    return pauseMs === 0 ? due : Math.max(due, clock.now() + Math.ceil(pauseMs * 1000));
  }

  async round(options: RoundOptions): Promise<RoundResult> {
    const counts: RoundCounts = { sent: 0, messages: 0, dead: 0, suppressed: 0, putOff: new Map() };
    let verdict: GuardVerdict | null = null;
    if (this.#circuit.state === "closed") {
      await this.#notices.tellHeldPolls();
      await this.#notices.tellOfSource();
    }
    await this.#adminWatch.look(this.#circuit.state);
    const cutoff = this.#deps.clock.now();
    await this.#prepareRound(cutoff, counts);
    const due = await this.#somethingDue(cutoff);
    this.#busy ||= due;
    // Another process may have told what was due here. Zulip is asked all the same, or this process would call it away for ever.
    const asks = !options.stop.aborted && (due || this.#circuit.state === "open");
    if (asks && await this.#zulipAnswers(options) && due) {
      try {
        verdict = await this.#guard.check(options.hard);
        this.#pacer.observe(this.#deps.zulip.rateLimit(), null);
        const refusal = verdict?.kind === "refused" ? verdict.reason : null;
        this.#noteGuard(refusal);
        if (verdict === null) await this.#deliver({ cutoff, counts, options });
        await this.#tellTrouble(refusal, counts, options);
      } catch (error) {
        this.#zulipTrouble(error, options);
      }
    }
    sayPutOff(this.#deps.log, counts);
    this.#adminWatch.afterRound(this.#circuit);
    await this.#note.afterRound(verdict, this.#circuit, due);
    await this.#count(counts);
    const oldestDueS = due ? await this.#oldestDueS() : 0;
    this.#logRound(counts, oldestDueS);
    return {
      ...counts,
      ...this.#left,
      oldestDueS,
      circuit: this.#circuit.state,
      trouble: verdict === null
        ? this.#circuit.reason
        : verdict.kind === "held"
        ? verdict.reason
        : `${verdict.reason}. ${GUARD_HINT}`,
      guarded: verdict !== null,
    };
  }

  /** What must be looked at although no recipient is due yet. */
  async #prepareRound(cutoff: EpochMicros, counts: RoundCounts): Promise<void> {
    const { db, source, clock } = this.#deps;
    if (this.#freshStart) await this.#dissolveUntried();
    if (clock.monotonicMs() - this.#sweptAtMs >= SWEEP_MS) {
      await sweep(this.#deps, cutoff);
      this.#sweptAtMs = clock.monotonicMs();
    }
    if (clock.monotonicMs() < this.#orphansNotBeforeMs && !this.#freshStart) return;
    const began = clock.monotonicMs();
    await adoptOrphans(this.#deps, cutoff, counts);
    // At a start everybody without an account is looked for again; later only those whom another process found.
    const found = await wakeRowsWithAccount(db.sql, source, cutoff, this.#freshStart);
    if (found.length > 0) await this.#wake(found.map((row) => row.recipient), cutoff);
    // However many wait, looking takes a twentieth of the time at most. A machine that stood still meanwhile looked at nothing.
    const ended = clock.monotonicMs();
    this.#orphansNotBeforeMs = ended + Math.min(20 * (ended - began), LONGEST_REST_MS);
    this.#freshStart = false;
  }

  async #wake(recipients: readonly string[], dueAt: EpochMicros): Promise<void> {
    const { db, source } = this.#deps;
    await retrying(() => besideErasures(db, async (tx) => void await wakeRecipients(tx, source, recipients, dueAt)));
  }

  async #somethingDue(cutoff: EpochMicros): Promise<boolean> {
    const [row] = await nextRecipientDue(this.#deps.db.sql, this.#deps.source);
    return row?.due_at != null && fromInstant(row.due_at) <= cutoff;
  }

  /** For how long the oldest delivery that may leave has been due: it grows while delivery is blocked. */
  async #oldestDueS(): Promise<number> {
    const [row] = await nextRecipientDue(this.#deps.db.sql, this.#deps.source);
    if (row?.due_at == null) return 0;
    return Math.max(0, (this.#deps.clock.now() - fromInstant(row.due_at)) / MICROS_PER_SECOND);
  }

  /** One line for a round that did something. */
  #logRound({ messages, sent, dead, suppressed }: RoundCounts, oldestDueS: number): void {
    if (messages + dead + suppressed === 0) return;
    this.#deps.log.info("Told {told} in {sent}", {
      told: counted(sent, "delivery", "deliveries"),
      sent: counted(messages, "message"),
      deliveries: sent,
      messages,
      dead,
      suppressed,
      waiting: this.#left.waiting,
      unknown: this.#left.unknown,
      oldestDueS: Math.round(oldestDueS),
    });
  }

  async #deliver(round: Round): Promise<void> {
    const { db, source } = this.#deps;
    // Exams first, also between recipients: they matter most when much has piled up.
    const first = await recipientsWithExams(db.sql, source, round.cutoff, MOST_FIRST);
    await this.#delivery.deliver(round, first.map((row) => row.recipient));
    await this.#delivery.deliver(round, null);
  }

  /** The administrator hears in the same round, also when the guard lets nothing else out. */
  async #tellTrouble(refusal: string | null, counts: RoundCounts, options: RoundOptions): Promise<void> {
    if (refusal !== null) await this.#notices.tell("guard", `nothing is sent: ${refusal}. ${GUARD_HINT}.`);
    if (counts.dead > 0) {
      await this.#notices.tell(
        "dead",
        `${counted(counts.dead, "notification")} could not be delivered: given up. \`lmsmon stats\` shows them.`,
      );
    }
    const unreadable = this.#channels.takeUnreadable();
    for (const channel of unreadable) await this.#notices.tell(`channel:${channel}`, cannotRead(channel));
    if (refusal === null && counts.dead === 0 && unreadable.length === 0) return;
    await this.#delivery.deliver({ cutoff: this.#deps.clock.now(), counts, options }, [ADMIN]);
  }

  /** Whether sends may go out now; asks Zulip when the circuit is open and it is time for the next probe. */
  async #zulipAnswers(options: RoundOptions): Promise<boolean> {
    const { clock, zulip, log } = this.#deps;
    if (this.#circuit.state !== "open") return true;
    if (!this.#circuit.probeDue(clock.monotonicMs())) return false;
    try {
      await zulip.reloadCredentials();
      await zulip.me(options.hard);
    } catch (error) {
      if (!(error instanceof ZulipError)) throw error;
      this.#circuit.probeFailed(troubleOfError(error), clock.monotonicMs());
      return false;
    }
    if (this.#circuit.probeWorked()) log.info("Delivery goes on: Zulip answers again");
    await this.#dissolveUntried();
    return true;
  }

  /** A reading call failed: Zulip is away for everybody. */
  #zulipTrouble(error: unknown, options: RoundOptions): void {
    if (options.hard?.aborted === true) return;
    if (!(error instanceof ZulipError)) throw error;
    const { clock, log } = this.#deps;
    const trouble = troubleOfError(error);
    if (this.#circuit.trip(trouble, clock.monotonicMs())) sayDeliveryPauses(log, trouble, error.hint);
  }

  /** After an outage, what was composed but never tried is composed anew with all that came since: one message per mentor. */
  async #dissolveUntried(): Promise<void> {
    const { db, source, clock } = this.#deps;
    for (let page = DISSOLVE_PAGE; page === DISSOLVE_PAGE;) {
      const untried = await dissolvableMessages(db.sql, source, DISSOLVE_PAGE);
      page = untried.length;
      if (page === 0) return;
      await dissolveMessages(db.sql, untried.map((row) => row.message_id), clock.now());
      await this.#wake(untried.map((row) => row.recipient), clock.now());
    }
  }

  #noteGuard(refusal: string | null): void {
    if (refusal === null) {
      if (this.#guardLogged) this.#deps.log.info("Delivery goes on: this state knows what the bot sent");
      this.#guardLogged = false;
      return;
    }
    if (!this.#guardLogged) {
      this.#deps.log.error("Cannot send: {reason}. {hint}", { reason: refusal, hint: GUARD_HINT });
    }
    this.#guardLogged = true;
  }

  async #count(counts: RoundCounts): Promise<void> {
    // An idle round costs next to nothing: the numbers change only when somebody was due. What is held is let go or dropped by
    // another process.
    if (!this.#busy && counts.suppressed === 0 && !this.#left.unfinished.get("held")) return;
    const rows = await unfinishedCounts(this.#deps.db.sql, this.#deps.source);
    const count = (...names: string[]) =>
      rows.filter((row) => names.includes(row.status)).reduce((sum, row) => sum + row.count, 0);
    const waits = rows.flatMap(({ reason, count: deliveries, from_us: from, until_us: until }) =>
      reason === null ? [] : [{ reason, deliveries, from: Number(from), until: Number(until) }]
    );
    const unfinished = new Map<string, number>();
    for (const row of rows) unfinished.set(row.status, (unfinished.get(row.status) ?? 0) + row.count);
    this.#left = { waiting: count("waiting", "pending", "sending"), unknown: count("unknown"), waits, unfinished };
    this.#busy = false;
  }
}

/** What the administrator reads when a channel cannot be read. */
function cannotRead(channel: string): string {
  return `nothing is sent to the channel ${
    escapeText(channel) ?? ""
  }: this bot cannot see there what it sent, so it could tell things ` +
    "twice. Subscribe the bot itself to the channel (its owner's subscription is not enough); what waits goes out then. " +
    "`lmsmon doctor` checks it.";
}
