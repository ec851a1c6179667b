import type { LmsId } from "./event.ts";

export type Role = "student" | "mentor";

/** A student or mentor as the LMS names them. Personal data: never in logs above debug, never in errors. */
export interface Person {
  readonly role: Role;
  readonly id: LmsId;
  readonly username: string | null;
  readonly email: string | null;
  readonly name: string | null;
  /** Students: false when the LMS says the account is not active. */
  readonly active: boolean;
  /** Students: batches they are in, ascending. Mentors: empty. */
  readonly batchIds: readonly LmsId[];
}

/** Which mentors a student has, in ascending order of mentor id; a student without mentors has an empty list. */
export type MentorLinks = ReadonlyMap<LmsId, readonly LmsId[]>;
