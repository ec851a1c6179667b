import { counted } from "../text/counted.ts";
import { shortDate } from "../text/short_date.ts";
import type { Spread } from "./weeks.ts";

const MOST_LETTERS = 120;

/** Text of the LMS as a page may show it: one line, not without end. What is markup in it the page escapes. */
export function tamed(text: string): string {
  const clean = text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  const letters = [...clean];
  return letters.length > MOST_LETTERS ? `${letters.slice(0, MOST_LETTERS).join("")}…` : clean;
}

/** `3 Mar 2014`. */
export const longDate = (date: string): string => `${shortDate(date)} ${date.slice(0, 4)}`;

/** A number as people read it: at most one digit after the point. */
export const short = (n: number): string => String(Number(n.toFixed(1)) + 0);

export const spreadWords = ({ low, high }: Spread): string =>
  short(low) === short(high) ? short(low) : `${short(low)} to ${short(high)}`;

export const students = (n: number): string => counted(n, "student");
