import type { Role } from "../model/person.ts";

const PERSON = /\b(mentor|student)(s?[: ])(-?\d+(?:, -?\d+)*)/g;
const ACCOUNT = /\b(user|account) \d+/g;
const ADDRESS = /[^\s<>"'`(]+@[^\s<>"'`)]+/g;

/** A sentence of lmsmon for somebody who may not know who it is about: people by pseudonym, and nothing that others wrote. Pure. */
export function withheld(
  text: string,
  freeTexts: readonly string[],
  called: (role: Role, id: string) => string,
): string {
  const longestFirst = freeTexts.filter((free) => free.trim() !== "").sort((a, b) => b.length - a.length);
  const without = longestFirst.reduce((rest, free) => rest.replaceAll(free, "(text withheld)"), text);
  return renamed(without, called).replace(ACCOUNT, "$1").replace(ADDRESS, "(address withheld)");
}

/** A sentence of lmsmon with people called as everywhere in the answer: an id of the state may stand for a text of the LMS. Pure. */
export function renamed(text: string, called: (role: Role, id: string) => string): string {
  return text.replace(
    PERSON,
    (_, role: Role, between: string, ids: string) =>
      `${role}${between}${ids.split(", ").map((id) => called(role, id)).join(", ")}`,
  );
}
