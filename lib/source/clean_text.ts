/**
 * Text of the LMS without what no database or JSON reader downstream takes: NUL and lone surrogates. Everything else
 * stays as it is; escaping for people is lib/format's.
 */
export function cleanText(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  // One cheap test first: nearly no text has any, and this runs several times a row.
  return UNUSUAL.test(text) ? text.replace(UNWANTED, "") : text;
}

/** Clean text without blanks around it; `null` where nothing is left. */
export function filledText(text: string | null | undefined): string | null {
  const clean = cleanText(text)?.trim() ?? "";
  return clean === "" ? null : clean;
}

const UNUSUAL = /[\0\ud800-\udfff]/;
const UNWANTED = /\0|\p{Surrogate}/gu;
