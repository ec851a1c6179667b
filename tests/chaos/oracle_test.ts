/** The oracle of the chaos harness finds what it is there to find: each kind of damage, done on purpose to a run that was good. */
import assert from "node:assert/strict";
import { ChaosRun } from "./harness/chaos_run.ts";
import { readEvents } from "./harness/judge_attempts.ts";
import type { LoadRow } from "./harness/lms_rows.ts";
import { makePlace, type Place } from "./harness/place.ts";
import { runLmsmon } from "./harness/watcher.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { realPostgres } from "../support/databases.ts";

interface Damage {
  readonly name: string;
  readonly shows: "lost" | "duplicated" | "problems" | "open";
  readonly do: (place: Place, db: StateDb) => Promise<unknown> | void;
}

const DAMAGES: readonly Damage[] = [
  {
    name: "a message that is gone from Zulip",
    shows: "lost",
    do: ({ zulip }) => {
      const at = zulip.messages.findIndex(({ content }) => content.includes("#n="));
      zulip.realm.messages.splice(at, 1);
    },
  },
  {
    name: "a message that was sent twice",
    shows: "duplicated",
    do: ({ zulip }) => {
      const message = zulip.messages.findLast(({ content }) => content.includes("#n="));
      if (message !== undefined) zulip.realm.messages.push({ ...message, id: message.id + 1_000 });
    },
  },
  {
    name: "a delivery that ended without a reason that holds",
    shows: "lost",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_event_logs set status = 'suppressed', reason = 'dropped', message_id = null, zulip_user_id = null
         where log_id = (select min(log_id) from lmsmon.lms_event_logs where status = 'sent')`,
  },
  {
    name: "a delivery that was forgotten",
    shows: "lost",
    do: (_place, { sql }) =>
      sql`
        delete from lmsmon.lms_event_logs
         where log_id = (select max(log_id) from lmsmon.lms_event_logs where status = 'sent')`,
  },
  {
    name: "a change of a row that no event tells of",
    shows: "lost",
    do: ({ load }) => {
      const row = load.rows.exam.values().find((row) => row.present && row.versions.at(-1)?.verdict === "pass");
      row?.versions.push({ stage: "finished", verdict: "fail", score: 1 });
    },
  },
  {
    name: "a row that no event tells of",
    shows: "lost",
    do: ({ load }) => {
      const row = load.rows.exam.values().find((row) => row.present && row.versions.length > 0);
      if (row !== undefined) load.rows.exam.set(999_999, { ...row, id: 999_999 });
    },
  },
  {
    name: "an event of a row that was never committed",
    shows: "problems",
    do: ({ load }) => {
      const row = load.rows.content.values().find((row) => row.present && !row.mirror);
      load.rows.content.delete(row?.id ?? 0);
    },
  },
  {
    name: "an event that tells another score than was committed",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set activity_metadata = jsonb_set(activity_metadata, '{score}', '1234')
         where event_id = (select min(event_id) from lmsmon.lms_activity_events
                            where kind = 'exam' and stage = 'finished' and suppressed_reason is null)`,
  },
  {
    name: "history that was told",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set suppressed_reason = null
         where event_id = (select min(event_id) from lmsmon.lms_activity_events where suppressed_reason = 'first_contact')`,
  },
  {
    name: "an event with somebody else's previous",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events
           set activity_metadata = jsonb_set(activity_metadata, '{previous}', '{"verdict": "pass", "score": 85, "percentage": 85}')
         where event_id = (select max(event_id) from lmsmon.lms_activity_events where incarnation > 1 and stage = 'finished')`,
  },
  {
    name: "a reused id that was taken for a correction",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set incarnation = 1
         where event_id = (select max(event_id) from lmsmon.lms_activity_events where incarnation > 1)`,
  },
  {
    name: "a new attempt under an id that was not used again",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set incarnation = 2
         where event_id = (select min(event_id) from lmsmon.lms_activity_events where kind = 'exam' and stage = 'finished')`,
  },
  {
    name: "an id used again that no event tells of",
    shows: "lost",
    do: ({ load }) => {
      const row = tell(load.rows.exam, (each) => each.former.length === 0);
      if (row !== undefined) load.rows.exam.set(row.id, { ...row, student: row.student + 1, former: [row] });
    },
  },
  {
    name: "an event of another student than the row's",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set student_id = (select min(id) from lmsmon.people where role = 'student')
         where event_id = (select max(event_id) from lmsmon.lms_activity_events
                            where kind = 'exam' and student_id <> (select min(id) from lmsmon.people where role = 'student'))`,
  },
  {
    name: "a delivery that ended as row_missing though its row was never away",
    shows: "lost",
    do: async ({ load }, { sql }) => {
      const row = tell(load.rows.exam, (each) => each.former.length === 0 && each.absences === 0);
      await sql`
        update lmsmon.lms_event_logs set status = 'suppressed', reason = 'row_missing', message_id = null, zulip_user_id = null
         where log_id = (select min(log_id) from lmsmon.lms_event_logs join lmsmon.lms_activity_events using (event_id)
                          where status = 'sent' and kind = 'exam' and attempt_id = ${row?.id ?? 0})`;
    },
  },
  {
    name: "a delivery that waits for a row which is there",
    shows: "open",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_event_logs set status = 'waiting', reason = 'row_missing', message_id = null, next_attempt_at = now()
         where log_id = (select max(log_id) from lmsmon.lms_event_logs where status = 'sent')`,
  },
  {
    name: "an event told although its row was known to be missing",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.row_states r set missing_since = now() - interval '1 hour', missing_at_pass = 0, hash = null
          from lmsmon.streams s, lmsmon.lms_activity_events e
         where s.stream_id = r.stream_id and s.kind = e.kind and r.row_key = e.attempt_id and e.event_id = (
           select max(event_id) from lmsmon.lms_event_logs join lmsmon.messages using (message_id) where state = 'sent')`,
  },
  {
    name: "a mentor who reads of another student",
    shows: "problems",
    do: ({ zulip }) => edit(zulip, /#n=/, (text) => text.replace(/Student \d+/, "Student 1")),
  },
  {
    name: "a first report that is told as a correction",
    shows: "problems",
    do: ({ zulip }) => edit(zulip, /#n=/, (text) => text.replace("** passed", "** now **passed**")),
  },
];

/** A row that was told: finished, there, nobody's mirror. */
function tell(rows: ReadonlyMap<number, LoadRow>, test: (row: LoadRow) => boolean): LoadRow | undefined {
  return rows.values().find((row) =>
    row.present && !row.history && row.versions.length === 1 && row.versions[0]?.stage === "finished" && test(row)
  );
}

/** The newest message that fits reads otherwise. */
function edit({ realm }: Place["zulip"], fits: RegExp, change: (text: string) => string): void {
  const at = realm.messages.findLastIndex(({ content }) => fits.test(content) && change(content) !== content);
  const message = realm.messages[at];
  if (message !== undefined) realm.messages[at] = { ...message, content: change(message.content) };
}

Deno.test({
  name: "consult() finds each kind of damage (chaos, seed 16)",
  ignore: await realPostgres() === null,
  fn: async (t) => {
    const run = new ChaosRun(16, () => {});
    await using place = await makePlace(run, { state: "server", notify: "  digest_above: 4" });
    const poll = async () => assert.equal((await runLmsmon("poll-once", place.config)).code, 0);
    await poll();
    await place.load.some(80);
    await poll();
    await place.load.reuse(place.load.rows.exam.values().filter((row) => row.present && !row.pinned).take(8).toArray());
    await place.load.finishedExams(20);
    await poll();
    await using db = await place.openState();
    // The mentor without an account has still a second to get one.
    const consult = () => place.consult({ sql: db.sql });
    const good = await consult();
    assert.deepEqual([good.problems, good.lost, good.duplicated], [[], 0, 0]);
    assert.ok(good.messages > 5 && good.rows > 50, JSON.stringify(good));
    await t.step("what a lost state told is no damage, unless it was told twice", () => lostStates(place, db));
    for (const damage of DAMAGES) {
      await t.step(damage.name, async () => {
        const before = await consult();
        await damage.do(place, db);
        const after = await consult();
        const more = damage.shows === "problems"
          ? after.problems.length - before.problems.length
          : after[damage.shows] - before[damage.shows];
        assert.ok(more > 0, `${damage.shows}: ${more}\n${after.problems.join("\n")}`);
      });
    }
  },
});

/** An event that the state does not know any more, and the LMS does not show any more. */
async function lostStates(place: Place, { sql }: StateDb): Promise<void> {
  const [{ event_id: id } = { event_id: "" }] = await sql<{ event_id: string }[]>`
    select max(l.event_id)::text as event_id from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e using (event_id)
     where l.status = 'sent' and e.kind = 'exam' and e.incarnation = 1 and e.revision = 1 and e.stage = 'finished'`;
  const lost = (await readEvents(sql, "testpress")).filter((event) => event.event_id === id);
  await sql`delete from lmsmon.lms_event_logs where event_id = ${id}`;
  await sql`delete from lmsmon.lms_activity_events where event_id = ${id}`;
  const row = place.load.rows.exam.get(Number(lost[0]?.attempt_id));
  if (row !== undefined) row.present = false;
  const consult = (events: typeof lost) => place.consult({ sql, lost: events });
  assert.match((await consult([])).problems.join(), /belongs to no event/);
  assert.deepEqual((await consult(lost)).problems, []);
  const message = place.zulip.messages.findLast(({ content }) =>
    content.includes(`/attempts/${lost[0]?.attempt_id}#n=`)
  );
  assert.ok(message !== undefined);
  place.zulip.realm.messages.push({ ...message, id: message.id + 1_000 });
  const twice = await consult(lost);
  assert.ok(twice.duplicated > 0);
  // Under the number of a correction that was lost another one may be told; the same one may not.
  const another = lost.map((event) => ({ ...event, score: -1 }));
  assert.equal((await consult([...lost, ...another])).duplicated, twice.duplicated - 1);
  place.zulip.realm.messages.pop();
  place.zulip.realm.messages.splice(place.zulip.realm.messages.indexOf(message), 1);
}
