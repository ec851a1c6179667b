/**
 * The steps of the write and send path at which the chaos harness ends the process (`tests/chaos/harness`). Every commit and every
 * message has one before it and one after it.
 */
export const FAIL_POINTS = [
  "migrate.before_commit",
  "migrate.between",
  "poll.begun",
  "record.before_commit",
  "record.after_commit",
  "poll.before_first_contact_done",
  "poll.before_finish",
  "poll.after_finish",
  "claim.after_commit",
  "compose.before_commit",
  "compose.after_commit",
  "send.marked",
  "send.before_post",
  "send.after_post",
  "send.before_mark",
  "send.after_mark",
  "look_up.before_mark",
  "claim.before_release",
  "reconcile.before_write",
  "reconcile.after_write",
  "export.before_mark",
  "export.mid_mark",
  "export.before_rename",
  "export.before_ack",
  "privacy.before_commit",
  "privacy.after_commit",
] as const;
export type FailPoint = (typeof FAIL_POINTS)[number];

let armed: ((point: FailPoint) => void) | null = null;

/** Does nothing, unless a test build armed it. */
export function failPoint(point: FailPoint): void {
  armed?.(point);
}

/**
 * Only `tests/chaos/harness/armed_main.ts` calls this, so that a bundle of `main.ts` does not even hold it: a released program has no
 * way to be stopped at a fail point, whatever its environment says.
 */
export function armFailPoints(hit: (point: FailPoint) => void): void {
  armed = hit;
}
