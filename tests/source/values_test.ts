import assert from "node:assert/strict";
import fc from "fast-check";
import { durationAllowed } from "../../lib/source/activities.ts";
import { cleanText } from "../../lib/source/clean_text.ts";
import { timeReader } from "../../lib/source/lms_times.ts";
import { compareIds, readAttemptNo, readBoolean, readId, readNumber } from "../../lib/source/lms_values.ts";
import { readTimeTaken } from "../../lib/source/time_taken.ts";
import { formatUtc, fromInstant } from "../../lib/model/time.ts";

Deno.test("readTimeTaken() reads every spelling the LMS has when given one", () => {
  const cases: [string | null, number | null][] = [
    ["2:47:53.076906", 10_073.076906],
    ["0:00:00", 0],
    ["23:24:45", 84_285],
    ["1 day, 2:03:04", 93_784],
    ["12 days, 0:00:01.5", 1_036_801.5],
    ["PT2H3M4.5S", 7384.5],
    ["P1DT1S", 86_401],
    ["1171.627827", 1171.627827],
    ["593.0", 593],
    ["18 seconds", 18],
    ["5 minutes", 300],
    ["2.20:03", null],
    ["P", null],
    ["PT", null],
    ["-1 day, 23:59:59", null],
    ["999999 days, 0:00:00", null], // longer than anybody lives
    ["999999999999 h", null],
    ["-5", null],
    ["NA", null],
    ["", null],
    ["soon", null],
    [null, null],
  ];
  for (const [text, seconds] of cases) assert.equal(readTimeTaken(text), seconds, String(text));
});

Deno.test("readNumber() tells nothing from nonsense when a number is text", () => {
  const cases: [string | null, number | null | undefined][] = [
    ["90.00", 90],
    ["-0.25", -0.25],
    [" 12 ", 12],
    ["82%", 82],
    ["83.64000000000000000000", 83.64],
    ["NA", null],
    ["n/a", null],
    ["", null],
    ["  ", null],
    [null, null],
    ["NaN", null], // no mark: it must hide no result
    ["-Infinity", null],
    ["1e300", null],
    ["-1e13", null],
    ["1e999", null],
    ["1e12", 1e12],
    ["999999999999999%", null],
    ["12,5", undefined],
    ["twelve", undefined],
  ];
  for (const [text, number] of cases) assert.equal(readNumber(text), number, String(text));
});

Deno.test("readAttemptNo() gives a number that the state can hold, and none for any other", () => {
  const cases: [string | null, number | null | undefined][] = [
    ...[["3", 3], ["2.00", 2], ["1.5", null], ["2147483648", null]] as [string, number | null][],
    ...[["NaN", null], ["", null], [null, null], ["third", undefined]] as [string | null, number | null | undefined][],
  ];
  for (const [text, number] of cases) assert.equal(readAttemptNo(text), number, String(text));
});

Deno.test("readId() keeps ids above 2^53 and refuses what is no whole number", () => {
  assert.equal(readId("9223372036854775807"), "9223372036854775807");
  assert.equal(readId("133.00"), "133");
  assert.equal(readId("-5"), "-5");
  assert.equal(readId(null), null);
  assert.equal(readId("NA"), null);
  assert.equal(readId("1.5"), undefined);
  assert.deepEqual(["007", "0", "00", "-0", "-007.00", "0009223372036854775807"].map(readId), [
    ...["7", "0", "0", "0", "-7"],
    "9223372036854775807",
  ]);
  assert.deepEqual(["0009223372036854775808", "1e3", "7abc"].map(readId), [undefined, undefined, undefined]);
  assert.equal(readId("abc"), undefined);
});

Deno.test("readBoolean() reads both databases' booleans", () => {
  assert.deepEqual(["true", "1", "\u0001", "t", "false", "0", "\u0000", null, "?"].map(readBoolean), [
    ...[true, true, true, true, false, false, false],
    ...[null, null],
  ]);
});

Deno.test("compareIds() orders decimal text as the numbers it means", () => {
  fc.assert(fc.property(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)), (ids) => {
    const sorted = [...ids].sort((a, b) => a < b ? -1 : a > b ? 1 : 0).map(String);
    assert.deepEqual(ids.map(String).sort(compareIds), sorted);
  }));
});

Deno.test("cleanText() removes NUL and lone surrogates and nothing else", () => {
  assert.equal(cleanText("a\0b\ud800c\udfff🎓\u200fم\n"), "abc🎓\u200fم\n");
  assert.equal(cleanText(null), null);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(cleanText(text), text.replaceAll("\0", ""));
  }));
});

