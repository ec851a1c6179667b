import mysql from "mysql2/promise";
import postgres from "postgres";
import { EXAMS, STUDENTS } from "../../tests/support/large_lms/lms_shape.ts";
import type { Watched } from "./watched.ts";

/** What students do in a benchmark's LMS, and plain statements on it. */
export class LmsChanges implements AsyncDisposable {
  #nextId: number;

  private constructor(
    private readonly run: (statement: string) => Promise<readonly Record<string, unknown>[]>,
    private readonly close: () => Promise<void>,
    private readonly rows: number,
    highest: number,
  ) {
    this.#nextId = highest + 1;
  }

  static async open({ kind, lmsUrl, rows }: Pick<Watched, "kind" | "lmsUrl" | "rows">): Promise<LmsChanges> {
    let run: (statement: string) => Promise<readonly Record<string, unknown>[]>;
    let close: () => Promise<void>;
    if (kind === "postgres") {
      const sql = postgres(lmsUrl, { max: 1, fetch_types: false, onnotice: () => {} });
      run = (statement) => sql.unsafe(statement);
      close = () => sql.end();
    } else {
      const connection = await mysql.createConnection({ uri: lmsUrl });
      run = async (statement) => (await connection.query(statement))[0] as Record<string, unknown>[];
      close = () => connection.end();
    }
    const [found] = await run("select max(id) as highest from attempts");
    return new LmsChanges(run, close, rows, Number(found?.["highest"]));
  }

  /** Milliseconds of these statements, one after the other. */
  async time(statements: readonly string[]): Promise<number> {
    const began = performance.now();
    for (const statement of statements) await this.run(statement);
    return performance.now() - began;
  }

  /** Another score for `count` finished rows all over the table. */
  async correctFinished(count: number): Promise<void> {
    const highest = this.rows - 10_000 > 0 ? this.rows - 2_000 : Math.floor(this.rows / 2);
    const ids = new Set<number>();
    while (ids.size < count) ids.add(1 + Math.floor(Math.random() * highest));
    await this.run(`update attempts set score = score + 1 where id in (${[...ids].join(",")})`);
  }

  /** `count` running rows finish, and as many new ones begin. */
  async finishAndStart(count: number): Promise<void> {
    const running = await this.run(
      `select id from attempts where id > ${this.rows - 1000} and state = 'Running' order by id limit ${count}`,
    );
    const ids = running.map((row) => Number(row["id"]));
    if (ids.length < count) throw new Error("Cannot go on: no running rows are left");
    await this.run(
      `update attempts set state = 'Completed', result = 'Pass', score = 100, percentage = 55,
         last_answer_updated_time = current_timestamp where id in (${ids.join(",")})`,
    );
    const values = Array.from({ length: count }, () => this.newRow("'Running'", "null"));
    await this.insert(values);
  }

  /** One finished attempt of a student, committed when it resolves. */
  async finish(student: number): Promise<void> {
    await this.insert([this.newRow("'Completed'", "'Pass'", student)]);
  }

  private newRow(state: string, result: string, student?: number): string {
    const id = this.#nextId++;
    return `(${id}, current_timestamp, ${1 + id % EXAMS}, ${
      student ?? 1 + id % STUDENTS
    }, 10, 5, 30, 100, 55, ${state}, ${result}, '1:00:00',
      current_timestamp, ${result === "null" ? "null" : "current_timestamp"})`;
  }

  private async insert(values: readonly string[]): Promise<void> {
    await this.run(
      `insert into attempts (id, date, exam_id, user_id, correct_answers_count, incorrect_answers_count, unanswered_count, score,
         percentage, state, result, time_taken, last_started_time, last_answer_updated_time) values ${
        values.join(",")
      }`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
