import type { LmsId } from "./event.ts";
import type { Kind } from "./event_types.ts";
import type { EpochMicros } from "./time.ts";

/** An exam or content of the LMS with its dates; `null`: the LMS does not say. */
export interface LmsActivity {
  readonly kind: Kind;
  readonly id: LmsId;
  readonly title: string | null;
  /** `null` also where it belongs to several courses. */
  readonly courseId: LmsId | null;
  readonly opensAt: EpochMicros | null;
  readonly dueAt: EpochMicros | null;
  /** The exam at a course's end, which nobody can be late for before. */
  readonly final: boolean;
}

/** What a student belongs to: a course, a batch (a group of students), or the site as such. */
export type EnrolmentScope = "course" | "batch" | "site";

export interface Enrolment {
  readonly studentId: LmsId;
  readonly scope: EnrolmentScope;
  /** Of the course or the batch; "0" for the site. */
  readonly scopeId: LmsId;
  readonly active: boolean;
  /** `null` where the LMS does not say: then it is the time at which lmsmon first saw it. */
  readonly joinedAt: EpochMicros | null;
  readonly leftAt: EpochMicros | null;
}

/** Work that a student need not hand in. */
export interface Exemption {
  readonly studentId: LmsId;
  readonly kind: Kind;
  readonly activityId: LmsId;
}

/** A page of a lookup; `null`: it cannot be read now, so nothing is known of what is in it. */
export type ContextRows<T> = readonly T[] | null;

/**
 * Pages of a lookup, whole and ascending: by kind and activity, or by student, so that all that lies between two pages' last
 * keys and is in neither is gone.
 */
export interface CourseContextSource {
  /** By kind, then id. Absent where the preset has none. */
  activities?(): AsyncIterable<ContextRows<LmsActivity>>;
  /** By student; all of a student's are in one page. */
  enrolments?(): AsyncIterable<ContextRows<Enrolment>>;
  /** By student; all of a student's are in one page. */
  exemptions?(): AsyncIterable<ContextRows<Exemption>>;
}
