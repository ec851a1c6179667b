import { SHORTEST_LIFE_MS } from "../../sql/state/leases.ts";
import { acquireLease, type LeaseResult } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import { isProvablyGone } from "./holder.ts";

/** Takes the lease when it is free or expired, and at once when its holder was a process of this machine that is gone. */
export async function takeLease(db: StateDb, source: string, holder: string, ttlMs: number): Promise<LeaseResult> {
  const result = await acquireLease(db, source, holder, ttlMs);
  if (result.lease || !isProvablyGone(result.holder)) return result;
  return await acquireLease(db, source, holder, ttlMs, result.holder);
}

/**
 * How long a lease lives without renewal, and how often a standby looks, both in milliseconds. A dead leader is replaced after one life
 * and one look at most, which is less than two intervals unless the interval is shorter than the shortest life; and a poll of some
 * seconds does not lose its lease to a slow heartbeat.
 */
export function leaseTimes(intervalMs: number): { readonly ttlMs: number; readonly lookMs: number } {
  const ttlMs = Math.min(Math.max(intervalMs, SHORTEST_LIFE_MS), 60_000);
  return { ttlMs, lookMs: Math.min(Math.max(intervalMs / 3, 300), 5_000) };
}
