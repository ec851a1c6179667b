import type { Random } from "../../lib/demo/random.ts";
import { deleteStatement, insertStatement, updateStatement, type WriteRow } from "../../sql/lms/write_statements.ts";
import type { Material } from "./material.ts";

/** What a committed version of a row says, in lmsmon's words. */
export interface Version {
  readonly stage: "started" | "finished";
  readonly verdict: "pass" | "fail" | null;
  readonly score: number | null;
}

/** What the writer knows of a row: every version that it committed, in order. The oracle compares events with this. */
export interface LoadRow {
  readonly kind: "exam" | "content";
  readonly id: number;
  readonly student: number;
  readonly activity: number;
  readonly live: boolean;
  /** A content attempt that only mirrors an exam attempt: it must give no event. */
  readonly mirror: boolean;
  readonly versions: Version[];
  present: boolean;
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
}

const PASS_MARK = 40;
const EVENING = "2026-11-01 10:30:00";
const TABLE = { exam: "attempts", content: "content_attempts" } as const;

/** Thinks out, from a seed, what syncs do to an LMS, and remembers every version of every row that they committed. */
export class LmsPlans {
  readonly rows: Record<"exam" | "content", Map<number, LoadRow>> = { exam: new Map(), content: new Map() };
  /** Rows that are inserted now are history. */
  preparing = false;
  readonly #random: Random;
  readonly #next = { exam: 5000, content: 5000 };
  readonly #low: Record<"exam" | "content", number[]> = { exam: [], content: [] };

  constructor(random: Random, readonly material: Material) {
    this.#random = random;
    for (let id = 1; id < 5000; id++) {
      this.#low.exam.push(id);
      this.#low.content.push(id);
    }
  }

  /** Anything that a sync may do; `null` when there is nothing to do it to. */
  plan(inHeld = false): Plan | null {
    const random = this.#random;
    const roll = random.int(1, 100);
    if (roll <= 18) return this.insert("exam", false);
    if (roll <= 32) return this.insert("exam", true);
    if (roll <= 38) return this.insert("exam", random.chance(0.8), true);
    if (roll <= 56) return this.#finish("exam");
    if (roll <= 62) return this.#correct();
    if (roll <= 65) return this.#reopen();
    if (roll <= 75) return this.insert("content", random.chance(0.5), random.chance(0.2));
    if (roll <= 85) return this.#finish("content");
    if (roll <= 88) return this.#mirror();
    if (roll <= 91) return this.#delete();
    // Statements over many rows would wait for those that a held transaction has locked.
    if (inHeld) return this.insert("exam", true);
    return roll <= 96 ? this.#upsertUnchanged() : this.#drift();
  }

  /** A new attempt; `late`: with a low id and an old date. */
  insert(kind: "exam" | "content", finished: boolean, late = false, at = "2026-11-01 09:00:00"): Plan {
    const id = late ? this.#lowId(kind) : this.#highId(kind);
    const { student, exam, score } = this.material.nextResult();
    const content = this.#random.pick(this.material.contents);
    const row: LoadRow = {
      kind,
      id,
      student,
      activity: kind === "exam" ? exam : content.id,
      live: kind === "content" && content.live,
      mirror: false,
      versions: [],
      present: false,
      busy: false,
      pinned: false,
      history: this.preparing,
    };
    this.rows[kind].set(id, row);
    const when = late ? `201${this.#random.int(0, 9)}-03-0${this.#random.int(1, 9)} 10:00:00` : at;
    const version: Version = kind === "content"
      ? { stage: finished ? "finished" : "started", verdict: null, score: null }
      : finished
      ? examFinish(score)
      : { stage: "started", verdict: null, score: null };
    const values: WriteRow = kind === "exam"
      ? { id, date: when, last_started_time: when, exam_id: exam, user_id: student, ...examColumns(version, when) }
      : {
        id,
        user_id: student,
        course_id: 1,
        chapter_id: 1,
        chapter_content_id: content.id,
        content_type: content.live ? "live_stream" : "notes",
        created: when,
        state: finished ? "Completed" : "Started",
        completed_on: finished ? when : null,
      };
    return {
      name: `${kind} ${finished ? "finished" : "started"}${late ? ", late" : ""}`,
      statements: [insertStatement("postgres", TABLE[kind], [values])],
      rows: [row],
      commit: () => {
        row.present = true;
        row.versions.push(version);
      },
    };
  }

