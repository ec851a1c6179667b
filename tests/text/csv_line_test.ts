import assert from "node:assert/strict";
import fc from "fast-check";
import { csvLine } from "../../lib/text/csv_line.ts";

for (
  const [cell, expected] of [
    ["plain", "plain"],
    [null, ""],
    ["7713", "7713"],
    ["-7713", "-7713"],
    ["a,b", '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    ["=1+1", "'=1+1"],
    ["+49", "'+49"],
    ["-2+3", "'-2+3"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["  =1+1", "'  =1+1"],
    ["\t=1", "'\t=1"],
    ["＝1", "'＝1"],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
  ] as const
) {
  Deno.test(`csvLine() writes ${JSON.stringify(cell)} as ${JSON.stringify(expected)}`, () => {
    assert.equal(csvLine([cell]), expected);
  });
}

Deno.test("csvLine() gives back every cell, and none that a spreadsheet would run", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 }), (cells) => {
    const back = parse(csvLine(cells));
    assert.deepEqual(back.map((cell) => cell.replace(/^'/, "")), cells.map((cell) => cell.replace(/^'/, "")));
    for (const cell of back) assert.doesNotMatch(cell, /^\s*[=+@]/);
  }));
});

/** A reader of one RFC 4180 record. */
function parse(line: string): string[] {
  return [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,"]*))/g)]
    .map(([, quoted, plain]) => quoted === undefined ? plain ?? "" : quoted.replaceAll('""', '"'));
}
