import assert from "node:assert/strict";
import fc from "fast-check";
import { codePoints, escapeText, oneLine } from "../../lib/format/escape_text.ts";

/** What Zulip shows: numeric references are decoded last. */
const shown = (escaped: string) => escaped.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));

/** Zulip's inline patterns as Zulip's sources give them, near enough to see that nothing of them matches. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  mention: /@/,
  channel: /#\*\*/,
  emphasis: /[*_]/,
  code: /`/,
  deleted: /~~/,
  link: /\]\(|\[/,
  html: /[<>]/,
  table: /\|/,
  tex: /\$/,
  emoji: /:[\w+-]+:/,
  emoticon: /(?:^|\s)(?::[()|/DPp]|[(]:|;[)]|<3)/,
  scheme: /\b[a-z][a-z0-9+.-]*:[^\s&]/i,
  domain: /[\p{L}\p{N}-]\.\p{L}/u,
  macro: /![a-z]+\(/i,
  entity: /&(?!#\d+;)/,
  backslash: /\\/,
  // deno-lint-ignore no-control-regex
  control: /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/,
};

function assertInert(escaped: string, text: string): void {
  // A reference is inert; in its place stands a sign that no pattern knows.
  const inert = escaped.replace(/&#\d+;/g, "\u00b7");
  for (const [name, pattern] of Object.entries(PATTERNS)) {
    assert.ok(!pattern.test(inert), `${name} in ${JSON.stringify(escaped)} from ${JSON.stringify(text)}`);
  }
}

Deno.test("escapeText() leaves what people write readable as it is", () => {
  for (
    const text of [
      "Rank Test 12 – Electrostatics",
      "Dr. Rao",
      "12/2",
      "Physics: waves",
      "അനഘ",
      "மின்னியல்",
      "Test (re-take), 12.5 %",
      "Müller-Lüdenscheidt",
      "👩‍🔬 Lab",
      "O'Neil + 3 = 5?",
    ]
  ) assert.equal(escapeText(text), text);
});

Deno.test("P6: escapeText() makes mentions, links and markup inert", () => {
  for (
    const text of [
      "@**all**",
      "@_**Name|12**",
      "@*group*",
      "#**channel>topic**",
      "[x](http://evil.example)",
      "http://evil.example/a",
      "HTTPS://evil.example",
      "evil.com",
      "www.evil.com/path",
      "a@b.example",
      "mailto:x@y.z",
      "<time:2024-01-01>",
      "<b>",
      ":smile:",
      "x :) y",
      "$$x^2$$",
      "`code`",
      "```quote",
      "~~gone~~",
      "||spoiler||",
      "| a | b |",
      "&#64;**all**",
      "&lt;",
      "\\*x\\*",
      "!avatar(a)",
      "a\n> b\r\n- c",
      "x\u0000y",
      "x\u202ey",
      "இணையம்.இந்தியா",
    ]
  ) assertInert(escapeText(text) ?? "", text);
});

Deno.test("P6: escapeText() leaves nothing for Zulip to act on, whatever the text", () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      ...Array.from("@*#<>[]()|$:./\\`~_&;!{}=-+ aZ9é\n\t\u0000\u202e\u200d\ud800😀அ"),
      "com",
      "http",
      "://",
      "**",
    ),
    maxLength: 80,
  });
  fc.assert(
    fc.property(fc.oneof(nasty, fc.string({ unit: "binary", maxLength: 200 })), (text) => {
      const escaped = escapeText(text, 60);
      if (escaped === null) return;
      assertInert(escaped, text);
      assert.ok(escaped.isWellFormed());
      assert.equal(escaped, escaped.trim());
      assert.equal(shown(escaped), oneLine(text, 60));
      assert.ok(codePoints(shown(escaped)) <= 60);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("oneLine() cuts between graphemes and says so", () => {
  assert.equal(oneLine("abcdef", 4), "abc…");
  assert.equal(oneLine("a👩‍🔬b👩‍🔬", 4), "a…");
  assert.equal(oneLine("ശ്രീശ്രീശ്രീ", 6), "ശ്രീ…");
  assert.equal(codePoints(oneLine(`e${"\u0301".repeat(500)}`, 20) ?? ""), 20);
});

Deno.test("oneLine() is null when there is nothing to see", () => {
  for (const text of [null, "", " \n\t ", "\u200b\u200d\ufeff", "\u202e\u202c", "\u0301"]) {
    assert.equal(oneLine(text, 60), null);
  }
});

Deno.test("oneLine() takes no longer for a megabyte than for a page", () => {
  assert.equal(codePoints(oneLine("வ".repeat(1_000_000), 120) ?? ""), 120);
});
