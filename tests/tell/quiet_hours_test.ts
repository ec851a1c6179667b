import assert from "node:assert/strict";
import fc from "fast-check";
import { fromInstant, toInstant } from "../../lib/model/time.ts";
import { quietUntil } from "../../lib/tell/times_of_day.ts";

const at = (text: string) => fromInstant(Temporal.Instant.from(text));
const NIGHT = { from: 22 * 60, to: 7 * 60 };

for (
  const [name, now, span, zone, expected] of [
    ["in the evening", "2026-11-20T22:00:00+05:30", NIGHT, "Asia/Kolkata", "2026-11-21T07:00:00+05:30"],
    ["after midnight", "2026-11-21T06:59:59+05:30", NIGHT, "Asia/Kolkata", "2026-11-21T07:00:00+05:30"],
    ["at their end", "2026-11-21T07:00:00+05:30", NIGHT, "Asia/Kolkata", null],
    ["just before they begin", "2026-11-20T21:59:59+05:30", NIGHT, "Asia/Kolkata", null],
    ["in another zone", "2026-11-20T22:00:00+05:30", NIGHT, "America/New_York", null],
    ["at noon", "2026-11-20T13:00:00Z", { from: 720, to: 840 }, "UTC", "2026-11-20T14:00:00Z"],
    ["from midnight on", "2026-11-20T00:00:00Z", { from: 0, to: 420 }, "UTC", "2026-11-20T07:00:00Z"],
    ["until midnight", "2026-11-20T23:00:00Z", { from: 1320, to: 0 }, "UTC", "2026-11-21T00:00:00Z"],
    [
      "over a skipped end",
      "2026-03-29T00:30:00+01:00",
      { from: 0, to: 150 },
      "Europe/Berlin",
      "2026-03-29T03:30:00+02:00",
    ],
    ["behind a repeated end", "2026-10-25T02:10:00+01:00", { from: 0, to: 150 }, "Europe/Berlin", null],
  ] as const
) {
  Deno.test(`quietUntil() is right ${name}`, () => {
    const end = quietUntil(at(now), span, zone);
    assert.equal(
      end === null ? null : toInstant(end).toString(),
      expected === null ? null : toInstant(at(expected)).toString(),
    );
  });
}

Deno.test("quietUntil() ends after now and within a day, and then it is not quiet", () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const zone = fc.constantFrom("UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia");
  const moment = fc.integer({ min: at("2020-01-01T00:00:00Z") / 1e6, max: at("2030-01-01T00:00:00Z") / 1e6 });
  fc.assert(fc.property(moment, minute, minute, zone, (seconds, from, to, tz) => {
    fc.pre(from !== to);
    const now = seconds * 1e6;
    const end = quietUntil(now, { from, to }, tz);
    const wall = toInstant(now).toZonedDateTimeISO(tz);
    const jumps = [-1, 0, 1].some((days) => wall.startOfDay().add({ days }).hoursInDay !== 24);
    if (!jumps) {
      const clock = wall.hour * 60 + wall.minute;
      assert.equal(end !== null, from < to ? from <= clock && clock < to : clock >= from || clock < to);
    }
    if (end === null) return;
    assert.ok(end > now && end - now <= 25 * 3_600_000_000);
    assert.equal(quietUntil(end, { from, to }, tz), null);
  }));
});