  #finish(kind: "exam" | "content"): Plan | null {
    const row = this.#pick(kind, (r) => r.versions.at(-1)?.stage === "started" && !r.mirror);
    if (row === null) return null;
    const version = kind === "exam"
      ? examFinish(this.material.nextResult().score)
      : { stage: "finished" as const, verdict: null, score: null };
    return this.#update(
      `${kind} finishes`,
      row,
      version,
      kind === "exam" ? examColumns(version, EVENING) : { state: "Completed", completed_on: EVENING },
    );
  }

  /** Another score, or the first one; sometimes another verdict with it, sometimes the result is taken back. */
  #correct(): Plan | null {
    const row = this.#pick("exam", (r) => r.versions.at(-1)?.stage === "finished");
    if (row === null) return null;
    if (this.#random.chance(0.15)) {
      return this.#update("exam's result taken back", row, examFinish(null), examColumns(examFinish(null), EVENING));
    }
    const old = row.versions.at(-1)?.score ?? null;
    const score = old === null ? this.#random.int(0, 100) : (old + this.#random.int(1, 100)) % 101;
    const version = examFinish(score);
    return this.#update("exam corrected", row, version, examColumns(version, EVENING));
  }

  /** Taken back to running, as a reset or a half-done sync does. No event; the next finish is a revision or nothing. */
  #reopen(): Plan | null {
    const row = this.#pick("exam", (r) => r.versions.at(-1)?.stage === "finished");
    if (row === null) return null;
    return this.#update("exam reopened", row, { stage: "started", verdict: null, score: null }, {
      state: "Running",
      result: null,
      score: null,
      percentage: null,
    });
  }

  #update(name: string, row: LoadRow, version: Version, values: WriteRow): Plan {
    return {
      name,
      statements: [updateStatement("postgres", TABLE[row.kind], { id: row.id }, values)],
      rows: [row],
      commit: () => void row.versions.push(version),
    };
  }

  #mirror(): Plan | null {
    const exam = this.#pick("exam", () => true);
    if (exam === null) return null;
    const plan = this.insert("content", true);
    const [row] = plan.rows;
    if (row === undefined) return null;
    const mirror: LoadRow = { ...row, mirror: true };
    this.rows.content.set(mirror.id, mirror);
    exam.pinned = true;
    return {
      name: "content mirrors exam",
      statements: [
        ...plan.statements,
        updateStatement("postgres", "content_attempts", { id: mirror.id }, { assessment_id: exam.id }),
      ],
      rows: [mirror, exam],
      commit: () => {
        mirror.present = true;
        mirror.versions.push({ stage: "finished", verdict: null, score: null });
      },
    };
  }

  #delete(): Plan | null {
    const row = this.#pick(this.#random.pick(["exam", "content"] as const), (r) => !r.pinned);
    if (row === null) return null;
    return {
      name: `${row.kind} deleted`,
      statements: [deleteStatement("postgres", TABLE[row.kind], { id: row.id })],
      rows: [row],
      commit: () => row.present = false,
    };
  }

  /** What a sync without a change column does all day: writes rows as they are. */
  #upsertUnchanged(): Plan | null {
    const free = [...this.rows.exam.values()].filter((row) => row.present && !row.busy).slice(-300);
    const ids = Array.from({ length: Math.min(20, free.length) }, () => this.#random.pick(free).id);
    if (ids.length === 0) return null;
    return {
      name: "unchanged upsert",
      statements: [
        `insert into attempts (id, date, exam_id, user_id, state) select id, date, exam_id, user_id, state from attempts
          where id in (${ids.join(",")}) on conflict (id) do update set state = excluded.state, date = excluded.date`,
      ],
      rows: [],
      commit: () => {},
    };
  }

  /** Percentiles move in many rows at once: no event. */
  #drift(): Plan | null {
    const free = [...this.rows.exam.values()].filter((row) => row.present && !row.busy).slice(-500).map(({ id }) => id);
    if (free.length === 0) return null;
    return {
      name: "percentiles drift",
      statements: [`update attempts set percentile = ${this.#random.int(1, 99)} where id in (${free.join(",")})`],
      rows: [],
      commit: () => {},
    };
  }

  #pick(kind: "exam" | "content", test: (row: LoadRow) => boolean): LoadRow | null {
    const free = [...this.rows[kind].values()].filter((row) => row.present && !row.busy && test(row));
    return free.length === 0 ? null : this.#random.pick(free);
  }

  /** Rising, with gaps that late rows fill. */
  #highId(kind: "exam" | "content"): number {
    const skip = this.#random.chance(0.2) ? this.#random.int(1, 4) : 0;
    for (let i = 0; i < skip; i++) this.#low[kind].push(this.#next[kind] + i);
    this.#next[kind] += skip + 1;
    return this.#next[kind] - 1;
  }

  #lowId(kind: "exam" | "content"): number {
    const pool = this.#low[kind];
    const [id] = pool.splice(this.#random.int(0, pool.length - 1), 1);
    return id ?? this.#highId(kind);
  }
}

function examFinish(score: number | null): Version {
  return { stage: "finished", verdict: score === null ? null : score >= PASS_MARK ? "pass" : "fail", score };
}

function examColumns(version: Version, when: string): WriteRow {
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
