/**
 * What is wrong with a text that is to be one SELECT, as far as its words show; `null` when nothing is. The database has the last word: a
 * query is sent by a protocol that takes one statement only, in a READ ONLY transaction. Pure.
 */
export function statementProblem(text: string): string | null {
  const bare = bareText(text);
  if (/;\s*$/.test(bare)) return "must not end with a semicolon";
  if (bare.includes(";")) return "must be one statement";
  const first = /^[\s(]*([a-z]+)/i.exec(bare)?.[1]?.toLowerCase();
  if (first !== "select" && first !== "with") return "must be a SELECT";
  const word =
    /\b(insert\s+into|update\s+\S+\s+set|delete\s+from|truncate|drop|alter|create|grant|for\s+(?:no\s+key\s+)?update|for\s+(?:key\s+)?share|lock\s+in\s+share\s+mode|into\s+(?:outfile|dumpfile|temp|table))\b/i
      .exec(bare)?.[1];
  return word === undefined ? null : `must only read, and has "${word.replace(/\s+/g, " ").toLowerCase()}"`;
}

/** Without comments, and with nothing in its quotes. */
export function bareText(text: string): string {
  return text.replace(
    /--[^\n]*|#(?![>-])[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\$(\w*)\$[\s\S]*?\$\1\$/g,
    (found) => found.startsWith("'") ? "''" : /^["`]/.test(found) ? "x" : " ",
  );
}
