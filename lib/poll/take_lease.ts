import { acquireLease, type LeaseResult } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import { isProvablyGone } from "./holder.ts";

/** Takes the lease when it is free or expired, and at once when its holder was a process of this machine that is gone. */
export async function takeLease(db: StateDb, source: string, holder: string, ttlMs: number): Promise<LeaseResult> {
  const result = await acquireLease(db, source, holder, ttlMs);
  if (result.lease || !isProvablyGone(result.holder)) return result;
  return await acquireLease(db, source, holder, ttlMs, result.holder);
}