Deno.test("timeReader() keeps microseconds and any offset when the zone is UTC", () => {
  const read = timeReader("UTC");
  const cases: [string, string | null][] = [
    ["2026-11-20 09:15:00.123456", "2026-11-20T09:15:00.123456Z"],
    ["2026-11-20 09:15:00", "2026-11-20T09:15:00.000000Z"],
    ["2026-11-20T09:15:00.5Z", "2026-11-20T09:15:00.500000Z"],
    ["2026-11-20 09:15:00.1+00", "2026-11-20T09:15:00.100000Z"],
    ["2026-11-20 14:45:00+05:30", "2026-11-20T09:15:00.000000Z"],
    ["2026-11-20 04:15:00-0500", "2026-11-20T09:15:00.000000Z"],
    ["2026-11-20", "2026-11-20T00:00:00.000000Z"],
    ["1970-01-01 00:00:00.000001", "1970-01-01T00:00:00.000001Z"],
    ["1970-01-01 01:00:00+02", null],
    ["1969-12-31 23:00:00-02", "1970-01-01T01:00:00.000000Z"],
    ["1969-12-31 23:59:59.999999", null],
    ["0001-01-01 00:00:00", null],
    ["8999-12-31 23:59:59", "8999-12-31T23:59:59.000000Z"],
    ["9000-01-01 00:00:00", null],
    ["9999-12-31 23:59:59", null],
    ["9999-12-31 23:59:59.999+00", null],
    ["20000-01-01 00:00:00", null],
    ["294276-12-31 23:59:59.999999+00", null],
    ["infinity", null],
    ["-infinity", null],
    ["0044-03-15 12:00:00 BC", null],
    ["4713-01-01 00:00:00+00 BC", null],
    ["2026-00-00", null],
    ["2026-00-00 00:00:00", null],
    ["2026-11-00 10:00:00", null],
    ["2026-13-01 10:00:00", null],
    ["2026-02-29 10:00:00", null],
    ["2028-02-29 10:00:00", "2028-02-29T10:00:00.000000Z"],
    ["2026-04-31", null],
    ["2026-11-20 25:00:00", null],
    ["0000-00-00 00:00:00.000000", null],
    ["1970-01-01 00:00:00", null],
    ["", null],
  ];
  for (const [text, utc] of cases) {
    const micros = read(text);
    assert.equal(micros === null || micros === undefined ? micros : formatUtc(micros), utc, text);
  }
  for (
    const text of ["soon", "20/11/2026 10:00", "1795898121", "12:00"]
  ) {
    assert.equal(read(text), undefined, text);
  }
});

Deno.test("timeReader() reads zoneless times in the LMS's zone, clock changes included", () => {
  const berlin = timeReader("Europe/Berlin"), lordHowe = timeReader("Australia/Lord_Howe");
  const utc = (micros: number | null | undefined) => formatUtc(micros ?? NaN);
  assert.equal(utc(timeReader("Asia/Kolkata")("2026-11-20 14:45:00.123456")), "2026-11-20T09:15:00.123456Z");
  assert.equal(utc(berlin("2026-03-29 01:59:59")), "2026-03-29T00:59:59.000000Z");
  assert.equal(
    utc(berlin("2026-03-29 02:30:00")),
    "2026-03-29T01:30:00.000000Z",
    "skipped: the offset before the change",
  );
  assert.equal(utc(berlin("2026-03-29 03:00:00")), "2026-03-29T01:00:00.000000Z");
  assert.equal(utc(berlin("2026-10-25 02:30:00")), "2026-10-25T00:30:00.000000Z", "twice: the first");
  assert.equal(utc(berlin("2026-10-25 03:00:00")), "2026-10-25T02:00:00.000000Z");
  assert.equal(utc(lordHowe("2026-10-04 02:15:00")), "2026-10-03T15:45:00.000000Z", "half an hour skipped");
  assert.equal(utc(lordHowe("2026-10-04 02:30:00")), "2026-10-03T15:30:00.000000Z");
  assert.equal(utc(berlin("2026-03-29 02:30:00+00")), "2026-03-29T02:30:00.000000Z", "an offset of its own wins");
  assert.throws(() => timeReader("Mars/Olympus"), RangeError);
});

Deno.test("timeReader() agrees with Temporal when given any time in any of several zones", () => {
  for (const zone of ["Asia/Kolkata", "America/New_York", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]) {
    const read = timeReader(zone);
    fc.assert(fc.property(
      fc.integer({ min: 86_400, max: 4_000_000_000 }), // before 1970 is no time, in any zone
      fc.integer({ min: 1, max: 999_999 }),
      (seconds, micros) => {
        const instant = Temporal.Instant.fromEpochNanoseconds(BigInt(seconds) * 10n ** 9n + BigInt(micros) * 1000n);
        const local = instant.toZonedDateTimeISO("UTC").toPlainDateTime();
        const expected = local.toZonedDateTime(zone, { disambiguation: "compatible" }).toInstant();
        assert.equal(read(local.toString().replace("T", " ")), fromInstant(expected));
      },
    ));
  }
});

Deno.test("durationAllowed() tells minutes from seconds when the unit is auto", () => {
  assert.equal(durationAllowed("180", "auto"), 10_800);
  assert.equal(durationAllowed("600", "auto"), 36_000);
  assert.equal(durationAllowed("10800", "auto"), 10_800);
  assert.equal(durationAllowed("300", "seconds"), 300);
  assert.equal(durationAllowed("1200", "minutes"), 72_000);
  assert.equal(durationAllowed("0", "auto"), null);
  assert.equal(durationAllowed(null, "auto"), null);
});
