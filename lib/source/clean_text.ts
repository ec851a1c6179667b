/**
 * Text of the LMS without what no database or JSON reader downstream takes: NUL and lone surrogates. Everything else
 * stays as it is; escaping for people is lib/format's. `unreadable` is called for a text with U+FFFD, which stands where bytes
 * were no text.
 */
export function cleanText(text: string | null | undefined, unreadable: () => void = () => {}): string | null {
  if (text === null || text === undefined) return null;
  // One cheap test first: nearly no text has any, and this runs several times a row.
  if (!UNUSUAL.test(text)) return text;
  if (text.includes(REPLACEMENT)) unreadable();
  return text.replace(UNWANTED, "");
}

/** Clean text without blanks around it; `null` where nothing is left. */
export function filledText(text: string | null | undefined, unreadable?: () => void): string | null {
  const clean = cleanText(text, unreadable)?.trim() ?? "";
  return clean === "" ? null : clean;
}

const REPLACEMENT = "\ufffd";
const UNUSUAL = /[\0\ufffd\ud800-\udfff]/;
const UNWANTED = /\0|\p{Surrogate}/gu;
