import { SHORTEST_LIFE_MS } from "../../sql/state/leases.ts";

/**
 * How long a lease lives without renewal, and how often a standby looks, both in milliseconds: a dead leader is replaced
 * within two intervals (1 life + 1 look; where the interval is shorter than the shortest life, within that and a look), and a poll of some seconds does not lose its lease to a slow heartbeat.
 */
export function leaseTimes(intervalMs: number): { readonly ttlMs: number; readonly lookMs: number } {
  const ttlMs = Math.min(Math.max(intervalMs, SHORTEST_LIFE_MS), 60_000);
  return { ttlMs, lookMs: Math.min(Math.max(intervalMs / 3, 300), 5_000) };
}
