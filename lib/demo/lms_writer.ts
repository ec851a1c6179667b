import {
  deleteStatement,
  insertStatement,
  updateStatement,
  type WriteDialect,
  type WriteRow,
  type WriteValue,
} from "../../sql/lms/write_statements.ts";
import mysqlSchema from "../../sql/lms/testpress/schema_mysql.sql" with { type: "text" };
import postgresSchema from "../../sql/lms/testpress/schema_postgres.sql" with { type: "text" };

/** A database that plays the LMS; `execute` runs one statement without parameters. */
export interface WritableLms {
  readonly dialect: WriteDialect;
  execute(statement: string): Promise<unknown>;
}

export type LmsKey = number | bigint;
type Values = Readonly<Record<string, WriteValue | undefined>>;

const ROWS_PER_STATEMENT = 1000;
/** Where a test or the demo gives no time. */
const SOME_TIME = "2026-01-01 00:00:00";

/**
 * Writes the way Testpress's sync does, in Testpress's column names; every method fills in what the tables demand, takes
 * the rest from `values` and returns the row's id. Times are UTC text without zone, `2026-11-20 09:15:00.123`.
 */
export class LmsWriter {
  readonly #next = new Map<string, number>();

  constructor(private readonly db: WritableLms) {}

  get dialect(): WriteDialect {
    return this.db.dialect;
  }

  async createSchema(): Promise<void> {
    for (const statement of lmsSchema(this.db.dialect)) await this.db.execute(statement);
  }

  /** Rows as they are; several per statement where they have the same columns. */
  async insert(table: string, rows: WriteRow | readonly WriteRow[]): Promise<void> {
    let batch: WriteRow[] = [];
    let columns = "";
    const flush = async () => {
      if (batch.length > 0) await this.db.execute(insertStatement(this.db.dialect, table, batch));
      batch = [];
    };
    for (const row of Array.isArray(rows) ? rows as readonly WriteRow[] : [rows as WriteRow]) {
      const key = Object.keys(row).join();
      if (batch.length >= ROWS_PER_STATEMENT || (batch.length > 0 && key !== columns)) await flush();
      columns = key;
      batch.push(row);
    }
    await flush();
  }

  async update(table: string, id: LmsKey, values: WriteRow): Promise<void> {
    await this.db.execute(updateStatement(this.db.dialect, table, { id }, values));
  }

  async remove(table: string, id: LmsKey): Promise<void> {
    await this.db.execute(deleteStatement(this.db.dialect, table, { id }));
  }

