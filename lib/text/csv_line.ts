/**
 * One line of CSV (RFC 4180, without the line break). Text that a spreadsheet would run as a formula gets an apostrophe in
 * front: names come from an LMS where students choose their own.
 */
export function csvLine(cells: readonly (string | null)[]): string {
  return cells.map((cell) => cell === null ? "" : csvCell(cell)).join(",");
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

function csvCell(text: string): string {
  // A plain number is none, also a decimal one, and ids must stay what they are. Blanks first: spreadsheets trim them.
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
