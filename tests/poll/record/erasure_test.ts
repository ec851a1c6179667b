import assert from "node:assert/strict";
import { refreshLinks } from "../../../lib/poll/record/people.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { attempt, batch, change, history, options, person } from "./batches.ts";
import { startPolling } from "./start_polling.ts";

const NAME = "zaphod";

/** The places (table.column) where the person is still named. */
async function placesOf(db: StateDb): Promise<string[]> {
  const columns = await db.sql<{ table_name: string; column_name: string }[]>`
    select table_name, column_name from information_schema.columns
     where table_schema = 'lmsmon' and data_type in ('text', 'jsonb')
       and table_name in (select relname from pg_class where relkind in ('r', 'p'))`;
  const found: string[] = [];
  for (const { table_name, column_name } of columns) {
    const [row] = await db.sql.unsafe(
      `select count(*)::int as n from lmsmon."${table_name}" where "${column_name}"::text ilike '%${NAME}%'`,
    );
    if (row?.["n"] !== 0) found.push(`${table_name}.${column_name}`);
  }
  return found.sort();
}

forEachState(
  "deleting a row of lmsmon.people does not erase a person; what docs/erasure.md does leaves no name",
  async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    const row = attempt("1");
    await refreshLinks(
      db,
      "testpress",
      [person("student", row.studentId ?? "", { username: NAME, name: NAME })],
      new Map(),
    );
    await recordBatch(db, lease, batch(stream, pollId, [change(row, history(row))]), options);
    const student = row.studentId;
    await db.sql`update lmsmon.lms_activity_events set student_username = ${NAME}, zulip_user_id = 99`;
    await db.sql`insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
    values ('testpress', 'student', ${student}, 99, 'matched', ${`${NAME}@x.example`})`;
    await db.sql`with m as (
      insert into lmsmon.messages (source, recipient, kind, zulip_user_id, content, state, zulip_message_id)
      values ('testpress', 'mentor:2', 'single', 10, ${`${NAME} passed`}, 'sent', 500) returning message_id)
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, marker, message_id, notification_message_id)
    select e.event_id, e.source, e.poll_id, 'mentor:2', 'sent', 'abcdefgh12345678', m.message_id, 500
      from lmsmon.lms_activity_events e, m`;

    const page = await Deno.readTextFile(new URL("../../../docs/erasure.md", import.meta.url));
    const sql = /```sql\n(.*?)```/s.exec(page)?.[1]?.replaceAll("7713", String(student)) ?? assert.fail("no SQL");
    const statements = sql.replace(/^--.*$/gm, "").split(";").map((part) => part.trim());

    await db.sql`delete from lmsmon.people`;
    const left = await placesOf(db);
    assert.deepEqual(left, ["lms_activity_events.student_username", "messages.content", "user_links.email_seen"]);
    for (const place of left) assert.ok(page.includes(place.split(".")[1] ?? ""), `${place} is not on the page`);

    await db.sql.begin(async (tx) => {
      for (const statement of statements) {
        if (!["", "begin", "commit"].includes(statement)) await tx.unsafe(statement);
      }
    });
    assert.deepEqual(await placesOf(db), []);
    const [event] = await db.sql`select student_id, zulip_user_id from lmsmon.lms_activity_events`;
    assert.deepEqual([event?.["student_id"], event?.["zulip_user_id"]], [student, null], "the LMS's id stays");
  },
);
