/** The parts of a set-up that `doctor` looks at. */
export type Part = "configuration" | "lms" | "state" | "zulip";

/** One thing that `doctor` tried, and what came of it. */
export interface Check {
  readonly part: Part;
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint: string | null;
  readonly exitCode: number;
}

/** Collects what was found of one part. `ok` is said of what was tried only. */
export interface Findings {
  ok(message: string): void;
  warn(message: string, hint: string): void;
}
