import assert from "node:assert/strict";
import fc from "fast-check";
import { csvLine } from "../../lib/text/csv_line.ts";
import { csvRecords } from "../../lib/text/csv_records.ts";

const records = (text: string) => [...csvRecords(text)];

Deno.test("csvRecords() takes line breaks in quotes for text, and says on which line a record begins", () => {
  assert.deepEqual(records('a, "b" ,c\r\n\r\n"two\r\nlines, ""x""",2,\n3'), [
    { cells: ["a", "b", "c"], line: 1 },
    { cells: ['two\r\nlines, "x"', "2", ""], line: 3 },
    { cells: ["3"], line: 5 },
  ]);
  assert.deepEqual(records(""), []);
  assert.deepEqual(records(",,\n"), [], "what a spreadsheet writes for an empty row");
});

Deno.test("csvRecords() lets a quote that is never closed swallow no lines", () => {
  assert.deepEqual(records('5,"Physics\n6,12" tube\n7,"x"y\n').map(({ cells }) => cells), [
    ["5", '"Physics'],
    ["6", '12" tube'],
    ["7", '"x"y'],
  ]);
});

Deno.test("csvRecords() reads back what csvLine() writes", () => {
  const cell = fc.string({ unit: "binary" }).map((text) => `x${text}x`);
  fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 1 }), { maxLength: 5 }), (rows) => {
    assert.deepEqual(records(rows.map(csvLine).join("\r\n")).map(({ cells }) => cells), rows);
  }));
});

Deno.test("csvRecords() is quick with a long text of quotes", () => {
  for (const text of ['"'.repeat(200_001), '"x'.repeat(100_000), `"${"a".repeat(2_000_000)}`, '"a""'.repeat(50_000)]) {
    assert.equal(records(text).length, 1);
  }
});
