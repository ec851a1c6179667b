import {
  endLease,
  extendLease,
  readLease,
  setLockTimeout,
  SHORTEST_LIFE_MS,
  takeLease,
} from "../../sql/state/leases.ts";
import { type EpochMicros, fromInstant } from "../model/time.ts";
import { errorCode } from "../base/database_errors.ts";
import type { StateDb } from "./state_db.ts";
import { freeFromStuck } from "./stuck_writers.ts";

/** The right to write events of a source, until somebody else took it over (fencing token). */
export interface Lease {
  readonly source: string;
  readonly holder: string;
  readonly token: string;
}

/** Who polls a source now, by the state database's clock. */
export interface TakenLease {
  readonly lease: null;
  readonly holder: string;
  readonly expiresAt: EpochMicros;
}

export type LeaseResult = { readonly lease: Lease } | TakenLease;

const LOCK_NOT_AVAILABLE = "55P03";
/** How long acquiring waits at most for a row that the holder's batch has locked. */
const LOCK_WAIT_MS = 3_000;

/**
 * Takes the lease when it is free or expired, by the state database's clock. `takeOverFrom` takes it from that holder at
 * once: only for a holder whose process is known to be gone. The token rises with every take-over.
 *
 * A holder that was stopped in the middle of a statement has the row locked for ever: its session is ended after half of a lease's
 * life, so that the row is free by the time the lease expires.
 */
export async function acquireLease(
  db: Pick<StateDb, "sql">,
  source: string,
  holder: string,
  ttlMs: number,
  takeOverFrom: string | null = null,
): Promise<LeaseResult> {
  const lifeMs = Math.max(ttlMs, SHORTEST_LIFE_MS);
  const waitMs = Math.min(Math.ceil(lifeMs / 4), LOCK_WAIT_MS);
  const take = () => tryToTake(db, { source, holder, ttlMs, takeOverFrom }, waitMs);
  let token = await take();
  if (token === "locked" && await freeFromStuck(db, lifeMs / 2)) token = await take();
  if (token !== null && token !== "locked") return { lease: { source, holder, token } };
  const [present] = await readLease(db.sql, source);
  if (!present) return acquireLease(db, source, holder, ttlMs, takeOverFrom);
  return { lease: null, holder: present.holder, expiresAt: fromInstant(present.expires_at) };
}

/** The new token; `null`: somebody else has the lease; `locked`: somebody is writing under it. */
async function tryToTake(
  db: Pick<StateDb, "sql">,
  wanted: Parameters<typeof takeLease>[1],
  waitMs: number,
): Promise<string | "locked" | null> {
  try {
    return await db.sql.begin(async (tx) => {
      await setLockTimeout(tx, waitMs);
      return (await takeLease(tx, wanted))[0]?.token ?? null;
    });
  } catch (error) {
    if (errorCode(error) === LOCK_NOT_AVAILABLE) return "locked";
    throw error;
  }
}

/** False when somebody else has taken the lease over. */
export async function renewLease(db: Pick<StateDb, "sql">, lease: Lease, ttlMs: number): Promise<boolean> {
  return (await extendLease(db.sql, lease, ttlMs)).length > 0;
}

/** Ends the lease at once, so that a standby takes over when it looks next. Harmless when it was lost. */
export async function releaseLease(db: Pick<StateDb, "sql">, lease: Lease): Promise<void> {
  await endLease(db.sql, lease);
}
