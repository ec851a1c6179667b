import type { EventType } from "../model/event_types.ts";

/** What one poll saw and wrote; kept in `lmsmon.poll_runs` and printed by `poll-once`. */
export interface PollTally {
  rowsRead: number;
  rowsChanged: number;
  rowsMissing: number;
  regressions: number;
  quarantined: number;
  /** Rows with text that could not be read whole, and links to ids that cannot be kept. */
  unreadableTexts: number;
  unusableLinks: number;
  events: number;
  /** Events that somebody is to be told about, and how many of them are rewritten (see isRewritten): the fuse counts both. */
  eventsToTell: number;
  rewrittenToTell: number;
  /** News that is told to nobody, since notifications are off. */
  neverTold: number;
  readonly byType: Map<EventType, number>;
  /** Events that nobody is told of, by reason. */
  readonly byReasonNotTold: Map<string, number>;
  /** True when a hint proved that nothing was committed since the last full pass. */
  skippedFullPass: boolean;
  /** How long the statements that counted and hashed whole tables took, milliseconds; `null` when there were none. */
  sumsMs: number | null;
}

export function newPollTally(): PollTally {
  return {
    rowsRead: 0,
    rowsChanged: 0,
    rowsMissing: 0,
    regressions: 0,
    quarantined: 0,
    unreadableTexts: 0,
    unusableLinks: 0,
    events: 0,
    eventsToTell: 0,
    rewrittenToTell: 0,
    neverTold: 0,
    byType: new Map(),
    byReasonNotTold: new Map(),
    skippedFullPass: false,
    sumsMs: null,
  };
}
