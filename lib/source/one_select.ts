/**
 * What is wrong with a text that is to be one SELECT, as far as its words show; `null` when nothing is. The database has the last word: a
 * query is sent by a protocol that takes one statement only, in a READ ONLY transaction. Pure.
 */
export function statementProblem(text: string): string | null {
  // In MySQL a backslash takes the quote behind it into the text, in PostgreSQL it does not: which one it is, nobody said here.
  const [first, second] = [true, false].map((escapes) => problemOf(bareText(text, escapes)));
  return first == null || second == null ? null : first;
}

function problemOf(bare: string): string | null {
  if (/;\s*$/.test(bare)) return "must not end with a semicolon";
  if (bare.includes(";")) return "must be one statement";
  // The server would wait for its value, or take one that is meant for another place.
  const parameter = /(?<![\w$])\$\d+/.exec(bare)?.[0];
  if (parameter !== undefined) return `has a parameter (${parameter}), and nothing gives it a value`;
  const first = /^[\s(]*([a-z]+)/i.exec(bare)?.[1]?.toLowerCase();
  if (first !== "select" && first !== "with") return "must be a SELECT";
  const word =
    /\b(insert\s+into|update\s+\S+\s+set|delete\s+from|merge\s+into|for\s+(?:no\s+key\s+)?update|for\s+(?:key\s+)?share|lock\s+in\s+share\s+mode|into\s+(?:outfile|dumpfile|temp|table))\b/i
      .exec(bare)?.[1];
  return word === undefined ? null : `must only read, and has "${word.replace(/\s+/g, " ").toLowerCase()}"`;
}

const COMMENT = String.raw`--[^\n]*|#(?![>-])[^\n]*|\/\*[\s\S]*?\*\/`;
const OTHER_QUOTES = String.raw`"(?:[^"]|"")*"|\`(?:[^\`]|\`\`)*\`|\$(\w*)\$[\s\S]*?\$\1\$`;
const ESCAPING = new RegExp(String.raw`${COMMENT}|'(?:[^'\\]|''|\\[\s\S])*'|${OTHER_QUOTES}`, "g");
const PLAIN = new RegExp(`${COMMENT}|'(?:[^']|'')*'|${OTHER_QUOTES}`, "g");

/** Without comments, and with nothing in its quotes. */
function bareText(text: string, escapes: boolean): string {
  return text.replace(
    escapes ? ESCAPING : PLAIN,
    (found) => found.startsWith("'") ? "''" : /^["`]/.test(found) ? "x" : " ",
  );
}
