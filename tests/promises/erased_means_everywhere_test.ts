import assert from "node:assert/strict";
import { stateKeyStore } from "../../lib/app/state_key_store.ts";
import { exportEvents } from "../../lib/export/export_events.ts";
import { erase, messagesNaming, namesOfPerson, sweepFiles } from "../../lib/privacy/erase.ts";
import { journalPath, reapplyJournal, writeJournal } from "../../lib/privacy/journal.ts";
import { readErasedPeople } from "../../lib/privacy/erased_people.ts";
import { pseudonyms } from "../../lib/privacy/pseudonyms.ts";
import { textId } from "../../lib/model/key_space.ts";
import { recordAct } from "../../lib/state/acts.ts";
import { insertPause } from "../../sql/state/pauses.ts";
import { createUserLinkStore } from "../../lib/people/user_links.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";
import { dumpOf } from "../support/state/dump_of.ts";
import { withState } from "../support/state/with_state.ts";
import { SOURCE, TestClock } from "../tell/outbox_fixture.ts";
import { EVERYTHING, MemorySink } from "../export/_events.ts";
import { atEveryPlace, atOnePlace, type PollBench } from "../poll/poll_bench.ts";

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = (score: number) => ({ state: "Completed", result: "Pass", score, percentage: 80, date: utcNow() });

const STUDENT = { id: 76543210, display_name: "Zebulon Quuxley", username: "zebquux", email: "zeb@quux.example" };
const NEEDLES = [STUDENT.display_name, "Quuxley", STUDENT.username, STUDENT.email, String(STUDENT.id)];
const melchior = {
  person: {
    role: "mentor",
    id: "65432109",
    username: "melvan",
    email: "m@x",
    name: "Melchior",
    active: true,
    batchIds: [],
  },
  match: { zulipUserId: "17", status: "matched", remedy: null },
} as const;
const REASON = { reasonCode: "art17", dryRun: false };

