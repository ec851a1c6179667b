import type { ZulipError } from "../ops/errors.ts";
import type { SendOutcome } from "../zulip/zulip_api.ts";
import type { Trouble } from "./circuit.ts";

/** Sends whose end nobody recorded, or that stayed unclear while others went well: at this many a message is poison. */
export const POISON_LIMIT = 10;

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 6 * 3_600_000;

/** How long a recipient's message waits after its n-th answered refusal (from 1). Milliseconds. */
export function retryDelayMs(refusals: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, refusals - 1));
}

/** What a send means for everybody else; `null`: nothing. */
export function troubleOf(outcome: SendOutcome): Trouble | null {
  switch (outcome.outcome) {
    case "unauthorized":
      return { kind: "unauthorized", reason: outcome.reason };
    case "not_sent":
      return { kind: "unreachable", reason: outcome.reason };
    case "unknown":
      return { kind: "failing", reason: outcome.reason };
    default:
      return null;
  }
}

/** The same of a reading call that failed. */
export function troubleOfError(error: ZulipError): Trouble {
  const reason = error.message;
  if (error.retryAfterMs !== null) return { kind: "rate_limited", reason, atLeastMs: error.retryAfterMs };
  if (error.reason === "failed") return { kind: "failing", reason };
  return { kind: error.reason === "refused" ? "unauthorized" : "unreachable", reason };
}
