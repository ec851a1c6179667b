import type { EventSuppression } from "../model/event.ts";
import { briefDuration, formatDuration } from "../text/parse_duration.ts";
import type { Exclusion, Rule } from "./reason_words.ts";

const ONCE = "An event is judged once, when it is found: the change holds for what is found from then on";

/** Why an event is told to nobody: kept once, on the event. */
export const OF_EVENTS: Readonly<Record<EventSuppression, Rule>> = {
  first_contact: {
    says: () => "it is history that was there at the first contact with this LMS, which is stored and told to nobody",
    change: () => "Nothing for this event; `poll-once --notify-history` tells history, before the first contact only",
  },
  notifications_off: {
    says: () => "notifications were off (notify.enabled: false) when it was found",
    change: ({ config }) => config.notify.enabled ? `They are on now. ${ONCE}` : `Set notify.enabled: true. ${ONCE}`,
  },
  type_not_told: {
    says: ({ event }) =>
      `its type ${event.type} was muted: neither in notify.immediate nor in notify.digest.events when it was found`,
    change: ({ event }) => `Add ${event.type} to one of both lists. ${ONCE}`,
  },
  too_old: {
    says: ({ event, config: { notify } }) =>
      `it was too old: ${
        briefDuration((event.detectedAt - event.occurredAt) / 1000)
      } when it was found, and not seen as open before` +
      (notify.maxAgeMs === null ? "" : `; notify.max_age is ${formatDuration(notify.maxAgeMs)}`),
    change: () => `Raise notify.max_age (null: no limit). ${ONCE}`,
  },
  student_excluded: {
    says: (facts) => `the student is excluded: ${EXCLUDED[facts.exclusion].says(facts)}`,
    change: (facts) => `${EXCLUDED[facts.exclusion].change(facts)}. ${ONCE}`,
  },
  revision_not_told: {
    says: ({ config }) =>
      `it is a correction of a kind that is not told (notify.revisions: ${config.notify.revisions})`,
    change: () => `Set notify.revisions to verdict or score. ${ONCE}`,
  },
};

/** Why nobody is told of the event's student, by the configuration and the student as they are now. */
export const EXCLUDED: Readonly<Record<Exclusion, Rule>> = {
  inactive: {
    says: () => "inactive in the LMS (students.active_only)",
    change: () => "Make the student active in the LMS, or set students.active_only: false",
  },
  excluded_username: {
    says: () => "named in students.exclude_usernames",
    change: () => "Take the username out of students.exclude_usernames",
  },
  excluded_batch: {
    says: () => "in none of the batches of students.batches",
    change: () => "Add one of the student's batches to students.batches, or leave that list empty",
  },
  not_any_more: {
    says: () => "by students.active_only, exclude_usernames or batches, as they and the student were when it was found",
    change: () => "Nothing: neither of them excludes the student today",
  },
};