/** Every row of every table as text, by table. */
async function everything(bench: PollBench): Promise<Map<string, string>> {
  const tables = await bench.db.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'lmsmon' order by 1`;
  const found = new Map<string, string>();
  for (const { name } of tables) {
    const rows = await bench.db.sql<{ text: string }[]>`select t::text as text from ${
      bench.db.sql(`lmsmon.${name}`)
    } t`;
    found.set(name, rows.map(({ text }) => text).join("\n"));
  }
  const stats = await bench.db.sql<
    { text: string }[]
  >`select s::text as text from pg_stats s where schemaname = 'lmsmon'`;
  return found.set("pg_stats", stats.map(({ text }) => text).join("\n"));
}

async function placesOf(bench: PollBench, needles: readonly string[]): Promise<string[]> {
  const found = await everything(bench);
  return [...found].filter(([, text]) => needles.some((needle) => text.includes(needle))).map(([table]) => table);
}

async function exports(bench: PollBench): Promise<string> {
  const sinks = await Promise.all(([[1, true], [2, true], [2, false]] as const).map(async ([schema, identified]) => {
    const sink = new MemorySink();
    await exportEvents(bench.db, { ...EVERYTHING, schema, identified }, sink, new AbortController().signal);
    return sink.text;
  }));
  return sinks.join("");
}

/** What people did by hand about the person, the account, and work that need not be handed in. */
async function byHand({ db }: PollBench, role: "student" | "mentor", id: string, name: string): Promise<void> {
  const { sql } = db;
  const reason = `${name} is on leave`;
  await sql`insert into lmsmon.pauses (source, scope, subject_id, reason, ended_at) values (${SOURCE}, ${role}, ${id}, ${reason}, now())`;
  await sql`insert into lmsmon.pauses (source, scope, reason, ended_at) values (${SOURCE}, 'all', ${reason}, now())`;
  const effect = `${role} ${id} paused; 1 delivery waits`;
  await recordAct(sql, { source: SOURCE, command: `pause --${role} ${id}`, reason, effect });
  await recordAct(sql, { source: SOURCE, command: "pause", reason, effect: "everything paused" });
  await recordAct(sql, {
    source: SOURCE,
    command: `pause --${role} 7`,
    reason: "a strike",
    effect: `${role} 7 paused`,
  });
  await sql`
    insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
    values (${SOURCE}, ${role}, ${id}, 99, 'matched', ${`${name}@example.org`})
    on conflict (source, role, person_id) do update set email_seen = excluded.email_seen`;
  if (role === "mentor") {
    await sql`
      insert into lmsmon.letters (letter_id, source, mentor_id, day, judged_day, created_at)
      values (990002, ${SOURCE}, ${id}, '2026-11-23', '2026-11-22', now())`;
    return;
  }
  await sql`
    insert into lmsmon.exemptions (source, student_id, kind, activity_id, seen_at) values (${SOURCE}, ${id}, 'exam', 1, now())`;
  await sql`
    insert into lmsmon.patterns (source, student_id, course_id, type, day, since, found_at, history, event_ids, evidence)
    values (${SOURCE}, ${id}, 1, 'gone_quiet', '2026-11-20', '2026-11-06', now(), false, '{}', '{}')`;
  await sql`
    insert into lmsmon.letters (letter_id, source, mentor_id, day, judged_day, created_at)
    values (990001, ${SOURCE}, 99, '2026-11-23', '2026-11-22', now())`;
  await sql`
    insert into lmsmon.namings (letter_id, about, student_id, course_id, position, p, reasons, last_active, pattern_ids)
    values (990001, 'call', ${id}, 1, 0, 0.8, '{}', null, '{}')`;
}

/** Zebulon, another student, a mentor of both, and their past stored. */
async function institute(bench: PollBench) {
  const other = await bench.pair();
  await bench.writer.student(STUDENT);
  await bench.writer.link(other.mentor, STUDENT.id);
  const exam = await bench.writer.exam({ title: "Algebra" });
  await bench.firstContact();
  return { other, exam, read: () => bench.standIn.dmsTo(other.zulipId).map(({ content }) => content) };
}

atEveryPlace("P15: erased means everywhere, and a poll brings nobody back", {}, async (bench) => {
  const { other, exam, read } = await institute(bench);
  await bench.writer.attempt({ id: 2, user_id: STUDENT.id, exam_id: exam, ...passed(85) });
  await bench.poll();
  await bench.deliver();
  assert.match(read()[0] ?? "", /Quuxley/);
  // Not told yet: one of hers, one of the other student's.
  await bench.writer.attempt({ id: 3, user_id: STUDENT.id, exam_id: exam, ...passed(86) });
  await bench.writer.attempt({ id: 4, user_id: other.student, exam_id: exam, ...passed(41) });
  await bench.poll();
  await byHand(bench, "student", String(STUDENT.id), "Quuxley");
  const places = await placesOf(bench, NEEDLES);
  for (
    const place of [
      "audit",
      "enrolments",
      "exemptions",
      "mentor_links",
      "messages",
      "namings",
      "patterns",
      "pauses",
      "user_links",
    ]
  ) {
    assert.ok(places.includes(place), `${place} is none of ${places}`);
  }
  const person = { role: "student", source: SOURCE, id: String(STUDENT.id) } as const;
  const naming = await bench.db.sql.begin(async (tx) => {
    await tx`set transaction read only`; // who shows what there is changes and locks nothing
    return await messagesNaming(tx, person, await namesOfPerson(tx, person));
  });
  assert.equal(naming.length, 1);
  const dry = await erase(bench.db, person, { ...REASON, dryRun: true });
  assert.deepEqual([dry.events, (await placesOf(bench, NEEDLES)).length > 3], [2, true]);

  const erased = await erase(bench.db, person, REASON);
  await sweepFiles(bench.db);
  assert.deepEqual([erased.events, erased.messages, erased.zulipMessageIds.length], [2, 1, 1]);
  assert.deepEqual(await placesOf(bench, NEEDLES), []);
  if (bench.db.mode === "server") {
    const dump = await dumpOf(bench.stateUrl);
    assert.deepEqual(NEEDLES.filter((needle) => dump?.includes(needle)), []);
  }
  const acts = await bench.db.sql<{ command: string; reason: string }[]>`select command, reason from lmsmon.audit`;
  assert.deepEqual(
    new Set(acts.map(({ command, reason }) => `${command}: ${reason}`)),
    new Set([
      "pause: (erased)",
      "pause --student 7: a strike",
      `pause --student ${erased.pseudonym}: (erased)`,
      "privacy erase: art17",
    ]),
  );
  await assert.rejects(bench.db.sql`delete from lmsmon.audit`, /only ever added/);
  const exported = await exports(bench);
  for (const needle of NEEDLES) assert.ok(!exported.includes(needle), needle);
  assert.match(exported, new RegExp(`"kind":"erasure".*"pseudonym":"${erased.pseudonym}"`));

  // The LMS still has the student: corrected, started again, and nobody hears of it.
  await bench.writer.updateAttempt(2, { result: "Fail", score: 3, percentage: 2 });
  await bench.writer.attempt({ id: 5, user_id: STUDENT.id, exam_id: exam, ...passed(99) });
  const { tally } = await bench.poll();
  await bench.deliver();
  assert.equal(tally.events, 0);
  assert.equal(read().length, 2);
  assert.match(read()[1] ?? "", /41/);
  assert.deepEqual(await placesOf(bench, NEEDLES), []);
  assert.equal((await bench.poll()).tally.rowsChanged, 0);

  // Her row for another student is another attempt, without anything of hers.
  await bench.writer.updateAttempt(2, { user_id: other.student });
  assert.equal((await bench.poll()).tally.events, 1);
  const [last] = await bench.db.sql<{ incarnation: number; previous: unknown; revision: number }[]>`
    select incarnation, revision, activity_metadata -> 'previous' as previous from lmsmon.lms_activity_events
     where attempt_id = 2 order by event_id desc limit 1`;
  assert.deepEqual([last?.incarnation, last?.revision, last?.previous], [2, 1, null]);
});

atOnePlace("P15: a message in doubt that names somebody erased is looked up, then taken apart, never sent again", {
  clock: new TestClock(),
  notify: { digestAbove: 1 },
}, async (bench) => {
  const { other, exam, read } = await institute(bench);
  await bench.writer.attempt({ id: 2, user_id: STUDENT.id, exam_id: exam, ...passed(85) });
  await bench.writer.attempt({ id: 3, user_id: other.student, exam_id: exam, ...passed(41) });
  await bench.poll();
  // Both are in one message, whose send ends without an answer and never arrives.
  const { standIn } = bench;
  await bench.deliver();
  assert.equal(read().length, 1);
  await bench.db.sql`
    update lmsmon.messages set state = 'unknown', look_up_at = now(), zulip_message_id = null, started_at = now(), finished_at = null`;
  await bench.db.sql`
    update lmsmon.lms_event_logs set status = 'unknown', notification_message_id = null, processed_at = null`;
  for (const message of [...standIn.messages]) standIn.realm.delete(message);
  await bench.db.sql`update lmsmon.recipients set next_due_at = now()`;
  const erased = await erase(bench.db, { role: "student", source: SOURCE, id: String(STUDENT.id) }, REASON);
  assert.equal(erased.messages, 1);
  assert.deepEqual(await placesOf(bench, NEEDLES.slice(0, 4)), []);
  for (let i = 0; i < 3; i++) await bench.deliver();
  assert.equal(read().length, 1);
  assert.doesNotMatch(read()[0] ?? "", /Quuxley|\b85\b/);
  assert.match(read()[0] ?? "", /41/);
  assert.deepEqual(await bench.logs(), { "sent": 1, "suppressed erased": 1 });
});

atOnePlace(
  "P15: an erased mentor is in no set, no link and no message, and is told nothing more",
  {},
  async (bench) => {
    const { other, exam, read } = await institute(bench);
    const second = Number(
      await bench.writer.mentor({ id: 65432109, display_name: "Melchior Vantongeren", username: "melvan" }),
    );
    await bench.writer.link(second, other.student);
    await bench.writer.attempt({ id: 2, user_id: other.student, exam_id: exam, ...passed(41) });
    await bench.poll();
    await bench.deliver();
    const needles = ["Melchior", "melvan", "65432109"];
    await byHand(bench, "mentor", "65432109", "Melchior");
    assert.ok((await placesOf(bench, needles)).length > 5);
    // Erased while a poll runs that has read who the mentors are.
    await bench.writer.attempt({ id: 3, user_id: other.student, exam_id: exam, ...passed(43) });
    const source = await bench.source();
    const links = async (ids: readonly string[]) => {
      const read = await source.links(ids);
      assert.ok(read.get(String(other.student))?.includes("65432109"));
      await erase(bench.db, { role: "mentor", source: SOURCE, id: "65432109" }, REASON);
      return read;
    };
    await assert.rejects(bench.poll({ source: wrappedSource(source, { links }) }), /somebody was erased/);
    await sweepFiles(bench.db);
    assert.deepEqual(await placesOf(bench, needles), []);
    const pause = { scope: "mentor", subjectId: "65432109", until: null, reason: "r" } as const;
    assert.equal((await insertPause(bench.db.sql, SOURCE, pause)).count, 0);
    await bench.poll();
    await bench.deliver();
    assert.deepEqual(await placesOf(bench, needles), []);
    assert.match(read().at(-1) ?? "", /43/);
  },
);

atOnePlace("P15: whoever writes while somebody is being erased brings nobody back", {}, async (bench) => {
  const { db } = bench;
  if (db.mode !== "server") return; // an embedded state has one session: nothing comes in between
  const { exam } = await institute(bench);
  await bench.writer.student({ id: 5, display_name: "Orphan", username: "orphan" });
  await bench.writer.attempt({ id: 2, user_id: 5, exam_id: exam, ...passed(41) });
  await bench.poll();
  await bench.deliver();
  const mentor = await bench.writer.mentor({ id: 65432109, display_name: "Melchior", username: "melvan" });
  await bench.writer.link(Number(mentor), 5);
  await bench.poll(); // links of those who wait are read again
  const done: Promise<unknown>[] = [];
  await db.sql.begin(async (hold) => {
    // The erasure has gone through nearly all of it when it comes to this row.
    await hold`select from lmsmon.people where id = 65432109 for update`;
    let waiting = 0;
    const endOrWait = async (work: Promise<unknown>) => {
      let ended = false;
      work.then(() => ended = true, () => ended = true);
      for (let now = 0; !ended && now <= waiting;) {
        await hold`select pg_stat_clear_snapshot()`;
        const [row] = await hold<{ n: number }[]>`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        now = row?.n ?? 0;
      }
      if (!ended) waiting++;
    };
    const works = [
      () => erase(db, { role: "mentor", source: SOURCE, id: "65432109" }, REASON),
      () => bench.deliver(),
      () => createUserLinkStore(db.sql, SOURCE).write("mentor", [melchior]),
    ];
    for (const work of works) {
      const begun = work();
      done.push(begun);
      await endOrWait(begun);
    }
  });
  await Promise.all(done);
  assert.deepEqual(await placesOf(bench, ["Melchior", "melvan", "65432109"]), []);
});

