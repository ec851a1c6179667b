/** What may be seen in a student's activity on a day; docs/insights.md says when. */
export const PATTERN_TYPES = ["gone_quiet", "deadline_missed", "engagement_drop", "performance_drop"] as const;
export type PatternType = (typeof PATTERN_TYPES)[number];

/** What a pattern was judged by; null where it is of another sort. */
export interface PatternValues {
  readonly idle_days: number | null;
  readonly course_idle_days: number | null;
  readonly active_days: number | null;
  readonly usual_active_days: number | null;
  /** Of marked exams, ranks in the course from 0 to 1, oldest first, and how they change from exam to exam. */
  readonly ranks: readonly number[] | null;
  readonly slope: number | null;
}
