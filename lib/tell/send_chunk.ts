import type { SendOutcome, ZulipTarget } from "../bot/zulip_api.ts";
import type { Pacer } from "../bot/rate_limiter.ts";
import type { EpochMicros } from "../model/time.ts";
import { counted } from "../text/counted.ts";
import { failPoint } from "../base/fail_point.ts";
import { ownRecipients } from "./own_recipients.ts";
import type { Claim } from "./claim.ts";
import { type Circuit, type Trouble, troubleOf } from "../bot/circuit.ts";
import type { NotifierDeps, RoundCounts, RoundOptions } from "./notify_types.ts";
import type { Mark } from "./outcome_recorder.ts";

/** One message that is marked as being sent. */
export interface Outgoing {
  readonly messageId: string;
  readonly recipient: string;
  readonly target: ZulipTarget;
  readonly content: string;
  /** Refusals so far. */
  readonly attempts: number;
  /** An earlier send of it was once in doubt (and then looked up): it is never composed anew. */
  readonly doubted: boolean;
  readonly rows: number;
  /** When the oldest of its events was detected; `null` for a notice, which tells none. */
  readonly detectedAt: EpochMicros | null;
}

export interface SendContext {
  readonly deps: NotifierDeps;
  readonly pacer: Pacer;
  readonly circuit: Circuit;
  /** The state that these messages were marked in as being sent is still there, as far as is known. */
  stateIsSure(): boolean;
  readonly options: RoundOptions;
  readonly counts: RoundCounts;
  /** When the round began: what is given back is still due in it. */
  readonly cutoff: EpochMicros;
  /** Called once, when the circuit opens. */
  onTrouble(trouble: Trouble): void;
  onWorking(): void;
  onRefused(recipient: string): void;
  /** How a log names a recipient. */
  readonly nameOf?: (recipient: string) => string;
}

/** Requests at the same time; one recipient's go one after the other. */
export const SENDS_AT_ONCE = 8;
const WITHIN_CLAIM_MARGIN_MS = 50;
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 6 * 3_600_000;

/** Sends messages, and tells `record` what became of each as soon as that is known. */
export async function sendChunk(
  context: SendContext,
  outgoing: readonly Outgoing[],
  claim: Pick<Claim, "deadlineMs">,
  record: (mark: Mark) => void,
): Promise<void> {
  // Composing may have kept the event loop busy: connections that the server closed meanwhile are noticed first, instead of
  // by a POST whose outcome is unknown then.
  await context.deps.clock.sleep(0);
  const nameOf = await ownRecipients(context.deps.db.sql, outgoing.map(({ recipient }) => recipient));
  const naming: SendContext = { ...context, nameOf };
  const queues = [...Map.groupBy(outgoing, (message) => message.recipient).values()];
  let next = 0;
  const worker = async () => {
    for (let queue = queues[next++]; queue !== undefined; queue = queues[next++]) {
      let blocked = false;
      for (const message of queue) {
        const mark: Mark = blocked ? giveBack(context, message) : await sendOne(naming, message, claim.deadlineMs);
        // What follows keeps its place behind a message that has not arrived.
        if (mark.mark !== "sent" && mark.mark !== "dead") blocked = true;
        record(mark);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(SENDS_AT_ONCE, queues.length) }, worker));
}

async function sendOne(context: SendContext, message: Outgoing, deadlineMs: number): Promise<Mark> {
  const { deps, pacer, circuit, options, counts } = context;
  const { clock, config } = deps;
  if (options.stop.aborted || circuit.state === "open") return giveBack(context, message);
  await pacer.acquire(options.stop);
  const left = deadlineMs - clock.monotonicMs();
  // Whoever takes over an expired claim must find this request over: so it is not begun when it might outlive the claim.
  if (options.stop.aborted || left < config.zulip.requestTimeoutMs + WITHIN_CLAIM_MARGIN_MS) {
    return giveBack(context, message);
  }
  if ((circuit.state as string) === "open") return giveBack(context, message); // opened while this one waited
  // Whoever answers for the state now may know nothing of this send, so the guard looks into Zulip first.
  if (!context.stateIsSure()) return giveBack(context, message);
  failPoint("send.before_post");
  const outcome = await deps.zulip.send(message.target, message.content, options.hard);
  failPoint("send.after_post");
  pacer.observe(deps.zulip.rateLimit(), outcome);
  deps.metrics?.sends.inc({ outcome: outcome.outcome });
  const trouble = troubleOf(outcome);
  const proven = circuit.proven;
  if (trouble === null) {
    if (outcome.outcome !== "rate_limited" && circuit.worked()) context.onWorking();
  } else if (options.hard?.aborted !== true && circuit.trip(trouble, clock.monotonicMs())) {
    context.onTrouble(trouble);
  }
  return markOf(context, message, outcome, proven, counts);
}

