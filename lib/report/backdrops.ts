import { drawCourse, PLOT, type Scale } from "./draw.ts";
import type { CourseWeeks, WeekValues } from "./weeks.ts";
import type { Entry } from "./compose_report.ts";

export const SHOWN = ["days", "marks"] as const satisfies readonly (keyof WeekValues<unknown>)[];
export type Shown = (typeof SHOWN)[number];

/** A drawing that many plots of a page stand on: it is in the page once. */
export interface Backdrop {
  readonly id: string;
  readonly scale: Scale;
  /** The `symbol` element. */
  readonly svg: string;
}

const WEEK = 7;
/** Of a quiet course, too, so much of a week is seen. */
const FEWEST_DAYS = 3;
const PERCENT = 100;
const STEP = 25;

/** Draws those of a page when they are first asked for. */
export class Backdrops {
  readonly #drawn = new Map<string, Backdrop>();

  /** `entries`: all that the page shows, since one scale must hold them. */
  constructor(private readonly entries: readonly Entry[]) {}

  /** What the plots of an entry stand on. */
  of(entry: Entry): Backdrop[] {
    return SHOWN.flatMap((shown) => this.behind(entry, shown) ?? []);
  }

  behind({ insight, weeks }: Entry, shown: Shown): Backdrop | null {
    if (weeks === null) return null;
    const key = `${insight.course}/${shown}`;
    const known = this.#drawn.get(key);
    if (known !== undefined) return known;
    const values = this.#values(insight.course, weeks.course, shown);
    const scale = shown === "days" ? daysScale(values) : marksScale(values);
    const id = `b${this.#drawn.size + 1}`;
    const drawing = drawCourse(weeks.course.mondays, weeks.course.course[shown], scale);
    const made = {
      id,
      scale,
      svg: `<symbol id="${id}" viewBox="0 0 ${PLOT.width} ${PLOT.height}">${drawing}</symbol>`,
    };
    this.#drawn.set(key, made);
    return made;
  }

  /** All that is drawn of a course. */
  #values(course: string, weeks: CourseWeeks, shown: Shown): number[] {
    const ofCourse = this.entries.filter(({ insight }) => insight.course === course);
    const own = ofCourse.flatMap((entry) => entry.weeks?.own[shown] ?? []);
    const spreads = weeks.course[shown].flatMap((spread) => spread === null ? [] : [spread.low, spread.high]);
    return [...own.flatMap((value) => value ?? []), ...spreads];
  }
}

function daysScale(values: readonly number[]): Scale {
  const top = Math.min(WEEK, Math.max(FEWEST_DAYS, Math.ceil(largest(values))));
  const step = top > 4 ? 2 : 1;
  return { domain: [0, top], ticks: Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step) };
}

/** Marks below 0 (wrong answers can cost more than right ones give) and above 100 are drawn, too. */
function marksScale(values: readonly number[]): Scale {
  const low = Math.floor(Math.min(0, -largest(values.map((value) => -value))) / STEP) * STEP;
  const high = Math.ceil(Math.max(PERCENT, largest(values)) / STEP) * STEP;
  const step = high - low > 6 * STEP ? 2 * STEP : STEP;
  const first = Math.ceil(low / step) * step;
  return {
    domain: [low, high],
    ticks: Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step),
  };
}

/** Of a course there may be more values than a call takes arguments. */
const largest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), -Infinity);
