/** Longest names and titles in a message, in code points before escaping (an escape costs up to 6). */
export const NAME_LENGTH = 60;
/** Of those who are told, too: several names share a line. */
export const OTHER_NAME_LENGTH = 40;
export const TITLE_LENGTH = 120;

/** Longer raw text is cut before any work: a title of megabytes must not cost more than one of a kilobyte. */
const RAW_LENGTH = 4000;

// C0 and C1 controls, line and paragraph separators, bidi controls and marks, noncharacters: each would break a line, hide
// text or turn the rest of the message around. ZWJ and ZWNJ (U+200D, U+200C) stay: Malayalam, Tamil and emoji need them.
const UNPRINTABLE = /[\p{Cc}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const INVISIBLE = /[\u00ad\u180e\u200b\u2060-\u2064\ufeff]/g;
const NOTHING_TO_SEE = /^[\p{White_Space}\p{Cf}\p{Mn}\u3164\u2800]*$/u;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Length as Zulip counts it. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * One line of printable, well-formed text of at most `max` code points, cut between graphemes with an ellipsis; `null` when
 * there is nothing to see. Not escaped.
 */
export function oneLine(text: string | null, max: number): string | null {
  if (text === null) return null;
  const clean = text.slice(0, RAW_LENGTH).toWellFormed().replace(UNPRINTABLE, " ").replace(INVISIBLE, "")
    .replace(/\p{White_Space}+/gu, " ").trim();
  return NOTHING_TO_SEE.test(clean) ? null : cut(clean, max);
}

function cut(text: string, max: number): string {
  if (text.length <= max || codePoints(text) <= max) return text;
  let kept = "";
  let length = 0;
  for (const { segment } of graphemes.segment(text)) {
    const size = codePoints(segment);
    if (length + size > max - 1) {
      // One letter with hundreds of marks: the only grapheme that may be cut.
      if (kept === "") kept = [...segment].slice(0, max - 1).join("");
      break;
    }
    kept += segment;
    length += size;
  }
  return `${kept.trimEnd()}…`;
}

// What Zulip acts on (docs/zulip.md, "Text"). Zulip knows no backslash escape, but decodes numeric references last.
// Always: entities, html, mentions, channels, emphasis, code, links, tables, TeX, backslashes. By their surroundings:
// `:` except before a space (emoji and URL schemes need a character after it), `.` except before a space or a digit (no
// top-level domain begins so), `/` except between letters, digits and spaces, brackets in emoticons, `!` of old macros.
const ACTIVE =
  /[&<>@#*_~`[\]|$\\]|:(?! )|\.(?![ 0-9])|(?<![\p{L}\p{N} ])\/|\/(?![\p{L}\p{N} ])|(?<=[:;])[()]|[()](?=[:;])|!(?=[\p{L}(])/gu;

/** Escapes clean text for running text, bold text or a table cell; never for code and never for the start of a line. */
export function escapeClean(clean: string): string {
  return clean.replace(ACTIVE, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** {@link oneLine}, escaped: text of the LMS that can form no mention, link or markup in Zulip (P6). */
export function escapeText(text: string | null, max: number = TITLE_LENGTH): string | null {
  const clean = oneLine(text, max);
  return clean === null ? null : escapeClean(clean);
}
