import assert from "node:assert/strict";
import fc from "fast-check";
import { formatUtc, fromInstant } from "../../lib/model/time.ts";
import { UsageError } from "../../lib/base/errors.ts";
import { oneDay, parseTime, parseTimePast } from "../../lib/text/parse_time.ts";

const NOW = fromInstant(Temporal.Instant.from("2026-11-23T03:00:00Z"));
const parse = (text: string, zone = "Asia/Kolkata") => formatUtc(parseTime("--since", text, NOW, zone));

Deno.test("parseTime() takes a duration as that long ago", () => {
  assert.equal(parse("7d"), "2026-11-16T03:00:00.000000Z");
  assert.equal(parse("PT90M"), "2026-11-23T01:30:00.000000Z");
});

Deno.test("parseTime() takes a date as its midnight in the zone, also where midnight does not exist", () => {
  assert.equal(parse("2026-11-20"), "2026-11-19T18:30:00.000000Z");
  assert.equal(parse("2026-11-20", "America/New_York"), "2026-11-20T05:00:00.000000Z");
  assert.equal(parse("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00.000000Z");
});

Deno.test("parseTime() takes today and yesterday as dates, by the day of the zone", () => {
  assert.equal(parse("today"), "2026-11-22T18:30:00.000000Z");
  assert.equal(parse("Yesterday"), "2026-11-21T18:30:00.000000Z");
  assert.equal(parse("today", "America/New_York"), "2026-11-22T05:00:00.000000Z");
});

Deno.test("parseTime() takes a time with its zone, to the microsecond", () => {
  assert.equal(parse("2026-11-20T09:15:00.123456Z"), "2026-11-20T09:15:00.123456Z");
  assert.equal(parse("2026-11-20T09:15:00+05:30"), "2026-11-20T03:45:00.000000Z");
  assert.equal(parse("2026-11-20 09:15Z"), "2026-11-20T09:15:00.000000Z");
  assert.equal(parse("2026-11-20T09:15:00[Asia/Kolkata]"), "2026-11-20T03:45:00.000000Z");
});

Deno.test("parseTime() takes what no database reads as a time for the earliest that one does", () => {
  for (const early of ["0000-01-01", "0001-01-01", "0000-06-15T12:00:00Z"]) {
    assert.equal(parse(early), "0001-01-01T00:00:00.000000Z", early);
  }
  assert.equal(parse("0001-01-01", "America/New_York"), "0001-01-01T04:56:02.000000Z");
});

Deno.test("parseTime() refuses everything else with a UsageError that names the flag", () => {
  assert.throws(
    () => parse("2026-11-20T09:15:00"),
    (error) =>
      error instanceof UsageError && error.message === 'Cannot read --since: "2026-11-20T09:15:00" has no zone',
  );
  const wrong = [
    "",
    "tomorrow",
    "'; drop table x; --",
    "2026-13-01",
    "2026-02-30",
    "1e309",
    "-7d",
    "2026",
    "2026-11-20x",
    "2026-11-20T09:15Z[No/Where]",
    "\u0000",
    "9".repeat(10_000),
  ];
  for (const text of wrong) assert.throws(() => parse(text), UsageError, text.slice(0, 40));
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      assert(Number.isSafeInteger(parseTime("--since", text, NOW, "UTC")));
    } catch (error) {
      assert(error instanceof UsageError, String(error));
    }
  }));
});

Deno.test("how far back to look is no time to come, but for the day that clocks and zones may differ by", () => {
  const past = (text: string) => formatUtc(parseTimePast("--since", text, NOW, "Asia/Kolkata"));
  assert.equal(past("7d"), "2026-11-16T03:00:00.000000Z");
  assert.equal(past("2026-11-23T03:00:05Z"), "2026-11-23T03:00:05.000000Z");
  for (const text of ["2027-11-20", "2026-11-25", "9999-12-31T23:59:59Z"]) {
    const isToCome = (error: unknown) =>
      error instanceof UsageError && error.message === `Cannot use --since: ${JSON.stringify(text)} is to come`;
    assert.throws(() => past(text), isToCome, text);
  }
  assert.equal(
    oneDay("--day", "2026-11-24", NOW, "UTC").since,
    fromInstant(Temporal.Instant.from("2026-11-24T00:00Z")),
  );
  assert.throws(() => oneDay("--day", "2026-12-24", NOW, "UTC"), UsageError);
});
