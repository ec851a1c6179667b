import { INDICATORS } from "../insights/score.ts";
import { wordsFor } from "../insights/reasons.ts";
import { shortDate } from "../text/short_date.ts";
import { type Backdrops, SHOWN, type Shown } from "./backdrops.ts";
import type { Called } from "./read_report.ts";
import type { Entry } from "./compose_report.ts";
import { drawOwn, PLOT } from "./draw.ts";
import { type Column, tableOf } from "./table.ts";
import type { Spread } from "./weeks.ts";
import { longDate, short, spreadWords, tamed } from "./words.ts";
import { type Content, type Element, h } from "./elements.ts";

/** Text of the LMS: its direction does not reach beyond it. */
export const lmsText = (text: string): Element => h("bdi", {}, tamed(text));

export const calledOf = ({ name, id }: Called): Content =>
  id === null ? lmsText(name) : [lmsText(name), " ", h("span", { class: "soft" }, "(", lmsText(id), ")")];

export const LISTS = { quiet: "gone quiet", struggling: "here but struggling" } as const;

const FIGURES: Readonly<Record<Shown, { readonly title: string; readonly own: string }>> = {
  days: { title: "Days with activity, by week", own: "days" },
  marks: { title: "Average mark in %, by week", own: "mark" },
};

/** A student in a course: the reasons, what was done week by week beside the course, and the numbers behind it. */
export function article(entry: Entry, backdrops: Backdrops, weekIsOver: boolean): Element {
  const { anchor, insight, called, course, lastActive } = entry;
  const { list, band, reasons, cohort } = insight;
  return h(
    "article",
    { id: anchor, "aria-labelledby": `${anchor}n` },
    h(
      "h3",
      { id: `${anchor}n` },
      calledOf(called),
      band === null ? null : [" ", h("span", { class: "band" }, band)],
    ),
    h(
      "p",
      { class: "soft" },
      lmsText(course),
      `, ${cohort} students; ${list === null ? "on no list" : LISTS[list]}; `,
      lastActive === null ? "no activity so far" : `last active on ${longDate(lastActive)}`,
    ),
    h("ul", { class: "why" }, reasons.map((reason) => h("li", {}, reason))),
    entry.weeks === null
      ? h("p", { class: "soft" }, "Nothing is known of activity in this course in the weeks before.")
      : h("div", { class: "plots" }, SHOWN.map((shown) => figure(entry, backdrops, shown, weekIsOver))),
    values(entry),
  );
}

function figure(entry: Entry, backdrops: Backdrops, shown: Shown, weekIsOver: boolean): Element | null {
  const backdrop = backdrops.behind(entry, shown);
  if (backdrop === null || entry.weeks === null) return null;
  const { course: { mondays, course }, own } = entry.weeks;
  const { title } = FIGURES[shown];
  return h(
    "figure",
    {},
    h("figcaption", {}, own[shown].some((value) => value !== null) ? title : `${title}: none so far`),
    h("svg", {
      class: "plot",
      viewBox: `0 0 ${PLOT.width} ${PLOT.height}`,
      role: "img",
      "aria-label": `${title}: ${summary(own[shown], course[shown])} The numbers are in the table below.`,
      innerHtml: `<use href="#${backdrop.id}"/>${drawOwn(own[shown], backdrop.scale)}`,
    }),
    weekTable(mondays, own[shown], course[shown], { shown, weekIsOver }),
  );
}

/** What the picture says first, for whoever does not see it. */
function summary(own: readonly (number | null)[], course: readonly (Spread | null)[]): string {
  const last = own.findLastIndex((value) => value !== null);
  if (last < 0) return "the student has none.";
  const median = course[last] ?? null;
  return `latest ${short(own[last] ?? 0)}${median === null ? "" : `, the course's median ${short(median.mid)}`}.`;
}

interface Week {
  readonly monday: string;
  readonly isLast: boolean;
  readonly own: number | null;
  readonly course: Spread | null;
}

function weekTable(
  mondays: readonly string[],
  own: readonly (number | null)[],
  course: readonly (Spread | null)[],
  { shown, weekIsOver }: { readonly shown: Shown; readonly weekIsOver: boolean },
): Element {
  const columns: readonly Column<Week>[] = [
    { head: "week of", cell: ({ monday, isLast }) => `${shortDate(monday)}${isLast && !weekIsOver ? ", so far" : ""}` },
    { head: FIGURES[shown].own, cell: (week) => week.own === null ? "–" : short(week.own), isNumber: true },
    { head: "course's median", cell: (week) => week.course === null ? "–" : short(week.course.mid), isNumber: true },
    { head: "its middle half", cell: (week) => week.course === null ? "–" : spreadWords(week.course), isNumber: true },
  ];
  const rows = mondays.map((monday, i): Week => ({
    monday,
    isLast: i === mondays.length - 1,
    own: own[i] ?? null,
    course: course[i] ?? null,
  }));
  return h(
    "details",
    {},
    h("summary", {}, "The numbers"),
    tableOf(columns, rows, FIGURES[shown].title),
  );
}

interface ValueWords {
  readonly own: string;
  readonly median: string;
}

/** All seven values in words, of which the reasons are the two that add most. */
function values({ insight, hidesMedians }: Entry): Element {
  const { standing, medianStanding } = insight;
  const columns: readonly Column<ValueWords>[] = [
    { head: "student", cell: ({ own }) => own },
    { head: "course's median", cell: ({ median }) => hidesMedians ? "not said: the course is small" : median },
  ];
  const rows = INDICATORS.filter((name) => insight.values[name] !== null)
    .map((name) => wordsFor(name, standing, medianStanding));
  return h(
    "details",
    {},
    h("summary", {}, "All values"),
    tableOf(columns, rows, insight.band === null ? "Too few students in the course for a band" : "All values"),
  );
}
