import { type EventRow, isFor, sameValues } from "./judge_attempts.ts";
import type { LmsLoad } from "./lms_load.ts";

/** Whether `event` tells the news that `lost` told, under whatever number. */
export const reports = (event: EventRow, lost: EventRow) =>
  event.kind === lost.kind && event.attempt_id === lost.attempt_id && event.stage === lost.stage &&
  event.student_id === lost.student_id && event.activity_id === lost.activity_id && sameValues(event, lost);

/** Whether the LMS, as it is now, shows what the event tells: who looks at it for the first time must find the same. */
export function lmsShows({ rows }: Pick<LmsLoad, "rows">, event: EventRow): boolean {
  const row = rows[event.kind].get(Number(event.attempt_id));
  const now = row?.versions.at(-1);
  if (row === undefined || now === undefined || !row.present || !isFor(row, event)) return false;
  return now.stage === event.stage && (event.stage === "started" || event.kind === "content" || sameValues(now, event));
}