  student(values: Values = {}): Promise<LmsKey> {
    return this.#add("students", values, (id) => ({
      username: `student${id}`,
      display_name: `Student ${id}`,
      email: `student${id}@students.example`,
      is_active: true,
    }));
  }

  mentor(values: Values = {}): Promise<LmsKey> {
    return this.#add("mentors", values, (id) => ({
      username: `mentor${id}`,
      display_name: `Mentor ${id}`,
      email: `mentor${id}@institute.example`,
      created: SOME_TIME,
      students_count: 0,
      hierarchy: "mentor",
    }));
  }

  course(values: Values = {}): Promise<LmsKey> {
    return this.#add("courses", values, (id) => ({
      title: `Course ${id}`,
      slug: `course-${id}`,
      chapters_count: 0,
      contents_count: 0,
      exams_count: 0,
      videos_count: 0,
      attachments_count: 0,
      html_contents_count: 0,
      video_conferences_count: 0,
    }));
  }

  chapter(values: Values & { readonly course_id: LmsKey }): Promise<LmsKey> {
    return this.#add("chapters", values, (id) => ({
      order: 1,
      name: `Chapter ${id}`,
      slug: `chapter-${id}`,
      created: SOME_TIME,
      modified: SOME_TIME,
      required_trophy_count: 0,
    }));
  }

  exam(values: Values = {}): Promise<LmsKey> {
    return this.#add("exams", values, (id) => ({
      slug: `exam-${id}`,
      title: `Exam ${id}`,
      duration: 180,
      number_of_questions: 45,
      pass_percentage: 40,
      total_marks: 180,
      created: SOME_TIME,
      modified: SOME_TIME,
    }));
  }

  video(values: Values = {}): Promise<LmsKey> {
    return this.#add("videos", values, (id) => ({ title: `Video ${id}`, url: "", is_domain_restricted: false }));
  }

  /** `examId`, `videoId` and `course_id` say what it holds and where it is; `inChapter` puts it into a chapter. */
  content(values: Values = {}): Promise<LmsKey> {
    return this.#add("ChapterContent", values, (id) => ({
      order: 1,
      title: `Content ${id}`,
      free_preview: false,
      url: "",
      modified: SOME_TIME,
      start: SOME_TIME,
      content_type: "Video",
      course_url: "",
      cover_image: "",
      cover_image_medium: "",
      cover_image_small: "",
    }));
  }

  async inChapter(contentId: LmsKey, chapterId: LmsKey): Promise<void> {
    await this.insert("ChapterToContent", { contentId, chapterId, order: 1 });
  }

  attempt(values: Values = {}): Promise<LmsKey> {
    return this.#add("attempts", values, () => ({ state: "Running", date: SOME_TIME }));
  }

  updateAttempt(id: LmsKey, values: WriteRow): Promise<void> {
    return this.update("attempts", id, values);
  }

  userVideo(values: Values & { readonly user_id: LmsKey; readonly video_id: LmsKey }): Promise<LmsKey> {
    return this.#add("user_videos", values, () => ({
      created: SOME_TIME,
      watched_percentage: 0,
      state: "Started",
      is_live_class_recording: false,
    }));
  }

  contentAttempt(
    values: Values & {
      readonly user_id: LmsKey;
      readonly course_id: LmsKey;
      readonly chapter_id: LmsKey;
      readonly chapter_content_id: LmsKey;
    },
  ): Promise<LmsKey> {
    return this.#add("content_attempts", values, () => ({
      content_type: "video",
      state: "Started",
      created: SOME_TIME,
    }));
  }

  updateContentAttempt(id: LmsKey, values: WriteRow): Promise<void> {
    return this.update("content_attempts", id, values);
  }

  batch(values: Values = {}): Promise<LmsKey> {
    return this.#add("batches", values, (id) => ({ name: `Batch ${id}` }));
  }

  async inBatch(studentId: LmsKey, batchId: LmsKey): Promise<void> {
    await this.insert("_BatchToStudent", { A: batchId, B: studentId });
  }

  async link(mentorId: LmsKey, studentId: LmsKey): Promise<void> {
    await this.insert("_MentorToStudent", { A: mentorId, B: studentId });
  }

  async unlink(mentorId: LmsKey, studentId: LmsKey): Promise<void> {
    await this.db.execute(deleteStatement(this.db.dialect, "_MentorToStudent", { A: mentorId, B: studentId }));
  }

  async #add(table: string, values: Values, defaults: (id: LmsKey) => WriteRow): Promise<LmsKey> {
    const next = this.#next.get(table) ?? 1;
    const given = values["id"];
    const id = typeof given === "number" || typeof given === "bigint" ? given : next;
    this.#next.set(table, Math.max(next, Number(id) + 1));
    const chosen = Object.fromEntries(Object.entries(values).flatMap(([k, v]) => v === undefined ? [] : [[k, v]]));
    await this.insert(table, { id, ...defaults(id), ...chosen });
    return id;
  }
}

/** The statements that create an empty Testpress database, in order. */
export function lmsSchema(dialect: WriteDialect): readonly string[] {
  return (dialect === "postgres" ? postgresSchema : mysqlSchema)
    .replace(/--.*$/gm, "").split(/;\s*(?:\n|$)/).map((statement) => statement.trim()).filter((s) => s !== "");
}
