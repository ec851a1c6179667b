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
const DAYS: Scale = { domain: [0, WEEK], ticks: [0, 2, 4, 6] };
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
    const scale = shown === "days" ? DAYS : this.#marks(insight.course, weeks.course);
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

  /** Marks below 0 (wrong answers can cost more than right ones give) and above 100 are drawn, too. */
  #marks(course: string, { course: spreads }: CourseWeeks): Scale {
    const own = this.entries.filter(({ insight }) => insight.course === course).flatMap(({ weeks }) =>
      weeks?.own.marks ?? []
    );
    const all = [...own, ...spreads.marks.flatMap((spread) => spread === null ? [] : [spread.low, spread.high])];
    const known = all.flatMap((mark) => mark === null ? [] : [mark]);
    const low = Math.floor(Math.min(0, ...known) / STEP) * STEP;
    const high = Math.ceil(Math.max(PERCENT, ...known) / STEP) * STEP;
    const step = (high - low) / 4;
    return { domain: [low, high], ticks: Array.from({ length: 5 }, (_, i) => low + i * step) };
  }
}