atOnePlace("P15: a restored older state is erased again by the journal", {}, async (bench) => {
  const { exam } = await institute(bench);
  await bench.writer.attempt({ id: 2, user_id: STUDENT.id, exam_id: exam, ...passed(85) });
  await bench.poll();
  const folder = await Deno.makeTempDir();
  try {
    const path = journalPath(`pglite:${folder}/state`, null) ?? "";
    assert.equal(path, `${folder}/state.erasures.jsonl`);
    const backup = await bench.db.sql`select * from lmsmon.people`;
    await erase(bench.db, { role: "student", source: SOURCE, id: String(STUDENT.id) }, REASON);
    await writeJournal(bench.db, path);
    const text = await Deno.readTextFile(path);
    for (const needle of NEEDLES) assert.ok(!text.includes(needle));
    // As a backup has it that is older than the erasure.
    await bench.db.sql`delete from lmsmon.tombstones`;
    await bench.db.sql`update lmsmon.row_states set student_id = ${STUDENT.id}, erased_student = null`;
    await bench.db.sql`update lmsmon.lms_activity_events set student_id = ${STUDENT.id}, student_username = 'zebquux'`;
    assert.ok(backup.length > 0);
    assert.equal(await reapplyJournal(bench.db, path), 1);
    assert.deepEqual(await placesOf(bench, NEEDLES.slice(0, 4)), []);
    assert.equal(await reapplyJournal(bench.db, path), 0);
    assert.equal((await bench.poll()).tally.events, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("P15: a text that is a person's key goes, unless somebody else has it, and is not kept again", async () => {
  await withState("embedded", async (db) => {
    const KEY = "zebulon.quuxley";
    const id = textId("student", KEY);
    const store = stateKeyStore(db);
    const entries = [{ id, sort: "student", key: KEY }, { id: textId("exam", "e1"), sort: "exam", key: "e1" }] as const;
    assert.deepEqual(await store.remember(entries), []);
    for (const source of ["one", "two"]) {
      await db.sql`insert into lmsmon.people (source, role, id) values (${source}, 'student', ${id})`;
    }
    // One of each form: the hashes of TypeScript are those of SQL.
    const of = await pseudonyms(db.sql);
    for (const each of ["7", id]) {
      const [row] = await db.sql<{ p: string }[]>`select lmsmon.pseudonym('student', 'one', ${each}::bigint) as p`;
      assert.equal(of("student", "one", each), row?.p);
    }
    const keys = async () =>
      (await db.sql<{ key: string }[]>`select key from lmsmon.lms_keys order by 1`).map(({ key }) => key);
    const { pseudonym } = await erase(db, { role: "student", source: "one", id }, REASON);
    assert.equal((await readErasedPeople(db, "one")).tombstone("student", id), pseudonym);
    assert.equal((await readErasedPeople(db, "two")).tombstone("student", id), null);
    assert.deepEqual(await keys(), ["e1", KEY], "the other source's student has it still");
    await erase(db, { role: "student", source: "two", id }, REASON);
    assert.deepEqual(await keys(), ["e1"]);
    assert.deepEqual(await store.remember(entries), [], "it stands for no other text");
    assert.deepEqual(await keys(), ["e1"]);
    await db.sql`insert into lmsmon.people (source, role, id) values ('one', 'mentor', 7)`;
    const plain = await erase(db, { role: "mentor", source: "one", id: "7" }, REASON);
    assert.equal((await readErasedPeople(db, "one")).tombstone("mentor", "7"), plain.pseudonym);
    assert.equal(of("mentor", "one", "7"), plain.pseudonym);
  });
});
