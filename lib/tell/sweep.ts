import { bringBackToNow, wakeForgottenRecipients } from "../../sql/state/recipients.ts";
import type { EpochMicros } from "../model/time.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import { sendingTimeMs } from "./claim.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

/**
 * Finds what nobody would look at, at a start and now and then: deliveries without a recipient that is due, and what was put
 * off by a clock that has been set back since.
 */
export async function sweep(deps: NotifierDeps, now: EpochMicros): Promise<void> {
  const { db, source, config } = deps;
  const { requestTimeoutMs, settleMs } = config.zulip;
  const sendingMs = requestTimeoutMs + sendingTimeMs(config);
  const longest = { gatherMs: config.notify.gatherMs, lookUpMs: sendingMs + settleMs, claimMs: sendingMs };
  await retrying(() => bringBackToNow(db.sql, source, now, longest));
  await retrying(() => besideErasures(db, async (tx) => void await wakeForgottenRecipients(tx, source)));
}
