import { type EpochMicros, formatUtc } from "../../../lib/model/time.ts";
import { LIVE, type LmsRow, NAVIGATION, ouladTerm, secondOfDay } from "../replay/oulad_term.ts";
import type { OuladModule } from "../replay/read_oulad.ts";

/** What one day writes: rows in the order in which their tables refer to each other, and students that leave. */
export interface CourseDay {
  readonly rows: { readonly table: string; readonly row: LmsRow }[];
  readonly attemptUpdates: LmsRow[];
  readonly leavers: number[];
}

export interface CourseDays {
  /** Before the first day: mentors, the course, its exams with their dates, its contents. */
  readonly before: readonly { readonly table: string; readonly rows: readonly LmsRow[] }[];
  readonly firstDay: number;
  readonly days: ReadonlyMap<number, CourseDay>;
}

/** Ids of the contents that hold exams: no site of the data has one so high. */
const EXAM_CONTENTS = 500_000_000;
/** What an LMS holds before its first poll. */
const BEFORE_DAY = -40;

/**
 * A module as its LMS fills up: a student appears on the day of registering, in the module's batch, and is inactive from the day of
 * leaving; what a student did earlier appears then, too, since no row may be of somebody whom the LMS does not have. A content is
 * finished with its first touch, as Testpress's notes are: the last touch of a site is nothing that was known before.
 */
export function courseDays(data: OuladModule, dayZero: EpochMicros): CourseDays {
  const term = ouladTerm({ ...data, visits: [] }, dayZero);
  const time = (day: number, second: number) =>
    formatUtc(dayZero + (day * 86_400 + second) * 1_000_000).replace("T", " ").replace("Z", "");
  const days = new Map<number, CourseDay>();
  const on = (day: number): CourseDay => {
    const at = Math.max(day, BEFORE_DAY);
    const known = days.get(at) ?? { rows: [], attemptUpdates: [], leavers: [] };
    days.set(at, known);
    return known;
  };
  for (const { table, rows } of term.people.filter(({ table }) => table === "students")) {
    for (const row of rows) {
      const { day = null, left = null } = data.registrations.get(Number(row["id"])) ?? {};
      on(day ?? BEFORE_DAY).rows.push({ table, row });
      if (left !== null) on(Math.max(left, day ?? BEFORE_DAY)).leavers.push(Number(row["id"]));
      on(day ?? BEFORE_DAY).rows.push({ table: "_BatchToStudent", row: { A: 1, B: row["id"] ?? null } });
    }
  }
  const onceThere = (student: number, day: number) =>
    on(Math.max(day, data.registrations.get(student)?.day ?? BEFORE_DAY));
  for (const row of term.people.flatMap(({ table, rows }) => table === "_MentorToStudent" ? rows : [])) {
    onceThere(Number(row["B"]), BEFORE_DAY).rows.push({ table: "_MentorToStudent", row });
  }
  const whose = new Map<unknown, number>();
  for (const { day, attempts } of term.days) {
    for (const row of attempts.inserts) {
      const student = Number(row["user_id"]);
      whose.set(row["id"], student);
      onceThere(student, day).rows.push({ table: "attempts", row });
    }
    for (const row of attempts.updates) {
      onceThere(whose.get(row["id"]) ?? 0, day).attemptUpdates.push(row);
    }
  }
  addTouches(data, onceThere, time);
  return { before: beforehand(data, term.people, time), firstDay: BEFORE_DAY, days };
}

function addTouches(
  data: OuladModule,
  onceThere: (student: number, day: number) => CourseDay,
  time: (day: number, second: number) => string,
): void {
  const types = new Map(data.sites.map(({ id, activityType }) => [id, activityType]));
  const touches = data.visits.filter(({ site }) => !NAVIGATION.has(types.get(site) ?? "homepage"))
    .sort((a, b) => a.firstDay - b.firstDay);
  touches.forEach(({ student, site, firstDay }, index) => {
    const at = time(firstDay, secondOfDay(`${student}/${site}/${firstDay}`));
    const row = {
      id: index + 1,
      user_id: student,
      course_id: 1,
      chapter_id: 1,
      chapter_content_id: site,
      content_type: LIVE.has(types.get(site) ?? "") ? "live_stream" : "notes",
      state: "Completed",
      created: at,
      completed_on: at,
    };
    onceThere(student, firstDay).rows.push({ table: "content_attempts", row });
  });
}

/** Everything that is there before anybody is: exams get their dates, and a content each, which puts them into the course. */
function beforehand(
  data: OuladModule,
  people: readonly { readonly table: string; readonly rows: readonly LmsRow[] }[],
  time: (day: number, second: number) => string,
): CourseDays["before"] {
  const dueOf = new Map(data.assessments.map(({ id, type, day }) => [id, type === "Exam" ? null : day]));
  return [
    ...people.filter(({ table }) => table !== "students" && table !== "_MentorToStudent").map(({ table, rows }) => ({
      table,
      rows: table !== "exams" ? rows : rows.map((row) => {
        const due = dueOf.get(Number(row["id"])) ?? null;
        return { ...row, end_date: due === null ? null : time(due, 86_399) };
      }),
    })),
    {
      table: "ChapterContent",
      rows: data.assessments.map(({ id }, order) => ({
        id: EXAM_CONTENTS + id,
        order,
        title: `Assessment ${id}`,
        free_preview: false,
        url: "https://lms.example/",
        modified: time(BEFORE_DAY, 0),
        start: time(BEFORE_DAY, 0),
        content_type: "Exam",
        course_url: "https://lms.example/",
        cover_image: "",
        cover_image_medium: "",
        cover_image_small: "",
        course_id: 1,
        examId: id,
      })),
    },
    { table: "batches", rows: [{ id: 1, name: `${data.module} ${data.presentation}` }] },
  ];
}
