import assert from "node:assert/strict";
import fc from "fast-check";
import { metadataOf } from "../../../lib/detect/metadata.ts";
import { arrayLiteral, numberArrayLiteral } from "../../../lib/state/array_literal.ts";
import { copyLine } from "../../../lib/drivers/postgres/copy_into.ts";
import { EVENT_TEXTS, idText, metadataJson } from "../../../lib/poll/record/event_values.ts";
import { bucketOf } from "../../../lib/model/bucket.ts";
import { BucketDeltas } from "../../../lib/poll/record/row_state_values.ts";
import { dataProblem } from "../../../lib/poll/record/quarantine.ts";
import { withState } from "../../support/state/with_state.ts";
import { attempt, eventOf } from "./batches.ts";

const text = fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\0", ""));

Deno.test("arrayLiteral() and copyLine() bring any text through the database", async () => {
  await withState("server", async ({ sql }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text)), async (values) => {
        const [row] = await sql`select to_jsonb(${arrayLiteral(values)}::text[]) as values`;
        assert.deepEqual(row?.values, values);
      }),
      { numRuns: 50 },
    );
  });
  assert.equal(arrayLiteral([]), "{}");
  assert.equal(arrayLiteral([""]), '{""}');
  assert.equal(numberArrayLiteral([]), "{}");
  assert.equal(numberArrayLiteral([1, null, "-3"]), "{1,NULL,-3}");
  assert.equal(copyLine(["a\tb\\c\nd\r", null, "", "\\N"], [0, 3]), "a\\tb\\\\c\\nd\\r\t\\N\t\t\\\\N");
});

Deno.test("metadataJson() is JSON.stringify() with supersedes filled in", () => {
  const row = fc.record({
    verdict: fc.constantFrom("pass" as const, "fail" as const, null),
    state: fc.option(fc.string()),
    result: fc.option(fc.string()),
    score: fc.option(fc.double()),
    percentage: fc.option(fc.double()),
    correct: fc.option(fc.integer()),
    startedAt: fc.option(fc.integer({ min: 0, max: 2e15 })),
  });
  fc.assert(fc.property(row, fc.option(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })), (over, supersedes) => {
    const metadata = {
      ...metadataOf(attempt("1", over), eventOf(attempt("1", over))),
      previous: { verdict: over.verdict, score: over.score, percentage: over.percentage },
    };
    const id = supersedes === null ? null : String(supersedes);
    const expected = { ...metadata, supersedes: id === null ? null : JSON.parse(idText(id)) };
    assert.deepEqual(JSON.parse(metadataJson(metadata, id)), JSON.parse(JSON.stringify(expected)));
  }));
});

Deno.test("EVENT_TEXTS holds every column that comes from the LMS as text", () => {
  assert.ok([0, 8, 10, 13, 16, 18, 19, 20, 21].every((position) => EVENT_TEXTS.includes(position)));
});

Deno.test("bucketOf() is floor(id / 1000) for any bigint", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (id) => {
    const bucket = BigInt(bucketOf(String(id)));
    assert.ok(bucket * 1000n <= id && id < (bucket + 1n) * 1000n);
  }));
  assert.deepEqual(["0", "999", "1000", "-1", "-1000", "-1001"].map(bucketOf), ["0", "0", "1", "-1", "-1", "-2"]);
});

Deno.test("BucketDeltas leaves out buckets where nothing changes", () => {
  const deltas = new BucketDeltas();
  deltas.add("1", "5");
  deltas.remove("1", "5");
  assert.equal(deltas.literals(), null);
  deltas.add("5000", "-9223372036854775808");
  deltas.remove("7", null);
  deltas.remove("2000", "3");
  assert.deepEqual(deltas.literals(), { buckets: "{2,5}", counts: "{-1,1}", xors: "{3,-9223372036854775808}" });
});

Deno.test("dataProblem() tells a row's fault from the database's, without the value", () => {
  const copy = { code: "22003", where: 'COPY lms_activity_events, line 3, column activity_id: "99"' };
  assert.equal(
    dataProblem(copy),
    "the state database refuses the row: a number is out of range (activity_id), SQLSTATE 22003",
  );
  for (const code of ["23505", "23503", "23502", "23514", "40001", "57P01", "53100", "CONNECTION_CLOSED"]) {
    assert.equal(dataProblem({ code }), null, code);
  }
  assert.equal(dataProblem(new TypeError("x")), null);
});
