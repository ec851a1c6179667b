import fc from "fast-check";
import type { PollBench } from "./poll_bench.ts";
import { wrappedSource } from "./wrapped_source.ts";

type Grade = { readonly result: string | null; readonly score: number };

export type Step =
  | { readonly do: "insert"; readonly row: number; readonly grade: Grade | null }
  | { readonly do: "finish" | "grade"; readonly row: number; readonly grade: Grade }
  | { readonly do: "reopen" | "touch" | "delete"; readonly row: number }
  | { readonly do: "poll"; readonly mode: "quick" | "full"; readonly dieAt: number | null };

const row = fc.integer({ min: 0, max: 7 });
const grade = fc.record({ result: fc.constantFrom("Pass", "Fail", "NA", null), score: fc.integer({ min: 0, max: 2 }) });

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("insert" as const), row, grade: fc.option(grade) }),
    fc.record({ do: fc.constantFrom("finish" as const, "grade" as const), row, grade }),
    fc.record({ do: fc.constantFrom("reopen" as const, "touch" as const, "delete" as const), row }),
    fc.record({
      do: fc.constant("poll" as const),
      mode: fc.constantFrom("quick" as const, "full" as const),
      dieAt: fc.option(fc.integer({ min: 0, max: 4 })),
    }),
  ),
  { minLength: 4, maxLength: 14 },
);

interface Known {
  stage: "none" | "started" | "finished";
  verdict: string | null;
  score: number | null;
  percentage: number | null;
  revision: number;
}

/**
 * Applies steps to a real LMS and to a model of it. The oracle knows only what the LMS showed at the moments when a poll
 * looked at a row; a poll that died may have seen any prefix, so the model asks the state which rows it has judged.
 */
export class EmptyInstitute {
  readonly #rows = new Map<number, Grade | "running">();
  readonly #everSeen = new Map<number, Known>();
  readonly #events: string[] = [];

  constructor(private readonly bench: PollBench, private readonly firstId: number) {}

  async apply(step: Step): Promise<void> {
    if (step.do === "poll") return await this.#poll(step.mode, step.dieAt);
    // Rows lie in two thousands, so that a poll has several buckets and pages to die between.
    const id = this.firstId + step.row * 700;
    const now = this.#rows.get(step.row);
    switch (step.do) {
      case "insert":
        if (now !== undefined) return;
        this.#rows.set(step.row, step.grade ?? "running");
        await this.bench.writer.attempt({ id, ...values(step.grade) });
        break;
      case "finish":
      case "grade":
        if (now === undefined || (step.do === "finish") !== (now === "running")) return;
        this.#rows.set(step.row, step.grade);
        await this.bench.writer.updateAttempt(id, values(step.grade));
        break;
      case "reopen":
        if (now === undefined || now === "running") return;
        this.#rows.set(step.row, "running");
        await this.bench.writer.updateAttempt(id, { state: "Running" });
        break;
      case "touch":
        if (now !== undefined) {
          await this.bench.lms.execute(`update attempts set percentile = 1, state = state where id = ${id}`);
        }
        break;
      case "delete":
        this.#rows.delete(step.row);
        await this.bench.writer.remove("attempts", id);
    }
  }

  async #poll(mode: "quick" | "full", dieAt: number | null): Promise<void> {
    const source = await this.bench.source();
    let reads = 0;
    const dying = dieAt === null ? source : wrappedSource(source, {
      rowsByIds: (kind, ids) => reads++ === dieAt ? Promise.reject(new Error("died")) : source.rowsByIds(kind, ids),
      rowsAfter: (kind, after, limit) =>
        reads++ === dieAt ? Promise.reject(new Error("died")) : source.rowsAfter(kind, after, limit),
      keyHashes: (kind, buckets) =>
        reads++ === dieAt ? Promise.reject(new Error("died")) : source.keyHashes(kind, buckets),
    });
    try {
      await this.bench.poll({ mode, source: dying });
    } catch (error) {
      if ((error as Error).message !== "died") throw error;
    }
    await this.#look();
  }

  /** What the poll must have made of each row that it recorded as the LMS has it now. */
  async #look(): Promise<void> {
    const judged = await this.bench.db.sql<{ row: number; hash: string | null }[]>`
      select ((row_key - ${this.firstId}::bigint) / 700)::int as row, hash from lmsmon.row_states
       where row_key between ${this.firstId}::bigint and ${this.firstId + 9_999}::bigint`;
    const stored = new Map(judged.map(({ row, hash }) => [row, hash]));
    const source = await this.bench.source();
    const ids = [...this.#rows.keys()].map((n) => String(this.firstId + n * 700));
    const { rows } = await source.rowsByIds("exam", ids);
    for (const { id, hash } of rows) {
      const n = (Number(id) - this.firstId) / 700;
      if (stored.get(n) === hash) this.#judge(n);
    }
  }

  #judge(n: number): void {
    const row = this.#rows.get(n);
    if (row === undefined) return;
    const known = this.#everSeen.get(n) ?? { stage: "none", verdict: null, score: null, percentage: null, revision: 0 };
    this.#everSeen.set(n, known);
    const tell = (type: string, revision: number) => this.#events.push(`${n} ${type} ${revision}`);
    if (row === "running") {
      if (known.stage === "none") {
        known.stage = "started";
        tell("exam_started", 1);
      }
      return;
    }
    const verdict = row.result === "Pass" || row.result === "Fail" ? row.result : null;
    const percentage = verdict === null ? null : row.score * 10;
    const type = verdict === null ? "exam_completed" : verdict === "Pass" ? "exam_passed" : "exam_failed";
    const first = known.stage !== "finished";
    const moved = verdict !== known.verdict
      ? verdict !== null
      : row.score !== known.score || (percentage !== null && percentage !== known.percentage);
    if (!first && !moved) return;
    known.stage = "finished";
    known.revision++;
    Object.assign(known, { verdict, score: row.score, percentage });
    tell(type, known.revision);
  }

  expected(): string[] {
    // The final full pass has looked at every row.
    for (const n of this.#rows.keys()) this.#judge(n);
    return [...this.#events].sort();
  }

  async stored(): Promise<string[]> {
    const rows = await this.bench.db.sql<{ n: number; event_type: string; revision: number }[]>`
      select ((attempt_id - ${this.firstId}::bigint) / 700)::int as n, event_type, revision from lmsmon.lms_activity_events
       where attempt_id between ${this.firstId}::bigint and ${this.firstId + 9_999}::bigint`;
    return rows.map(({ n, event_type, revision }) => `${n} ${event_type} ${revision}`).sort();
  }
}

const values = (grade: Grade | null) =>
  grade === null ? { state: "Running" } : {
    state: "Completed",
    result: grade.result,
    score: grade.score,
    percentage: grade.score * 10,
  };
