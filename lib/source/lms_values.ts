import type { LmsId } from "../model/event.ts";
import { HIGHEST_ID, isHeldId } from "../model/lms_ids.ts";

/** Words that stand for "nothing" in number columns that are text in some copies of the LMS. */
const NOTHING = new Set(["", "na", "n/a", "-", "null", "none"]);

/** What number columns hold that are no number: a division by zero in the LMS, an import gone wrong. */
const NO_NUMBER = /^[-+]?(nan|inf|infinity)$/;
/** No mark, count or share is larger, whichever sign it has. */
const LARGEST = 1e12;

/**
 * A number out of the LMS's text: `"90.00"`, `"82%"`; `null` for nothing ("NA") and for what no mark can be (NaN, infinity, 1e300),
 * which must hide no result; `undefined` for a text that is no number.
 */
export function readNumber(text: string | null | undefined): number | null | undefined {
  if (text === null || text === undefined) return null;
  const value = Number(text);
  if (value !== 0 && value >= -LARGEST && value <= LARGEST) return value;
  if (value === 0 && text.trim() !== "") return value; // Number("  ") is 0
  const word = text.trim().toLowerCase();
  if (NOTHING.has(word) || NO_NUMBER.test(word) || (!Number.isNaN(value) && word !== "")) return null;
  return /^[-+]?\d+(\.\d+)?\s*%$/.test(word) ? readNumber(word.slice(0, -1)) : undefined;
}

/** The LMS's own number of an attempt: a whole one that the state can hold; `null` for any other number, `undefined` for none. */
export function readAttemptNo(text: string | null | undefined): number | null | undefined {
  const value = readNumber(text);
  return typeof value !== "number" || (Number.isInteger(value) && Math.abs(value) < 2 ** 31) ? value : null;
}

/** An id as decimal text; `null` for nothing, `undefined` when it is no whole number, or one beyond 64 bits. */
export function readId(text: string | null | undefined): LmsId | null | undefined {
  if (text === null || text === undefined) return null;
  if (isDigits(text) && (text.length === 1 || text.charCodeAt(0) !== 48)) {
    return text.length < HIGHEST_ID.length || text <= HIGHEST_ID ? text : undefined;
  }
  const digits = wholeNumber(text);
  if (digits !== null) return isHeldId(digits) ? digits : undefined;
  return NOTHING.has(text.trim().toLowerCase()) ? null : undefined;
}

/** Whether this is a whole number, and one that no id can be. */
export function isBeyondIds(text: string | null | undefined): boolean {
  const digits = wholeNumber(text ?? "");
  return digits !== null && !isHeldId(digits);
}

/** A whole number in its one form: `007` (a column with ZEROFILL, a text) is 7, `-0` is 0. */
function wholeNumber(text: string): string | null {
  const [, sign = "", digits] = /^\s*(-?)0*(\d{1,1000}?)(?:\.0*)?\s*$/.exec(text) ?? [];
  return digits === undefined ? null : digits === "0" ? digits : sign + digits;
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return text.length > 0 && text.length <= HIGHEST_ID.length;
}

/** PostgreSQL's `true`, MySQL's `1` and bit(1), and words in text columns. */
export function readBoolean(text: string | null | undefined): boolean | null {
  if (text === null || text === undefined) return null;
  const word = text.trim().toLowerCase();
  if (["true", "t", "1", "yes", "y", "on", "\u0001"].includes(word)) return true;
  return word === "\u0000" || ["false", "f", "0", "no", "n", "off", ""].includes(word) ? false : null;
}

/** A word for comparing: lower case, blanks for `_` and `-`, none at the ends. */
export function normalWord(text: string): string {
  return text.trim().toLowerCase().replace(/[\s_-]+/g, " ");
}

/** Ascending order of decimal ids without turning them into bigints. */
export function compareIds(a: LmsId, b: LmsId): number {
  const negativeA = a.startsWith("-"), negativeB = b.startsWith("-");
  if (negativeA !== negativeB) return negativeA ? -1 : 1;
  const order = a.length !== b.length ? a.length - b.length : a < b ? -1 : a > b ? 1 : 0;
  return negativeA ? -order : order;
}
