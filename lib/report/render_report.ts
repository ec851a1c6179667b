import { dayIsOver } from "../insights/read_insights.ts";
import { article, calledOf, lmsText } from "./article.ts";
import { type Backdrop, Backdrops } from "./backdrops.ts";
import { drawnOf, type Entry, peopleIn, type Report } from "./compose_report.ts";
import { courseTable, howToRead, legend, page, top } from "./page.ts";
import { cardRow, cardTable, type Column } from "./table.ts";
import { longDate, students } from "./words.ts";
import { h, htmlOf } from "./elements.ts";

/** A page that browsers and mail take: what would go beyond it is left out, and said to be. */
export const MOST_BYTES = 10_000_000;
/** For headings and whatever else stands between the parts that are counted. */
const SPARE_BYTES = 20_000;
/** The lists get so much of the room; the plots have the rest. */
const LISTS_SHARE = 0.5;

export interface RenderedReport {
  readonly html: string;
  readonly bytes: number;
  /** Students, each in a course, who found no room in the lists. */
  readonly unlisted: number;
  /** Those who found room there, and none for their plots. */
  readonly undrawn: number;
}

export interface RenderOptions {
  readonly mostBytes?: number;
  /** Hears of each student that was drawn; where drawing stops, it throws. */
  readonly onDrawn?: () => Promise<void>;
}

/** The page of a report: the most urgent are listed and drawn first, and what finds no room is counted. */
export async function renderReport(
  report: Report,
  { mostBytes = MOST_BYTES, onDrawn = () => Promise.resolve() }: RenderOptions = {},
): Promise<RenderedReport> {
  const entries = drawnOf(report);
  const [header, courses, reading] = [top(report), courseTable(report), howToRead(report)];
  let room = mostBytes - SPARE_BYTES - bytesOf(page(report, header + courses + reading));
  const listed = new Set<Entry>();
  let listRoom = room * LISTS_SHARE;
  for (const entry of entries) {
    const bytes = bytesOf(rowOf(entry, true));
    if (bytes > listRoom) break;
    listRoom -= bytes;
    room -= bytes;
    listed.add(entry);
  }
  const drawings = await drawInto(room, report, [...listed], onDrawn);
  const html = page(
    report,
    [
      `${header}<main>${courses}`,
      listSection("quiet", "Gone quiet", report.quiet, listed, drawings.articles),
      listSection("struggling", "Here but struggling", report.struggling, listed, drawings.articles),
      report.asked.students === null
        ? ""
        : listSection("others", "On no list", report.others, listed, drawings.articles),
      weeksSection([...drawings.articles.values()], listed.size),
      `${reading}</main>`,
      `<svg class="defs" aria-hidden="true">${drawings.backdrops.map(({ svg }) => svg).join("")}</svg>`,
    ].join(""),
  );
  return {
    html,
    bytes: bytesOf(html),
    unlisted: entries.length - listed.size,
    undrawn: listed.size - drawings.articles.size,
  };
}

interface Drawings {
  readonly articles: ReadonlyMap<Entry, string>;
  readonly backdrops: readonly Backdrop[];
}

/** Draws students until there is no room. */
async function drawInto(
  room: number,
  report: Report,
  entries: readonly Entry[],
  onDrawn: () => Promise<void>,
): Promise<Drawings> {
  const { at } = report.asked;
  const weekIsOver = dayIsOver(at) && Temporal.PlainDate.from(at.day).dayOfWeek === 7;
  const backdrops = new Backdrops(entries);
  const articles = new Map<Entry, string>();
  const used = new Set<Backdrop>();
  let left = room;
  for (const entry of entries) {
    const html = htmlOf(article(entry, backdrops, weekIsOver));
    const fresh = backdrops.of(entry).filter((backdrop) => !used.has(backdrop));
    const bytes = bytesOf(html) + fresh.reduce((sum, { svg }) => sum + bytesOf(svg), 0);
    if (bytes > left) break;
    left -= bytes;
    articles.set(entry, html);
    for (const backdrop of fresh) used.add(backdrop);
    await onDrawn();
  }
  return { articles, backdrops: [...used] };
}

interface Row {
  readonly entry: Entry;
  readonly isDrawn: boolean;
}

/** Short words that are not to be taken apart. */
const once = (text: string) => h("span", { class: "once" }, text);

const COLUMNS: readonly Column<Row>[] = [
  {
    head: "student",
    cell: ({ entry: { anchor, called }, isDrawn }) =>
      isDrawn ? h("a", { href: `#${anchor}` }, calledOf(called)) : calledOf(called),
  },
  { head: "course", cell: ({ entry }) => lmsText(entry.course) },
  { head: "band", cell: ({ entry }) => once(entry.insight.band ?? "none") },
  {
    head: "last active",
    cell: ({ entry }) => once(entry.lastActive === null ? "not so far" : longDate(entry.lastActive)),
  },
  { head: "why", cell: ({ entry }) => h("ul", {}, entry.insight.reasons.map((reason) => h("li", {}, reason))) },
];

const rowOf = (entry: Entry, isDrawn: boolean) => cardRow(COLUMNS, { entry, isDrawn });

function listSection(
  id: string,
  title: string,
  entries: readonly Entry[],
  listed: ReadonlySet<Entry>,
  articles: ReadonlyMap<Entry, string>,
): string {
  const shown = entries.filter((entry) => listed.has(entry));
  const rows = shown.map((entry) => rowOf(entry, articles.has(entry)));
  const left = entries.length - shown.length;
  return htmlOf(h(
    "section",
    { id },
    h("h2", {}, `${title}: ${students(peopleIn(entries))}`),
    shown.length === 0 ? null : cardTable(COLUMNS, rows, "The most urgent first"),
    left === 0 ? null : h("p", {}, `${students(left)} more found no room in this page; ${REMEDY}.`),
  ));
}

const REMEDY = "a report of one course or one mentor has room for more";

function weeksSection(articles: readonly string[], listed: number): string {
  if (articles.length === 0) return "";
  const left = listed - articles.length;
  return htmlOf(h(
    "section",
    { id: "weeks" },
    h("h2", {}, "Week by week"),
    legend(),
    left === 0 ? null : h("p", {}, `The plots of ${students(left)} found no room in this page; ${REMEDY}.`),
    h("div", { innerHtml: articles.join("") }),
  ));
}

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text).length;
