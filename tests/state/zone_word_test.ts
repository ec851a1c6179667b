import assert from "node:assert/strict";
import { eventsByDay } from "../../sql/state/stats_days.ts";
import { zoneWord } from "../../sql/state/zone_word.ts";
import { forEachState } from "../support/state/with_state.ts";

// Whatever `notify.timezone` may be: the reader of the configuration takes what Temporal takes.
const NAMES = [
  ...Intl.supportedValuesOf("timeZone"),
  ...[
    "CET",
    "EET",
    "MET",
    "WET",
    "cet",
    "EST",
    "MST",
    "HST",
    "EST5EDT",
    "PST8PDT",
    "Etc/GMT-5",
    "Etc/GMT+5",
    "utc",
    "asia/kolkata",
    "NZ",
    "PRC",
  ],
  ...["+05:30", "-03:30", "+0545", "-0800", "+05", "-11", "+00:00", "+14:00", "-12:00", "-00:30", "-03"],
];
// Far enough back that every edition of the time zone database says the same.
const MOMENTS = ["2020-01-15T18:40:00Z", "2020-07-01T18:40:00Z"].map((iso) => Temporal.Instant.from(iso));

forEachState("PostgreSQL and lmsmon mean the same by each time zone", async ({ sql }) => {
  const wanted = NAMES.flatMap((name) =>
    MOMENTS.map((at) => ({
      name,
      at: at.toString(),
      wall: at.toZonedDateTimeISO(name).toPlainDateTime().toString({ smallestUnit: "minute" }),
    }))
  );
  const rows = await sql<{ wall: string }[]>`
    select to_char(x.at::timestamptz at time zone x.zone, 'YYYY-MM-DD"T"HH24:MI') as wall
      from unnest(${wanted.map(({ name }) => zoneWord(name))}::text[], ${wanted.map(({ at }) => at)}::text[])
        with ordinality as x(zone, at, position) order by x.position`;
  const differ = wanted.filter(({ wall }, i) => rows[i]?.wall !== wall).map(({ name, wall }) => `${name} ${wall}`);
  assert.deepEqual(differ, []);
});

forEachState("a day of the statistics is a day of an offset, too", async ({ sql }) => {
  await sql`insert into lmsmon.poll_runs (source, holder, mode, status, delivery) values ('x', 'test', 'full', 'done', 'open')`;
  await sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, activity_metadata,
      timestamp, timestamp_approximate, origin, poll_id, created_at)
    select 1, 'x', 'exam', 'exam_passed', 'finished', 1, 1, '{}', now(), false, 'live', poll_id, '2026-11-20T19:00:00Z'
      from lmsmon.poll_runs`;
  const at = (iso: string) => Temporal.Instant.from(iso).epochMilliseconds * 1000;
  for (const zone of ["+05:30", "+0530", "Asia/Kolkata"]) {
    const rows = await eventsByDay(sql, { since: at("2026-11-19T00:00:00Z"), until: at("2026-11-22T00:00:00Z"), zone });
    assert.deepEqual(rows.map(({ day }) => day), ["2026-11-21"], zone);
  }
});
