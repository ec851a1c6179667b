import assert from "node:assert/strict";
import { markSent } from "../../sql/state/messages.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

const SENT = 3000;
/** Outcomes written together. */
const GROUP = 256;

serverTest("outcomes are written by reading their own rows, not everything that was ever sent", async () => {
  await withState("server", async ({ sql }) => {
    // The planner knows the tables as they were before the first message, as after a first poll.
    await sql`
      insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, activity_id,
        activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
      select n, 'lms', 'exam', 'exam_passed', 'finished', n, 1, 7, '{}', now(), false, 'live', 1, now()
        from generate_series(1, ${SENT}::int) n`;
    await sql`
      insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, marker, next_attempt_at, created_at)
      select n, 'lms', 1, 'mentor:1', 'pending', 'm' || n, now(), now() from generate_series(1, ${SENT}::int) n`;
    await sql`analyze lmsmon.lms_event_logs`;
    await sql`
      insert into lmsmon.messages (message_id, source, recipient, kind, zulip_user_id, content, state, claimed_by, started_at)
      overriding system value
      select n, 'lms', 'mentor:1', 'single', 1, 'told', 'sending', 'us', now() from generate_series(1, ${SENT}::int) n`;
    await sql`update lmsmon.lms_event_logs set status = 'sending', message_id = event_id`;
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));
    const last = ids(SENT - GROUP + 1, SENT + 1);
    await markSent(sql, ids(1, SENT - GROUP + 1), ids(1, SENT - GROUP + 1), 0);

    const connection = await sql.reserve(); // what a session reads is counted when it says so
    try {
      const read = async () => {
        await connection`select pg_stat_force_next_flush(), pg_stat_clear_snapshot()`;
        const [row] = await connection<{ entries: number }[]>`
          select (select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'lms_event_logs')::int
               + (select seq_tup_read from pg_stat_user_tables where relname = 'lms_event_logs')::int as entries`;
        return row?.entries ?? NaN;
      };
      const before = await read();
      await markSent(connection, last, last, 0);
      await read(); // the counts of a statement are there at the end of the one after it
      const entries = await read() - before;
      assert.ok(entries >= GROUP && entries <= 2 * GROUP, `${entries} rows read for ${GROUP} messages`);
    } finally {
      connection.release();
    }
    const [left] = await sql`select count(*)::int as rows from lmsmon.lms_event_logs where status <> 'sent'`;
    assert.equal(left?.["rows"], 0);
  });
});
