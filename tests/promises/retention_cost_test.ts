import assert from "node:assert/strict";
import { preferIndexes } from "../../sql/state/recipients.ts";
import { oldEvents, type RetentionBatch, takeEvents } from "../../sql/state/retention.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

const EVENTS = 6000;
/** Of them so many are old, one in two of which a delivery keeps. */
const OLD = 1200;
const BATCH = 400;

serverTest("retention reads the rows of its batch, however many events and deliveries there are", async () => {
  await withState("server", async ({ sql }) => {
    await sql`
      insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, activity_id,
        activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
      select n, 'lms', 'exam', 'exam_passed', 'finished', n, 1, 7, '{}', now(), false, 'live', 1,
             now() - case when n <= ${OLD}::int then interval '500 days' else interval '1 day' end
        from generate_series(1, ${EVENTS}::int) n`;
    // Statistics of the time before the first delivery.
    await sql`analyze`;
    await sql`
      insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, reason, marker, next_attempt_at, created_at)
      select n, 'lms', 1, case when n % 5 > 0 then 'mentor:1' end,
             case when n % 2 = 0 then 'suppressed' else 'waiting' end, 'no_mentor', case when n % 5 > 0 then 'm' || n end, now(), now()
        from generate_series(1, ${EVENTS}::int) n`;
    const before = Temporal.Now.instant().subtract({ hours: 400 * 24 }).epochMilliseconds * 1000;
    const [range] = await oldEvents(sql, "lms", before);
    assert.deepEqual({ ...range }, { after: "0", up_to: String(OLD) });
    const connection = await sql.reserve(); // what a session reads is counted when it says so
    try {
      const read = async () => {
        await connection`select pg_stat_force_next_flush(), pg_stat_clear_snapshot()`;
        const rows = await connection<{ table: string; entries: number }[]>`
          select t.relname as table, (t.seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid))::int
                   as entries
            from pg_stat_user_tables t where t.relname in ('lms_event_logs', 'lms_activity_events')`;
        return new Map(rows.map((row) => [row.table, row.entries]));
      };
      let after = "0";
      let taken = 0;
      for (let batch = 0; batch < OLD / BATCH; batch++) {
        const at = await read();
        const asked: RetentionBatch = { source: "lms", before, after, upTo: range?.up_to ?? "0", limit: BATCH };
        await connection`begin`;
        await preferIndexes(connection);
        const [row] = await takeEvents(connection, asked);
        await connection`commit`;
        await read(); // the counts of a statement are there at the end of the one after it
        const now = await read();
        after = row?.last ?? "0";
        taken += row?.taken ?? 0;
        for (const [table, entries] of now) {
          const cost = entries - (at.get(table) ?? 0);
          assert.ok(cost <= 4 * BATCH, `${cost} entries of ${table} for ${BATCH} events`);
        }
      }
      assert.deepEqual([after, taken], [String(OLD), OLD / 2]);
    } finally {
      connection.release();
    }
    const [left] = await sql<{ n: number }[]>`select count(*)::int as n from lmsmon.lms_activity_events`;
    assert.equal(left?.n, EVENTS - OLD / 2);
  });
});
