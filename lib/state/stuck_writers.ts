import { endWaiting, type StuckWriterRow, stuckWriters } from "../../sql/state/stuck_writers.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { StateDb } from "./state_db.ts";

const NEVER = new AbortController().signal;
/** Long enough for the slowest network to bring some lines of a COPY. */
const LONGEST_LOOK_MS = 5_000;

/**
 * Ends the sessions of writers that were stopped in the middle of a statement for longer than `waitedMs`, so that nobody waits for them.
 * True when there was one. False also where the role may not: then the others wait until the process goes on or is gone.
 */
export async function freeFromStuck(
  db: Pick<StateDb, "sql">,
  waitedMs: number,
  clock: Clock = systemClock,
  signal: AbortSignal = NEVER,
): Promise<boolean> {
  try {
    const stuck = await stuckFor(db, waitedMs, clock, signal);
    return stuck.length > 0 && (await endWaiting(db.sql, stuck.map(({ pid }) => pid), waitedMs)).length > 0;
  } catch {
    return false;
  }
}

async function stuckFor(
  { sql }: Pick<StateDb, "sql">,
  waitedMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly StuckWriterRow[]> {
  const stuck = await stuckWriters(sql, waitedMs);
  if (stuck.every(({ copied }) => copied === null)) return stuck;
  // A COPY over a slow network looks the same: only one that took nothing in meanwhile has stopped.
  await clock.sleep(Math.min(waitedMs / 2, LONGEST_LOOK_MS), signal);
  if (signal.aborted) return [];
  const later = new Map((await stuckWriters(sql, waitedMs)).map((row) => [row.pid, row]));
  return stuck.filter(({ pid, copied }) => later.get(pid)?.copied === copied);
}
