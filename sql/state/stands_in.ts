import type { Queryable } from "./queryable.ts";

/** A column or a value of a statement. */
type Fragment = ReturnType<Queryable>;

/** Letters of words that have ends. Other scripts write words together or hang marks on them: there a name counts wherever it is. */
const LETTER = "[a-zA-Z0-9À-ÖØ-öø-ɏ]";

/** Whether a name stands in a text, and not as a piece of a longer word: "Anna" is not in "Annabel" or "susanna". */
export const standsIn = (sql: Queryable, text: Fragment, name: Fragment) =>
  sql`(strpos(${text}, ${name}) > 0 and ${text} ~ concat(
    case when ${name} ~ ${`^${LETTER}`} then ${`(?<!${LETTER})`} end,
    regexp_replace(${name}, '([][\\\\.*+?^$' || '{}()|])', '\\\\\\1', 'g'),
    case when ${name} ~ ${`${LETTER}$`} then ${`(?!${LETTER})`} end))`;
