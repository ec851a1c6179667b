import type { NamesForm, ToldEvent } from "../model/told_event.ts";
import { oneLine } from "./escape_text.ts";

type Student = ToldEvent["student"];

/** More letters say no more. */
const MOST_INITIALS = 4;
const RAW_NAME = 400;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * The event with its student as `format.names` wants them named. THE place for it: whatever words a message sees nothing else.
 * Initials always come with the number of the LMS, since a class has many students of the same ones; usernames are one person's.
 */
export function withNames<T extends Pick<ToldEvent, "student">>(event: T, form: NamesForm): T {
  return form === "full" ? event : { ...event, student: shownAs(event.student, form) };
}

function shownAs({ id, name, username }: Student, form: "initials" | "username"): Student {
  if (form === "username") return { id, name: null, username, nameIsShared: false };
  return { id, name: initialsOf(name), username: null, nameIsShared: true };
}

/** `Priya N. Sharma` is `PNS`; `null` for a name without a letter. */
function initialsOf(name: string | null): string | null {
  const words = oneLine(name, RAW_NAME)?.split(/[\s\-.,_/]+/u) ?? [];
  const letters = words.flatMap((word) => {
    const start = word.search(/\p{L}/u);
    const [first] = start < 0 ? [] : graphemes.segment(word.slice(start));
    return first === undefined ? [] : [first.segment.toUpperCase()];
  });
  return letters.length === 0 ? null : letters.slice(0, MOST_INITIALS).join("");
}
