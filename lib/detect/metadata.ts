import type { AttemptRow } from "../model/attempt.ts";
import type { DetectedEvent, EventMetadata } from "../model/event.ts";
import { hasResults } from "../model/event_types.ts";
import { formatUtc } from "../model/time.ts";
import { timeTakenOf } from "./times.ts";
import { known, valuesOf } from "./values.ts";

/**
 * The metadata of an event: always all keys. `supersedes` stays `null` here, since only the store knows event ids.
 * What belongs to a finish (score, counts, time taken) is `null` on a start: a running row holds placeholders there.
 */
export function metadataOf(row: AttemptRow, event: DetectedEvent): EventMetadata {
  const finished = event.stage === "finished";
  const { verdict, score, percentage } = valuesOf(row);
  const ofFinish = (n: number | null) => finished ? known(n) : null;
  const count = (n: number | null) => n !== null && n < 0 ? null : ofFinish(n);
  return {
    graded: finished && hasResults(event.kind) ? verdict !== null || row.graded === true : null,
    verdict: finished ? verdict : null,
    score: ofFinish(score),
    score_max: known(row.activity?.scoreMax ?? null),
    percentage: ofFinish(percentage),
    pass_percentage: known(row.activity?.passPercentage ?? null),
    correct: count(row.correct),
    incorrect: count(row.incorrect),
    unanswered: count(row.unanswered),
    started_at: row.startedAt === null ? null : formatUtc(row.startedAt),
    time_taken_s: ofFinish(timeTakenOf(row)),
    duration_allowed_s: known(row.activity?.durationAllowedS ?? null),
    watched_percentage: known(row.watchedPercentage),
    result: row.result,
    state: row.state,
    revision: event.revision,
    supersedes: null,
    previous: event.previous,
  };
}
