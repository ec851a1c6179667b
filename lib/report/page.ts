import { createHash } from "node:crypto";
import { SAY_BESIDE, SMALLEST_COHORT } from "../insights/score.ts";
import { type AsOf, dayIsOver } from "../insights/read_insights.ts";
import { localTime } from "../text/local_time.ts";
import { calledOf, lmsText } from "./article.ts";
import type { CourseCount, Report } from "./compose_report.ts";
import { MOST_WEEKS } from "./read_report.ts";
import { STYLE } from "./style.ts";
import { cardRow, cardTable, type Column } from "./table.ts";
import { longDate, students } from "./words.ts";
import { type Element, h, htmlOf } from "./elements.ts";

/** Only this style, and nothing from anywhere. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** A whole page of HTML around parts that are HTML already. */
export function page(report: Report, body: string): string {
  const head = htmlOf(h(
    "head",
    {},
    h("meta", { charset: "utf-8" }),
    h("meta", { "http-equiv": "Content-Security-Policy", content: POLICY }),
    h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    h("meta", { name: "robots", content: "noindex" }),
    h("meta", { name: "referrer", content: "no-referrer" }),
    h("meta", { name: "color-scheme", content: "light dark" }),
    h("title", {}, `lmsmon report, ${report.asked.at.day}`),
    h("style", { innerHtml: STYLE }),
  ));
  return `<!doctype html>\n<html lang="en">${head}<body>${body}</body></html>\n`;
}

/** The top of the page: of whom, as of when, and what stands beside every score. */
export function top({ asked, mentor, courses }: Report): string {
  const { at, source, identified } = asked;
  const shown = courses.reduce((sum, course) => sum + course.students, 0);
  return htmlOf(h(
    "header",
    {},
    h("h1", {}, "Who may be glad of a call"),
    h(
      "p",
      { class: "soft" },
      mentor === null ? "Students" : ["Students of ", calledOf(mentor)],
      ` in ${source}, as of ${when(at)}. `,
      shown === 0 ? "None of them was in a course on that day. " : "",
      identified
        ? "This page names students: keep it as you keep the LMS itself."
        : "Students have pseudonyms, but whoever knows one result of a student can find the others by it.",
    ),
    h("p", { class: "say" }, SAY_BESIDE),
  ));
}

const when = ({ day, timezone, known }: AsOf): string =>
  dayIsOver({ day, timezone, known })
    ? `the end of ${longDate(day)} (${timezone})`
    : `${longDate(day)}, ${localTime(known, timezone).slice(-5)} (${timezone})`;

/** How the students of each course stand. */
export function courseTable({ courses, mentor, asked }: Report): string {
  if (courses.length === 0) return "";
  const all = mentor === null && asked.students === null;
  const columns: readonly Column<CourseCount>[] = [
    { head: "course", cell: ({ course }) => lmsText(course) },
    { head: all ? "students" : "students shown here", cell: (one) => one.students, isNumber: true },
    { head: "gone quiet", cell: (one) => said(one, one.quiet), isNumber: true },
    { head: "here but struggling", cell: (one) => said(one, one.struggling), isNumber: true },
    { head: "on no list", cell: (one) => said(one, one.others), isNumber: true },
    ...courses.some((course) => noteOf(course) !== null)
      ? [{ head: "note", cell: (one: CourseCount) => noteOf(one) ?? "–" }]
      : [],
  ];
  const rows = courses.map((course) => cardRow(columns, course));
  return htmlOf(h(
    "section",
    { id: "courses" },
    h("h2", {}, "Courses"),
    cardTable(columns, rows, "How the students of each course stand"),
  ));
}

const isScored = ({ cohort }: CourseCount) => cohort >= SMALLEST_COHORT;
const said = (course: CourseCount, n: number) => isScored(course) ? n : "–";

function noteOf(course: CourseCount): string | null {
  if (!isScored(course)) return `${students(course.cohort)} are too few for a score: ${SMALLEST_COHORT} are needed`;
  return course.hasDueDates ? null : "the LMS gives no due dates here, so missed and late work are not in the score";
}

/** How to read it; the end of the page. */
export function howToRead({ asked }: Report): string {
  const { constants, at } = asked;
  return htmlOf(h(
    "section",
    { id: "reading" },
    h("h2", {}, "How to read this"),
    h(
      "ul",
      {},
      h(
        "li",
        {},
        h("b", {}, "Gone quiet"),
        ": in a band, and stopped: no activity for more than three weeks, the last due work not handed in, or half of it missing.",
      ),
      h(
        "li",
        {},
        h("b", {}, "Here but struggling"),
        ": in a band, and still taking part. Here a call may matter most, and here the score is weakest.",
      ),
      h(
        "li",
        {},
        h("b", {}, "high, watch"),
        ": bands of the score (constants ",
        lmsText(constants.version),
        "), which holds seven values of a student against the course. They order whom to look at first; they are no chance of anything.",
      ),
      h(
        "li",
        {},
        "A day has activity when a content is begun, or an exam is handed in, by the clocks of ",
        at.timezone,
        ". A mark is of the week in which the exam was handed in first. Weeks begin on Monday; the last ",
        String(MOST_WEEKS),
        " are drawn at most.",
      ),
      h("li", {}, "The LMS knows nothing of illness, holidays or work on paper."),
    ),
  ));
}

/** What the signs in the plots mean. */
export function legend(): Element {
  const key = (svg: string, text: string) =>
    h(
      "li",
      {},
      h("svg", { class: "key", viewBox: "0 0 32 16", "aria-hidden": "true", innerHtml: svg }),
      text,
    );
  return h(
    "ul",
    { class: "keys" },
    key(
      `<path d="M3 11L16 4L29 9" fill="none" stroke="var(--own)" stroke-width="2"/><circle cx="16" cy="4" r="3" fill="var(--own)"/>`,
      "the student",
    ),
    key(`<path d="M8 8H24" stroke="var(--ink)" stroke-width="2"/>`, "the course's median"),
    key(
      `<rect x="10" y="2" width="12" height="12" fill="var(--band)" stroke="var(--edge)"/>`,
      "the course's middle half",
    ),
  );
}
