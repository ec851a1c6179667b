import type { EventType } from "../model/event_types.ts";

/** What one poll saw and wrote; kept in `lmsmon.poll_runs` and printed by `poll-once`. */
export interface PollTally {
  rowsRead: number;
  rowsChanged: number;
  rowsMissing: number;
  regressions: number;
  quarantined: number;
  events: number;
  /** Events that somebody is to be told about, and how many of them are revisions (the fuse counts both). */
  toldEvents: number;
  toldRevisions: number;
  readonly byType: Map<EventType, number>;
  /** Events that nobody is told of, by reason. */
  readonly byReasonNotTold: Map<string, number>;
  /** True when a hint proved that nothing was committed since the last full pass. */
  skippedFullPass: boolean;
}

export function newTally(): PollTally {
  return {
    rowsRead: 0,
    rowsChanged: 0,
    rowsMissing: 0,
    regressions: 0,
    quarantined: 0,
    events: 0,
    toldEvents: 0,
    toldRevisions: 0,
    byType: new Map(),
    byReasonNotTold: new Map(),
    skippedFullPass: false,
  };
}
