import type { WriteRow } from "../../../sql/lms/write_statements.ts";

export type RowKind = "exam" | "content";

/** What a committed version of a row says, in lmsmon's words. */
export interface Version {
  readonly stage: "started" | "finished";
  readonly verdict: "pass" | "fail" | null;
  readonly score: number | null;
}

/**
 * What the writer knows of an attempt: every version of its row that it committed, in order. The oracle compares events with
 * this. An attempt is a row of one student and one activity: who uses its id again is another attempt.
 */
export interface LoadRow {
  readonly kind: RowKind;
  readonly id: number;
  readonly student: number;
  readonly activity: number;
  readonly live: boolean;
  /** A content attempt that only mirrors an exam attempt: it must give no event. */
  readonly mirror: boolean;
  readonly versions: Version[];
  /** Attempts that had this id before, in order. */
  readonly former: readonly LoadRow[];
  /** The row as it stands, or as it stood when it vanished. */
  columns: WriteRow;
  present: boolean;
  /** How often it vanished. */
  absences: number;
  /** In a transaction that is open: nobody else touches it. */
  busy: boolean;
  /** Referred to by a mirror: it cannot be deleted. */
  pinned: boolean;
  /** Committed before lmsmon came: told to nobody. */
  history: boolean;
}

/** Statements, and what holds once they are committed. */
export interface Plan {
  readonly name: string;
  readonly statements: readonly string[];
  readonly rows: readonly LoadRow[];
  readonly commit: () => void;
  /** What it counts as, besides its name. */
  readonly counts?: "reusedIds" | "vanished";
}

export const TABLE = { exam: "attempts", content: "content_attempts" } as const;
export const EVENING = "2026-11-01 10:30:00";
export const RUNNING: Version = { stage: "started", verdict: null, score: null };
const PASS_MARK = 40;

export function examFinish(score: number | null): Version {
  return { stage: "finished", verdict: score === null ? null : score >= PASS_MARK ? "pass" : "fail", score };
}

export function examColumns(version: Version, when: string): WriteRow {
  if (version.stage === "started") return { state: "Running" };
  return {
    state: "Completed",
    result: version.verdict === null ? null : version.verdict === "pass" ? "Pass" : "Fail",
    score: version.score,
    percentage: version.score,
    last_answer_updated_time: when,
    time_taken: "1:00:00",
  };
}

/** The same for a row that may have been finished before. */
export function rewrittenColumns(kind: RowKind, version: Version, when: string): WriteRow {
  const finished = version.stage === "finished";
  if (kind === "content") return { state: finished ? "Completed" : "Started", completed_on: finished ? when : null };
  const blank = { result: null, score: null, percentage: null, last_answer_updated_time: null, time_taken: null };
  return finished ? examColumns(version, when) : { ...examColumns(version, when), ...blank };
}

/** What the row of a content attempt calls its content. */
export const contentType = (content: { readonly live: boolean }) => content.live ? "live_stream" : "notes";

/** The columns that say whose attempt a row is, and at what. */
export function ownerColumns(kind: RowKind, student: number, activity: number): WriteRow {
  return kind === "exam" ? { user_id: student, exam_id: activity } : { user_id: student, chapter_content_id: activity };
}

export const sameVersion = (a: Version, b: Version) =>
  a.stage === b.stage && a.verdict === b.verdict && a.score === b.score;
