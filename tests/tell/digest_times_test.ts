import assert from "node:assert/strict";
import fc from "fast-check";
import { fromInstant, toInstant } from "../../lib/model/time.ts";
import { nextDigestTime } from "../../lib/tell/times_of_day.ts";

const at = (text: string) => fromInstant(Temporal.Instant.from(text));
const next = (now: string, times: readonly number[], zone: string) => {
  const time = nextDigestTime(at(now), times, zone);
  return time === null ? null : toInstant(time).toZonedDateTimeISO(zone).toString({ timeZoneName: "never" });
};
const [LUNCH, EVENING] = [13 * 60 + 30, 20 * 60 + 30];

for (
  const [name, now, times, zone, expected] of [
    ["no digest times", "2026-11-20T10:00:00Z", [], "Asia/Kolkata", null],
    ["before lunch", "2026-11-20T07:59:59Z", [LUNCH, EVENING], "Asia/Kolkata", "2026-11-20T13:30:00+05:30"],
    ["exactly at lunch", "2026-11-20T08:00:00Z", [LUNCH, EVENING], "Asia/Kolkata", "2026-11-20T20:30:00+05:30"],
    ["after the last of a day", "2026-11-20T18:29:59Z", [LUNCH, EVENING], "Asia/Kolkata", "2026-11-21T13:30:00+05:30"],
    ["unsorted times", "2026-11-20T07:00:00Z", [EVENING, LUNCH], "Asia/Kolkata", "2026-11-20T13:30:00+05:30"],
    ["spring forward: skipped hour", "2026-03-29T00:00:00Z", [150], "Europe/Berlin", "2026-03-29T03:30:00+02:00"],
    ["spring forward: same wall time", "2026-03-28T12:31:00Z", [LUNCH], "Europe/Berlin", "2026-03-29T13:30:00+02:00"],
    ["fall back: first of two", "2026-10-24T12:00:00Z", [150], "Europe/Berlin", "2026-10-25T02:30:00+02:00"],
    ["fall back: not a second time", "2026-10-25T00:30:00Z", [150], "Europe/Berlin", "2026-10-26T02:30:00+01:00"],
    ["a day that does not exist", "2011-12-29T23:30:00-10:00", [60], "Pacific/Apia", "2011-12-31T01:00:00+14:00"],
  ] as const
) {
  Deno.test(`nextDigestTime() is right when ${name}`, () => assert.equal(next(now, times, zone), expected));
}

Deno.test("nextDigestTime() is after now, within two days, and at one of the times where the clock does not jump", () => {
  const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 1439 }), { minLength: 1, maxLength: 4 });
  const zone = fc.constantFrom("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York");
  const moment = fc.integer({ min: at("2020-01-01T00:00:00Z") / 1e6, max: at("2030-01-01T00:00:00Z") / 1e6 });
  fc.assert(fc.property(moment, minutes, zone, (seconds, times, tz) => {
    const now = seconds * 1e6;
    const time = nextDigestTime(now, times, tz);
    assert.ok(time !== null && time > now && time - now <= 2 * 86_400_000_000);
    const wall = toInstant(time).toZonedDateTimeISO(tz);
    const jumps = wall.startOfDay().add({ days: 1 }).since(wall.startOfDay()).total("hours") !== 24;
    if (!jumps) assert.ok(times.includes(wall.hour * 60 + wall.minute));
  }));
});
