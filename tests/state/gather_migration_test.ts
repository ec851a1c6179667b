import assert from "node:assert/strict";
import { migrate } from "../../lib/state/migrate.ts";
import { migrations } from "../../sql/state/migrations/manifest.ts";
import { serverTest, withEmptyState } from "../support/state/with_state.ts";

for (const kind of ["embedded", "server"] as const) {
  const test = kind === "server" ? serverTest : (name: string, work: () => Promise<void>) => Deno.test(name, work);
  test(`P13: results that an older version put off until a digest are due once 0005 has run [${kind}]`, () =>
    withEmptyState(kind, async ({ sql }) => {
      await migrate(sql, migrations.slice(0, 4));
      await sql.unsafe(`
        insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, activity_metadata,
          timestamp, timestamp_approximate, origin, poll_id, created_at)
        select i, 'lms', kind, type, stage, i, 1, '{}', now(), false, 'live', 1, now()
          from (values (1, 'exam', 'exam_failed', 'finished'), (2, 'exam', 'exam_started', 'started'),
                       (3, 'content', 'content_watched', 'finished'), (4, 'exam', 'exam_passed', 'finished')) as x(i, kind, type, stage);
        insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, reason, marker, next_attempt_at)
        select event_id, 'lms', 1, 'mentor:3', 'waiting', case event_id when 4 then 'no_account' else 'rate' end, event_id::text,
               now() + interval '5 hours' from lmsmon.lms_activity_events`);
      await migrate(sql, migrations.slice(0, 5));
      const rows = await sql<{ line: string }[]>`
        select event_id || ' ' || status || ' ' || coalesce(reason, '-') || ' ' || (next_attempt_at <= clock_timestamp()) as line
          from lmsmon.lms_event_logs order by event_id`;
      assert.deepEqual(rows.map(({ line }) => line), [
        "1 pending - true",
        "2 waiting rate false",
        "3 waiting rate false",
        "4 waiting no_account false",
      ]);
    }));
}
