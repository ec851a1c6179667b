import { claimRecipients, lockHeldRecipients, releaseRecipients } from "../../sql/state/recipients.ts";
import type { EpochMicros } from "../model/time.ts";
import { failPoint } from "../base/fail_point.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

/** Recipients that only this process may deliver to, until `deadlineMs` on the monotonic clock. */
export interface Claim {
  readonly holder: string;
  /** Fencing tokens by recipient. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly deadlineMs: number;
}

/**
 * How long a claim holds beyond one request. Not longer than `zulip.settle`: a stranded claim's messages are looked up at
 * started_at + request_timeout + settle, and all its requests must be over by then. And short, since a crash blocks its
 * recipients until the claim expires.
 */
export function sendingTimeMs(config: NotifierDeps["config"]): number {
  return Math.min(20_000, Math.max(1000, config.zulip.settleMs));
}

/** Claims up to `limit` due recipients; `null` when nobody is due. */
export async function takeClaim(
  deps: NotifierDeps,
  holder: string,
  due: {
    readonly cutoff: EpochMicros;
    readonly limit: number;
    readonly only: readonly string[] | null;
  },
): Promise<Claim | null> {
  const ttlMs = deps.config.zulip.requestTimeoutMs + sendingTimeMs(deps.config);
  // Counted from before the claim is asked for, so that this process never believes in a claim that has expired.
  const deadlineMs = deps.clock.monotonicMs() + ttlMs;
  const rows = await claimRecipients(deps.db.sql, {
    source: deps.source,
    holder,
    now: due.cutoff,
    ttlMs,
    limit: due.limit,
    only: due.only,
  });
  if (rows.length === 0) return null;
  failPoint("claim.after_commit");
  return { holder, tokens: new Map(rows.map((row) => [row.recipient, row.claim_token])), deadlineMs };
}

/** Gives the recipients back, due again when they have something; those that were taken over meanwhile are left alone. */
export async function releaseClaim(deps: NotifierDeps, claim: Claim): Promise<void> {
  failPoint("claim.before_release");
  await retrying(() =>
    deps.db.sql.begin(async (tx) => {
      const held = await lockHeldRecipients(tx, deps.source, [...claim.tokens.keys()], [...claim.tokens.values()]);
      if (held.length === 0) return;
      await releaseRecipients(tx, deps.source, held.map((row) => row.recipient), deps.clock.now());
    })
  );
}
