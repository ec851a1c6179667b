import type { Random } from "../../../lib/demo/random.ts";
import { insertStatement, updateStatement, type WriteRow } from "../../../sql/lms/write_statements.ts";
import { DisplacedRows } from "./displaced_rows.ts";
import {
  contentType,
  EVENING,
  examColumns,
  examFinish,
  type LoadRow,
  type Plan,
  type RowKind,
  RUNNING,
  TABLE,
  type Version,
} from "./lms_rows.ts";
import type { Material } from "./material.ts";

/** Thinks out, from a seed, what syncs do to an LMS, and remembers every version of every row that they committed. */
export class LmsPlans {
  readonly rows: Record<RowKind, Map<number, LoadRow>> = { exam: new Map(), content: new Map() };
  readonly displaced: DisplacedRows;
  /** Rows that are inserted now are history. */
  preparing = false;
  /** Whether rows vanish and ids are used again. */
  displacing = true;
  readonly #random: Random;
  readonly #next = { exam: 5000, content: 5000 };
  readonly #low: Record<RowKind, number[]> = { exam: [], content: [] };

  constructor(random: Random, readonly material: Material) {
    this.#random = random;
    this.displaced = new DisplacedRows(random, material, this.rows);
    for (let id = 1; id < 5000; id++) {
      this.#low.exam.push(id);
      this.#low.content.push(id);
    }
  }

  /** Anything that a sync may do; `null` when there is nothing to do it to. */
  plan(inHeld = false): Plan | null {
    const random = this.#random;
    const roll = random.int(1, 100);
    if (roll <= 15) return this.insert("exam", false);
    if (roll <= 28) return this.insert("exam", true);
    if (roll <= 34) return this.insert("exam", random.chance(0.8), true);
    if (roll <= 51) return this.#finish("exam");
    if (roll <= 57) return this.#correct();
    if (roll <= 60) return this.#reopen();
    if (roll <= 69) return this.insert("content", random.chance(0.5), random.chance(0.2));
    if (roll <= 78) return this.#finish("content");
    if (roll <= 81) return this.#mirror();
    if (roll <= 92 && !this.displacing) return this.insert("exam", true);
    if (roll <= 85) return this.displaced.vanishes();
    if (roll <= 88) return this.displaced.comesBack();
    if (roll <= 92) return this.displaced.reusesAnId();
    // Statements over many rows would wait for those that a held transaction has locked.
    if (inHeld) return this.insert("exam", true);
    return roll <= 96 ? this.#upsertUnchanged() : this.#drift();
  }

  /** A new attempt; `late`: with a low id and an old date. */
  insert(kind: RowKind, finished: boolean, late = false, at = "2026-11-01 09:00:00"): Plan {
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
      former: [],
      columns: {},
      present: false,
      absences: 0,
      busy: false,
      pinned: false,
      history: this.preparing,
    };
    this.rows[kind].set(id, row);
    const when = late ? `201${this.#random.int(0, 9)}-03-0${this.#random.int(1, 9)} 10:00:00` : at;
    const version: Version = kind === "content"
      ? { ...RUNNING, stage: finished ? "finished" : "started" }
      : finished
      ? examFinish(score)
      : RUNNING;
    const values: WriteRow = kind === "exam"
      ? { id, date: when, last_started_time: when, exam_id: exam, user_id: student, ...examColumns(version, when) }
      : {
        id,
        user_id: student,
        course_id: 1,
        chapter_id: 1,
        chapter_content_id: content.id,
        content_type: contentType(content),
        created: when,
        state: finished ? "Completed" : "Started",
        completed_on: finished ? when : null,
      };
    row.columns = values;
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

  #finish(kind: RowKind): Plan | null {
    const row = this.#pick(kind, (r) => r.versions.at(-1)?.stage === "started" && !r.mirror);
    return row === null ? null : this.finish(row);
  }

  /** A running attempt ends. */
  finish(row: LoadRow): Plan {
    if (row.kind === "content") {
      const version = { ...RUNNING, stage: "finished" as const };
      return this.#update("content finishes", row, version, { state: "Completed", completed_on: EVENING });
    }
    const version = examFinish(this.material.nextResult().score);
    return this.#update("exam finishes", row, version, examColumns(version, EVENING));
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
    return this.#update("exam reopened", row, RUNNING, {
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
      commit: () => {
        row.columns = { ...row.columns, ...values };
        row.versions.push(version);
      },
    };
  }

  #mirror(): Plan | null {
    const exam = this.#pick("exam", () => true);
    if (exam === null) return null;
    const plan = this.insert("content", true);
    const [row] = plan.rows;
    if (row === undefined) return null;
    const mirrors = { assessment_id: exam.id };
    const mirror: LoadRow = { ...row, mirror: true, columns: { ...row.columns, ...mirrors } };
    this.rows.content.set(mirror.id, mirror);
    exam.pinned = true;
    return {
      name: "content mirrors exam",
      statements: [
        ...plan.statements,
        updateStatement("postgres", "content_attempts", { id: mirror.id }, mirrors),
      ],
      rows: [mirror, exam],
      commit: () => {
        mirror.present = true;
        mirror.versions.push({ ...RUNNING, stage: "finished" });
      },
    };
  }

  /** What a sync without a change column does all day: writes rows as they are. */
  #upsertUnchanged(): Plan | null {
    const free = [...this.rows.exam.values()].filter((row) => row.present && !row.busy).slice(-300);
    const rows = [...new Set(Array.from({ length: Math.min(20, free.length) }, () => this.#random.pick(free)))];
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) return null;
    return {
      name: "unchanged upsert",
      statements: [
        `insert into attempts (id, date, exam_id, user_id, state) select id, date, exam_id, user_id, state from attempts
          where id in (${ids.join(",")}) on conflict (id) do update set state = excluded.state, date = excluded.date`,
      ],
      rows, // whoever writes at the same time would wait for some, and be waited for by others
      commit: () => {},
    };
  }

  /** Percentiles move in many rows at once: no event. */
  #drift(): Plan | null {
    const rows = [...this.rows.exam.values()].filter((row) => row.present && !row.busy).slice(-500);
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) return null;
    return {
      name: "percentiles drift",
      statements: [`update attempts set percentile = ${this.#random.int(1, 99)} where id in (${ids.join(",")})`],
      rows,
      commit: () => {},
    };
  }

  #pick(kind: RowKind, test: (row: LoadRow) => boolean): LoadRow | null {
    const free = [...this.rows[kind].values()].filter((row) => row.present && !row.busy && test(row));
    return free.length === 0 ? null : this.#random.pick(free);
  }

  /** Rising, with gaps that late rows fill. */
  #highId(kind: RowKind): number {
    const skip = this.#random.chance(0.2) ? this.#random.int(1, 4) : 0;
    for (let i = 0; i < skip; i++) this.#low[kind].push(this.#next[kind] + i);
    this.#next[kind] += skip + 1;
    return this.#next[kind] - 1;
  }

  #lowId(kind: RowKind): number {
    const pool = this.#low[kind];
    const [id] = pool.splice(this.#random.int(0, pool.length - 1), 1);
    return id ?? this.#highId(kind);
  }
}