function markOf(
  context: SendContext,
  message: Outgoing,
  outcome: SendOutcome,
  proven: boolean,
  counts: RoundCounts,
): Mark {
  const { clock, config } = context.deps;
  const { messageId } = message;
  const now = clock.now();
  switch (outcome.outcome) {
    case "sent":
      if (message.rows > 0) counts.messages++; // notices to the administrator tell no event
      counts.sent += message.rows;
      context.deps.metrics?.ended.inc({ status: "sent" }, message.rows);
      logSent(context, message, outcome.zulipMessageId, now);
      return { mark: "sent", messageId, zulipMessageId: outcome.zulipMessageId };
    case "refused": {
      const error = `HTTP ${outcome.status} ${outcome.code}: ${outcome.reason}`.trim();
      context.onRefused(message.recipient);
      context.deps.metrics?.refusals.inc({ reason: refusalLabel(outcome.code) });
      if (message.attempts + 1 >= config.notify.maxAttempts) return dead(context, message, "refused", error);
      const nextAttemptAt = now + retryDelayMs(message.attempts + 1) * 1000;
      return { mark: "refused", messageId, nextAttemptAt, error };
    }
    // The pacer holds everybody back for as long as Zulip asks.
    case "rate_limited":
    case "unauthorized":
    case "not_sent":
      return giveBack(context, message);
    case "unknown": {
      // Counts towards poison only if other sends have worked since the circuit last opened.
      const lookUpAt = now + config.zulip.settleMs * 1000;
      return { mark: "unknown", messageId, lookUpAt, towardsPoison: proven, reason: outcome.reason };
    }
  }
}

/** How long after the oldest event was detected, in seconds. */
export function delayS(detectedAt: EpochMicros | null, now: EpochMicros): number | null {
  return detectedAt === null ? null : Math.max(0, Math.round((now - detectedAt) / 100_000) / 10);
}

/** One line a message, which names nobody: whoever asks what a mentor got looks the ids up. */
function logSent(
  { deps: { log }, nameOf = (recipient) => recipient }: SendContext,
  message: Outgoing,
  zulipMessageId: string,
  now: EpochMicros,
): void {
  const data = { zulipMessageId, recipient: nameOf(message.recipient), events: message.rows };
  if (message.rows === 0) return log.info("Sent message {zulipMessageId} to {recipient}", data);
  log.info("Sent message {zulipMessageId} to {recipient}: {told}, {delayS} s after it was found", {
    ...data,
    told: counted(message.rows, "event"),
    delayS: delayS(message.detectedAt, now),
  });
}

function dead(context: SendContext, message: Outgoing, reason: string, error: string): Mark {
  context.counts.dead += message.rows;
  return { mark: "dead", messageId: message.messageId, reason, error };
}

function giveBack({ cutoff }: SendContext, message: Outgoing): Mark {
  return { mark: "given_back", messageId: message.messageId, nextAttemptAt: cutoff, unsent: !message.doubted };
}

/** How long a recipient's message waits after its n-th answered refusal (from 1). Milliseconds. */
function retryDelayMs(refusals: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, refusals - 1));
}

/** Zulip's code of a refusal as a label: its codes are few, and nothing else becomes one. */
export const refusalLabel = (code: string) => /^[A-Z][A-Z_]{0,60}$/.test(code) ? code : "OTHER";
