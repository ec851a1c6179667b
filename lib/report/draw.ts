import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom/worker";
import { shortDate } from "../text/short_date.ts";
import type { Spread } from "./weeks.ts";

/** The size in which plots are drawn: that of a phone, so that their text can be read there; the page makes them larger. */
export const PLOT = { width: 300, height: 150 } as const;
const FRAME = { ...PLOT, marginTop: 8, marginRight: 6, marginBottom: 20, marginLeft: 30 };
const X_LABELS = 5;

/** What a plot's vertical axis shows. */
export interface Scale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
}

/** Plots are made of elements: this document is where they come from, no page. */
const document = new DOMParser().parseFromString("<!doctype html><html><body></body></html>", "text/html");

/** Colours are the page's, so that they follow it into the dark. */
const COLOURS = { band: "var(--band)", edge: "var(--edge)", ink: "var(--ink)", own: "var(--own)", page: "var(--page)" };

/**
 * What all students of a course have in common: the axes, and week by week the middle half as a bar with the median across.
 * SVG elements for a view box of `PLOT`.
 */
export function drawCourse(mondays: readonly string[], spreads: readonly (Spread | null)[], scale: Scale): string {
  const bars = spreads.flatMap((spread, week) => spread === null ? [] : [{ week, ...spread }]);
  const step = Math.max(1, Math.ceil(mondays.length / X_LABELS));
  const x = {
    ...xOf(mondays.length),
    ticks: mondays.flatMap((_, week) => week % step === 0 ? [week] : []),
    tickFormat: (week: number) => shortDate(mondays[week] ?? ""),
  };
  return inside({
    ...FRAME,
    x,
    y: { ...yOf(scale), ticks: [...scale.ticks], tickFormat: String, grid: true },
    marks: [
      Plot.barY(bars, { x: "week", y1: "low", y2: "high", fill: COLOURS.band, stroke: COLOURS.edge }),
      Plot.tickY(bars, { x: "week", y: "mid", stroke: COLOURS.ink, strokeWidth: 2 }),
    ],
  });
}

/** One student's values upon it: a line through the dots of the weeks that have one. */
export function drawOwn(values: readonly (number | null)[], scale: Scale): string {
  const points = values.flatMap((value, week) => value === null ? [] : [{ week, value }]);
  const at = { x: "week", y: "value" };
  return inside({
    ...FRAME,
    x: { ...xOf(values.length), axis: null },
    y: { ...yOf(scale), axis: null },
    marks: [
      Plot.line(points, { ...at, stroke: COLOURS.page, strokeWidth: 5 }),
      Plot.line(points, { ...at, stroke: COLOURS.own, strokeWidth: 2 }),
      Plot.dot(points, { ...at, r: 3, fill: COLOURS.own, stroke: COLOURS.page }),
    ],
  });
}

const xOf = (weeks: number) => ({
  type: "band" as const,
  domain: Array.from({ length: weeks }, (_, week) => week),
  padding: 0.25,
  label: null,
});

const yOf = ({ domain }: Scale) => ({ domain: [...domain], label: null });

/** The elements of a plot without its frame: the page has one style for all plots, which no plot need bring along. */
function inside(options: Plot.PlotOptions): string {
  const svg = Plot.plot({ ...options, document: document as never });
  svg.querySelector("style")?.remove();
  return svg.innerHTML;
}
