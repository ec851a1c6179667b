import assert from "node:assert/strict";
import {
  fillEventAccounts,
  KnownStudentRow,
  knownStudents,
  readUserLinks,
  UserLinkRow,
} from "../../sql/state/user_links.ts";
import type { Sql } from "../../lib/state/state_db.ts";
import type { Match } from "../../lib/people/match_person.ts";
import { createUserLinkStore } from "../../lib/people/user_links.ts";
import { forEachState } from "../support/state/with_state.ts";
import { mentor, student } from "./accounts.ts";

const matched = (zulipUserId: string): Match => ({ status: "matched", zulipUserId, remedy: null });
const noAccount: Match = { status: "no_account", zulipUserId: null, remedy: "Invite them" };

/** Events of students as far as links go: (event id, student, account). */
async function addEvents(sql: Sql, source: string, rows: readonly (readonly [number, string | null, string | null])[]) {
  const [ids, students, accounts] = [rows.map((r) => r[0]), rows.map((r) => r[1]), rows.map((r) => r[2])];
  await sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
      activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at, zulip_user_id)
    select id, ${source}, 'exam', 'exam_passed', 'finished', id, 1, student, '{}', now(), false, 'live', 1, now(), account
      from unnest(${ids}::bigint[], ${students as string[]}::bigint[], ${accounts as string[]}::bigint[]) as u (id, student, account)`;
}

const accountsOf = async (sql: Sql) =>
  (await sql<{ event_id: string; zulip_user_id: string | null }[]>`
    select event_id, zulip_user_id from lmsmon.lms_activity_events order by event_id`)
    .map((row) => [Number(row.event_id), row.zulip_user_id]);

forEachState("user links are written, read by id and overwritten", async ({ sql }) => {
  const links = createUserLinkStore(sql, "testpress");
  await links.write("mentor", [
    { person: mentor("3"), match: matched("11") },
    { person: mentor("9007199254740993", { email: null }), match: noAccount },
  ]);
  const read = await links.read("mentor", ["3", "4", "9007199254740993"], 60_000);
  assert.deepEqual([...read], [
    ["3", { zulipUserId: "11", status: "matched", emailSeen: "m3@inst.example", fresh: true }],
    ["9007199254740993", { zulipUserId: null, status: "no_account", emailSeen: null, fresh: true }],
  ]);
  await links.write("mentor", [{ person: mentor("3"), match: noAccount }]);
  const again = await links.read("mentor", ["3"], 0);
  assert.deepEqual([again.get("3")?.zulipUserId, again.get("3")?.fresh], [null, false]);
  assert.equal((await links.read("mentor", ["3"], Number.MAX_SAFE_INTEGER)).get("3")?.fresh, true);
  assert.equal((await links.read("student", ["3"], 60_000)).size, 0);
  assert.equal((await createUserLinkStore(sql, "other").read("mentor", ["3"], 60_000)).size, 0);
  await links.write("mentor", []);
  assert.equal((await links.read("mentor", [], 60_000)).size, 0);
});

forEachState("user links of students without an account are not stored, but a lost account is", async ({ sql }) => {
  const links = createUserLinkStore(sql, "testpress");
  const both = (five: Match) => [{ person: student("5"), match: five }, { person: student("6"), match: noAccount }];
  await links.write("student", both(matched("21")));
  assert.deepEqual([...(await links.read("student", ["5", "6"], 60_000)).keys()], ["5"]);
  await links.write("student", both(noAccount));
  assert.equal((await links.read("student", ["5"], 60_000)).get("5")?.status, "no_account");
});

forEachState(
  "fillEvents() completes only events of the source's students that have no account yet",
  async ({ sql }) => {
    const links = createUserLinkStore(sql, "testpress");
    await addEvents(sql, "testpress", [[1, "5", null], [2, "5", "99"], [3, "6", null], [4, null, null], [
      5,
      "5",
      null,
    ]]);
    await addEvents(sql, "other", [[6, "5", null]]);
    const found = [
      { person: student("5"), match: matched("21") },
      { person: student("6"), match: noAccount },
      { person: mentor("6"), match: matched("11") },
    ];
    assert.equal(await links.fillEvents(found), 2);
    assert.deepEqual(await accountsOf(sql), [[1, "21"], [2, "99"], [3, null], [4, null], [5, "21"], [6, null]]);
    assert.equal(await links.fillEvents(found), 0);
  },
);

forEachState("fillEvents() goes on where one statement's limit ends", async ({ sql }) => {
  await sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
      activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    select id, 'testpress', 'exam', 'exam_passed', 'finished', id, 1, 5, '{}', now(), false, 'live', 1, now()
      from generate_series(1, 12000) as id`;
  const links = createUserLinkStore(sql, "testpress");
  assert.equal(await links.fillEvents([{ person: student("5"), match: matched("21") }]), 12_000);
  assert.equal((await fillEventAccounts(sql, "testpress", ["5"], ["21"], 10)).length, 0);
});

forEachState("knownStudents() gives the students of the state in pages by id", async ({ sql }) => {
  await sql`
    insert into lmsmon.people (source, role, id, username, email, name)
    select 'testpress', 'student', id, 's' || id, null, 'Student ' || id from generate_series(1, 2300) as id
    union all select 'testpress', 'mentor', 1, 'm1', null, null union all select 'other', 'student', 1, 'x', null, null`;
  const sizes: number[] = [];
  let last = "";
  for await (const page of createUserLinkStore(sql, "testpress").knownStudents()) {
    sizes.push(page.length);
    last = page.at(-1)?.id ?? "";
    assert.ok(page.every((person) => person.role === "student" && person.username === `s${person.id}`));
  }
  assert.deepEqual([sizes, last], [[1000, 1000, 300], "2300"]);
});

forEachState("user link queries give what their row schemas say", async ({ sql }) => {
  await createUserLinkStore(sql, "testpress").write("mentor", [{ person: mentor("3"), match: matched("11") }]);
  await sql`insert into lmsmon.people (source, role, id) values ('testpress', 'student', 7)`;
  for (const row of await readUserLinks(sql, "testpress", "mentor", ["3"], 1)) UserLinkRow.strict().parse(row);
  for (const row of await knownStudents(sql, "testpress", null, 5)) KnownStudentRow.strict().parse(row);
});
