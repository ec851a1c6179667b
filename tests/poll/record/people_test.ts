import assert from "node:assert/strict";
import { refreshLinks } from "../../../lib/poll/record/people.ts";
import { studentsWithUndelivered } from "../../../sql/state/people.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { attempt, batch, change, history, NOW, options, person, told } from "./batches.ts";
import { startPolling } from "./start_polling.ts";

forEachState("refreshLinks() writes people and links that differ, and nothing else", async (db) => {
  const people = [
    person("student", "7"),
    person("mentor", "2", { name: 'O\'Neil "Mo" \\ {x}' }),
    person("student", "7"),
  ];
  await refreshLinks(db, "testpress", people, new Map([["7", ["2", "3"]], ["8", []]]));
  const read = async () => [
    [
      ...await db
        .sql`select role, id, username, email, name, active, batch_ids::text, updated_at::text from lmsmon.people
                     order by role, id`,
    ],
    [...await db.sql`select student_id, mentor_ids::text, read_at::text from lmsmon.mentor_links order by 1`],
  ];
  const first = await read();
  assert.deepEqual(first[0]?.map((p) => [p.role, p.id, p.name, p.batch_ids]), [
    ["mentor", "2", 'O\'Neil "Mo" \\ {x}', "{}"],
    ["student", "7", "student 7", "{4,9}"],
  ]);
  assert.deepEqual(first[1]?.map((l) => [l.student_id, l.mentor_ids]), [["7", "{2,3}"], ["8", "{}"]]);
  await refreshLinks(db, "testpress", people, new Map([["7", ["2", "3"]], ["8", []]]));
  assert.deepEqual(await read(), first, "unchanged, also updated_at");
  await refreshLinks(db, "testpress", [person("student", "7", { username: null })], new Map([["8", ["2"]]]));
  const second = await read();
  assert.equal(second[0]?.[1]?.username, null);
  assert.equal(second[1]?.[1]?.mentor_ids, "{2}");
});

forEachState("a corrected username follows into the events", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const row = attempt("1");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, history(row))]), options);
  await refreshLinks(db, "testpress", [person("student", "7", { username: "new" })], new Map());
  assert.equal((await db.sql`select student_username from lmsmon.lms_activity_events`)[0]?.student_username, "new");
});

forEachState("studentsWithUndelivered() pages through students with something left to tell", async (db) => {
  const untold = async (source: string, after: string | null, limit: number) =>
    (await studentsWithUndelivered(db.sql, source, after, limit)).map((row) => row.student_id);
  const { lease, stream, pollId } = await startPolling(db);
  const rows = ["10", "9", "30", "4", "5"].map((studentId, i) => attempt(String(i + 1), { studentId }));
  const changes = rows.map((row) => change(row, row.studentId === "5" ? history(row) : told(row)));
  await recordBatch(db, lease, batch(stream, pollId, changes), options);
  assert.deepEqual(await untold("testpress", null, 2), ["4", "9"]);
  assert.deepEqual(await untold("testpress", "9", 10), ["10", "30"]);
  assert.deepEqual(await untold("other", null, 10), []);
  await db.sql`update lmsmon.lms_event_logs set status = 'suppressed', reason = 'x'`;
  assert.deepEqual(await untold("testpress", null, 10), []);
});

forEachState("recordBatch() uses names stored earlier for people it is not given again", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  await refreshLinks(db, "testpress", [person("student", "7"), person("mentor", "2")], new Map());
  const row = attempt("1");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))], { people: [] }), options);
  const unknown = attempt("2", { studentId: "77" });
  await recordBatch(db, lease, batch(stream, pollId, [change(unknown, told(unknown))], { people: [] }), options);
  const events = await db.sql`
    select student_username, mentor_username, student_batch_ids::text as batches from lmsmon.lms_activity_events order by event_id`;
  assert.deepEqual([...events], [
    { student_username: "student7", mentor_username: "mentor2", batches: "{4,9}" },
    { student_username: "row-name", mentor_username: null, batches: null },
  ]);
});

forEachState("recordBatch() gives events the Zulip account that map-users found for the student", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  await db.sql`
    insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status)
    values ('testpress', 'student', 7, 1234, 'matched')`;
  const row = attempt("1");
  await recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options);
  assert.equal((await db.sql`select zulip_user_id from lmsmon.lms_activity_events`)[0]?.zulip_user_id, "1234");
});

forEachState("recordBatch() makes a recipient due no later than before", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const due = async (id: string, dueAt: number) => {
    const row = attempt(id);
    const event = { ...told(row), tell: { status: "waiting", reason: "digest", dueAt } as const };
    await recordBatch(db, lease, batch(stream, pollId, [change(row, event)]), options);
    const rows = await db.sql`select next_due_at from lmsmon.recipients where recipient = 'mentor:2'`;
    return Number(rows[0]?.next_due_at.epochNanoseconds / 1000n) - NOW;
  };
  assert.equal(await due("1", NOW + 500), 500);
  assert.equal(await due("2", NOW + 900), 500);
  assert.equal(await due("3", NOW + 100), 100);
});
