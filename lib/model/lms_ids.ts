import type { LmsId } from "./event.ts";

/** The ids that the state database can hold: signed 64 bits. */
export const LOWEST_ID: LmsId = "-9223372036854775808";
export const HIGHEST_ID: LmsId = "9223372036854775807";
/** Whole numbers of so many digits are in between, whatever they are. */
const SAFE_DIGITS = HIGHEST_ID.length - 1;

/** Whether a whole number, as decimal text, is an id that can be held. */
export function isHeldId(text: string): boolean {
  if (text.length <= SAFE_DIGITS) return true;
  const value = BigInt(text);
  return value >= BigInt(LOWEST_ID) && value <= BigInt(HIGHEST_ID);
}

/** An id as JSON has it best: a number where that is exact, beyond 2^53 the text, as is a key of an LMS that only reads like one ("007"). */
export const jsonId = (id: string): number | string => {
  const number = Number(id);
  return Number.isSafeInteger(number) && String(number) === id ? number : id;
};
