import type { LmsId } from "./event.ts";

// In the place of the student of an attempt stands, once that student is erased, the tombstone's hash: it says whether a row is
// still the same attempt, and never who it was.

const ERASED = "erased:";

export const erasedStudent = (pseudonym: string): LmsId => `${ERASED}${pseudonym}`;
/** The tombstone's hash; `null` of any other student. */
export const tombstoneOf = (studentId: LmsId | null): string | null =>
  studentId?.startsWith(ERASED) ? studentId.slice(ERASED.length) : null;
