import fc from "fast-check";

export const SQL = "x'; drop schema lmsmon cascade; drop table attempts; --";

/** Names and titles as somebody would choose them who wants to be heard. */
export const NAMES = [
  "@**all**",
  "@**everyone** [click](https://evil.example)",
  "@_**Mentor 1|10**",
  "#**general>topic**",
  "[free marks](javascript:alert(1))",
  "![x](https://evil.example/pixel.png)",
  "https://evil.example/login",
  "```quote\nfake\n```",
  "`ref aaaaaaaaaaaaaaaa`",
  "#n=aaaaaaaaaaaaaaaa",
  "<script>alert(1)</script><time:2026-11-23T10:00:00Z>",
  "/me leaves",
  "/poll Who is best?",
  "$$\\frac{1}{0}$$ ~~gone~~ **bold** _it_ ||spoiler||",
  "line\nbreak\r\n# Heading\n> quote\n* list\n1. list",
  "\u202Egnirts desrever\u202C \u200B\u2066x\u2069",
  "\u0001\u0008\u001b[31mred\u001b[0m",
  "Z̸̡̢͓̳̜̪̟̳̠̻̖͐̂̍̅̔̂͋͂͐l̸̢̹̣̤̙͚̱͓̖̹̻̣͇͗͊̽̃ͅ",
  "👩‍👩‍👧‍👦".repeat(500),
  "ﷺ".repeat(4_000),
  "%s %d {0} ${HOME} {{x}}",
  SQL,
  "NULL",
  "",
  "   ",
];

/** Pieces of which something could be put together that Zulip takes for more than text. */
const PIECES = [
  ..."@*_~`#[]()<>!|$:/\\&;\n\r\t \u200b\u202e",
  ...[
    "**",
    "@**",
    "@_**",
    "#**",
    "](",
    "```",
    "~~~",
    "$$",
    "||",
    "&#64;",
    "&#42;&#42;",
    "&amp;",
    "<b>",
    "</b>",
    "<!--",
    "::",
    "\n- ",
  ],
  ...[
    "https://evil.example",
    "evil.example",
    "javascript:",
    "all",
    "everyone",
    "Mentor 1|10",
    "topic",
    ":smile:",
    "/me ",
    "#n=",
  ],
];

/** Names that nobody thought of, from a seed. PostgreSQL holds neither NUL nor half a character. */
export function generatedNames(count: number, seed: number): readonly string[] {
  const name = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 12 }).map((all) => all.join("")),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 80 }) },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 400 }) },
  );
  return fc.sample(name.map((text) => text.replaceAll("\0", "").toWellFormed()), { numRuns: count, seed });
}
