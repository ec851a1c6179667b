/** What a benchmark's LMS holds; the same rows on both databases. */
export interface LmsShape {
  readonly attempts: number;
  readonly contentAttempts: number;
  /** The last OPEN_ROWS attempts are still running. */
  readonly open: boolean;
}

export const STUDENTS = 10_000;
export const MENTORS = 200;
export const EXAMS = 500;
export const CONTENTS = 1000;
export const COURSES = 20;
export const OPEN_ROWS = 1000;
