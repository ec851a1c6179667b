import type { AttemptRow } from "../model/attempt.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";

/** When something happened in the LMS; `approximate` when the LMS has no time of its own for it. */
export interface Occurred {
  readonly at: EpochMicros;
  readonly approximate: boolean;
}

/** When a running row was started; `now` is when it was first seen running. */
export function startOf(row: AttemptRow, now: EpochMicros): Occurred {
  // The last start may be a resume, hence approximate.
  return seenBy(now, { at: row.startedAt ?? row.lastStartedAt ?? now, approximate: row.startedAt === null });
}

/** Nothing happens after it was seen: where the LMS's clock is ahead, the time is that of the sighting. */
const seenBy = (now: EpochMicros, occurred: Occurred): Occurred =>
  occurred.at > now ? { at: now, approximate: true } : occurred;

/**
 * When a finished row was finished; `now` is when it was first seen finished, `seenOpen` says that lmsmon saw it running before.
 * Where the LMS has a start alone: a row that was seen running finished `now`. For a row first seen finished the start is all
 * there is, and keeps an old row from passing for news.
 */
export function finishOf(row: AttemptRow, now: EpochMicros, seenOpen: boolean): Occurred {
  if (row.finishedAt !== null) return seenBy(now, { at: row.finishedAt, approximate: false });
  const taken = timeTakenOf(row);
  const started = taken === null && seenOpen ? null : row.startedAt;
  const latest = [
    started === null ? null : started + Math.round((taken ?? 0) * MICROS_PER_SECOND),
    row.lastStartedAt,
  ].filter((t) => t !== null);
  return { at: Math.min(now, ...(latest.length === 0 ? [] : [Math.max(...latest)])), approximate: true };
}

/** Seconds; `null` where the LMS has none, or nonsense. */
export function timeTakenOf(row: AttemptRow): number | null {
  const { timeTakenS } = row;
  return timeTakenS !== null && Number.isFinite(timeTakenS) && timeTakenS >= 0 ? timeTakenS : null;
}
