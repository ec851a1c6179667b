import type { AttemptRow } from "../model/attempt.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";

/** When something happened in the LMS; `approximate` when the LMS has no time of its own for it. */
export interface Occurred {
  readonly at: EpochMicros;
  readonly approximate: boolean;
}

/** When a running row was started; `now` is when it was first seen running. */
export function startOf(row: AttemptRow, now: EpochMicros): Occurred {
  // The last start may be a resume (hard case 5), hence approximate.
  return { at: row.startedAt ?? row.lastStartedAt ?? now, approximate: row.startedAt === null };
}

/** When a finished row was finished; `now` is when it was first seen finished. */
export function finishOf(row: AttemptRow, now: EpochMicros): Occurred {
  if (row.finishedAt !== null) return { at: row.finishedAt, approximate: false };
  const latest = [
    row.startedAt === null ? null : row.startedAt + Math.round((timeTakenOf(row) ?? 0) * MICROS_PER_SECOND),
    row.lastStartedAt,
  ].filter((t) => t !== null);
  return { at: Math.min(now, ...(latest.length === 0 ? [] : [Math.max(...latest)])), approximate: true };
}

/** Seconds; `null` where the LMS has none, or nonsense (hard case 25). */
export function timeTakenOf(row: AttemptRow): number | null {
  const { timeTakenS } = row;
  return timeTakenS !== null && Number.isFinite(timeTakenS) && timeTakenS >= 0 ? timeTakenS : null;
}
