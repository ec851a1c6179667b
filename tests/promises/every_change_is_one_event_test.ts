import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { pollSettings } from "../../lib/app/open_parts.ts";
import { runPoll } from "../../lib/poll/run_poll.ts";
import { takeLease } from "../../lib/poll/take_lease.ts";
import { LeaseLostError } from "../../lib/base/errors.ts";
import { atEveryPlace, atOnePlace, PLACES, type PollBench, withBench } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";
import { withPostgres } from "../support/databases.ts";

const RUNNING = { state: "Running", date: "2026-11-20 09:00:00" };
const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const FAILED = { state: "Completed", result: "Fail", score: 20, percentage: 20 };

async function someHistory(bench: PollBench) {
  const { student } = await bench.pair();
  const exam = await bench.writer.exam();
  const attempt = (id: number, values = {}) =>
    bench.writer.attempt({ id, user_id: student, exam_id: exam, ...RUNNING, ...values });
  return { student, exam, attempt };
}

atEveryPlace(
  "P1: every stage change is one event, whatever the row's id, age and order of arrival",
  {},
  async (bench) => {
    const { attempt } = await someHistory(bench);
    await attempt(100);
    await attempt(5_000, FAILED);
    await bench.firstContact();
    assert.deepEqual(await bench.told(), ["100 exam_started 1", "5000 exam_failed 1"]);

    await attempt(7, { ...PASSED, date: "2019-01-01 00:00:00" }); // old, low id, late
    await attempt(9_000);
    await bench.writer.updateAttempt(100, { ...PASSED });
    await bench.writer.updateAttempt(5_000, { ...PASSED });
    await bench.poll();
    const expected = [
      "100 exam_passed 1",
      "100 exam_started 1",
      "5000 exam_failed 1",
      "5000 exam_passed 2",
      "7 exam_passed 1",
      "9000 exam_started 1",
    ];
    assert.deepEqual(await bench.told(), expected);
    for (const mode of ["full", "quick", "full"] as const) {
      assert.equal(
        (await bench.poll({ mode })).tally.rowsChanged,
        0,
      );
    }
    assert.deepEqual(await bench.told(), expected);
  },
);

atEveryPlace("P1: a quick pass finds new rows and changes of open rows, a full pass the rest", {}, async (bench) => {
  const { attempt } = await someHistory(bench);
  await attempt(100);
  await attempt(200, FAILED);
  await bench.firstContact();

  await bench.writer.updateAttempt(100, { ...PASSED });
  await bench.writer.updateAttempt(200, { ...PASSED });
  await attempt(300);
  await attempt(50, PASSED);
  assert.deepEqual(Object.fromEntries((await bench.poll({ mode: "quick" })).tally.byType), {
    exam_passed: 1,
    exam_started: 1,
  });
  assert.deepEqual(Object.fromEntries((await bench.poll({ mode: "full" })).tally.byType), { exam_passed: 2 });
  assert.equal((await bench.events()).length, 6);
});

atEveryPlace("P1: no-op upserts, resumes and what is not told give no event", {}, async (bench) => {
  const { attempt, student, exam } = await someHistory(bench);
  await attempt(1);
  await attempt(2, PASSED);
  await bench.firstContact();
  const before = await bench.told();
  await bench.writer.updateAttempt(1, { last_started_time: "2026-11-21 10:00:00" }); // a resume
  await bench.writer.updateAttempt(2, { percentile: 12.5, correct_answers_count: 3 }); // what drifts in every row
  if (bench.place.lms?.dialect === "mysql") {
    await bench.lms.execute(
      `replace into attempts (id, user_id, exam_id, state, date) values (1, ${student}, ${exam}, 'Running', '2026-11-20 09:00:00')`,
    );
  } else {
    await bench.lms.execute("update attempts set state = state where id in (1, 2)");
  }
  for (const mode of ["quick", "full"] as const) assert.equal((await bench.poll({ mode })).tally.events, 0);
  assert.deepEqual(await bench.told(), before);
});

atEveryPlace("P1: a row that is deleted and comes back is the same row", {}, async (bench) => {
  const { attempt } = await someHistory(bench);
  await attempt(1);
  await attempt(2, PASSED);
  await attempt(1_000_000_007, FAILED);
  await bench.firstContact();
  await bench.lms.execute("delete from attempts");
  const gone = await bench.poll();
  assert.deepEqual([gone.tally.events, gone.tally.rowsMissing], [0, 3]);
  assert.equal((await bench.poll()).tally.rowsMissing, 0);
  await attempt(1, PASSED);
  await attempt(2, PASSED);
  await attempt(1_000_000_007, { ...FAILED, score: 25 });
  await bench.poll();
  assert.deepEqual(await bench.told(), [
    "1 exam_passed 1",
    "1 exam_started 1",
    "1000000007 exam_failed 1",
    "1000000007 exam_failed 2",
    "2 exam_passed 1",
  ]);
});

for (const place of PLACES.filter(({ lms }) => lms?.dialect === "postgres")) {
  Deno.test(`P1: a transaction that stays open over several polls is found when it commits [${place.name}]`, () =>
    withBench(place, {}, async (bench) => {
      const { attempt, student, exam } = await someHistory(bench);
      await attempt(10);
      await bench.firstContact();
      await withPostgres(bench.lms.config.url, async (sql) => {
        await sql.begin(async (tx) => {
          await tx.unsafe(
            `insert into attempts (id, user_id, exam_id, state) values (11, ${student}, ${exam}, 'Running')`,
          );
          await tx.unsafe("update attempts set state = 'Completed', result = 'Pass' where id = 10");
          await attempt(12);
          assert.equal((await bench.poll({ mode: "quick" })).tally.events, 1);
          assert.equal((await bench.poll({ mode: "full" })).tally.events, 0);
          await attempt(13, PASSED);
          assert.equal((await bench.poll({ mode: "quick" })).tally.events, 1);
        });
      });
      await bench.poll({ mode: "quick" });
      await bench.poll({ mode: "full" });
      assert.deepEqual(await bench.told(), [
        "10 exam_passed 1",
        "10 exam_started 1",
        "11 exam_started 1",
        "12 exam_started 1",
        "13 exam_passed 1",
      ]);
    }));
}

atEveryPlace("P1: ids far apart, beyond 2^31, and below zero are compared like any other", {}, async (bench) => {
  const { attempt, student, exam } = await someHistory(bench);
  if (bench.place.lms?.dialect === "mysql") {
    await bench.lms.execute("alter table content_attempts drop foreign key content_attempts_assessment_id_fkey");
    await bench.lms.execute("alter table attempts modify id bigint");
  } else await bench.lms.execute("alter table attempts alter column id type bigint");
  const raw = (id: string, state: string) =>
    bench.lms.execute(
      `insert into attempts (id, user_id, exam_id, state, result) values (${id}, ${student}, ${exam}, '${state}', 'Pass')`,
    );
  await attempt(1);
  await bench.firstContact();
  const ids = [
    "-1",
    "-1001",
    "-2000",
    "-9007199254740993",
    "999",
    "1000",
    "4294967296",
    "9007199254740993",
    "9000000000000000000",
  ];
  for (const id of ids) await raw(id, "Running");
  await bench.poll();
  assert.deepEqual((await bench.events()).slice(1).map((e) => e.attempt_id).sort(), [...ids].sort());
  await bench.lms.execute("update attempts set state = 'Completed' where id <> 1");
  const finished = await bench.poll();
  assert.deepEqual(Object.fromEntries(finished.tally.byType), { exam_passed: ids.length });
  assert.equal((await bench.poll()).tally.rowsRead, 0);
  await bench.lms.execute("delete from attempts where id <> 1");
  assert.equal((await bench.poll()).tally.rowsMissing, ids.length);
  assert.equal((await bench.poll()).tally.rowsRead, 0);
});

atOnePlace(
  "P1: two pollers at once record each change once; the one whose lease was taken over writes nothing",
  {},
  async (bench) => {
    const { attempt } = await someHistory(bench);
    await bench.firstContact();
    for (let id = 1; id <= 40; id++) await attempt(id, PASSED);
    const lms = await bench.source();
    const deps = { db: bench.db, lms, clock: systemClock, settings: pollSettings(bench.config) };
    const first = await bench.lease("host|1|?|first");
    assert.equal((await takeLease(bench.db, lms.name, "host|2|?|second", 60_000)).lease, null);
    await bench.db.sql`update lmsmon.leases set expires_at = now() - interval '1 second'`;
    const second = await bench.lease("host|2|?|second");
    const options = { mode: "full", notifyHistory: false, signal: new AbortController().signal } as const;
    const [lost, won] = await Promise.allSettled([runPoll(deps, first, options), runPoll(deps, second, options)]);
    assert.ok(lost.status === "rejected" && lost.reason instanceof LeaseLostError, "the first lost its lease");
    assert.equal(won.status, "fulfilled");
    assert.equal((await bench.events()).length, 40);
  },
);

atOnePlace("P1: event types switched on later start from there, and give no history", {
  eventTypes: ["exam_passed", "exam_failed"],
}, async (bench) => {
  const { attempt } = await someHistory(bench);
  await attempt(1);
  await bench.firstContact();
  await attempt(2);
  await bench.poll();
  assert.deepEqual(await bench.told(), []);
  const all = { ...bench.config, poll: { ...bench.config.poll, eventTypes: ["exam_started", "exam_passed"] as const } };
  await bench.poll({ config: all });
  assert.deepEqual(await bench.told(), []);
  await attempt(3);
  await bench.writer.updateAttempt(2, { ...PASSED });
  await bench.poll({ config: all });
  assert.deepEqual(await bench.told(), ["2 exam_passed 1", "3 exam_started 1"]);
});

atOnePlace("a correction of a finish that was not monitored supersedes nothing, and happened when the finish did", {
  eventTypes: ["exam_started", "exam_passed"],
}, async (bench) => {
  const { attempt } = await someHistory(bench);
  await bench.firstContact();
  await attempt(1, { date: "2026-11-20 09:00:00" });
  await bench.poll();
  await bench.deliver();
  const last_answer_updated_time = "2026-11-20 11:30:00";
  await bench.writer.updateAttempt(1, { ...FAILED, last_answer_updated_time });
  await bench.poll();
  await bench.writer.updateAttempt(1, { ...PASSED, last_answer_updated_time });
  await bench.poll();
  assert.deepEqual(await bench.told(), ["1 exam_passed 2", "1 exam_started 1"]);
  const [event] = await bench.db.sql`
    select (extract(epoch from timestamp) * 1000)::bigint as at, activity_metadata->'supersedes' as supersedes
      from lmsmon.lms_activity_events where event_type = 'exam_passed'`;
  assert.deepEqual({ ...event }, {
    at: String(Temporal.Instant.from("2026-11-20T11:30:00Z").epochMilliseconds),
    supersedes: null,
  });
  await bench.deliver();
  const said = bench.standIn.messages.map(({ content }) => content).join("\n");
  assert.match(said, /now \*\*passed\*\*.*\(was failed\)/);
});

atOnePlace("P1: another hash recipe looks at every row again and tells nothing new", {}, async (bench) => {
  const { attempt } = await someHistory(bench);
  for (let id = 1; id <= 30; id++) await attempt(id * 77, id % 2 ? PASSED : {});
  await bench.firstContact();
  const source = await bench.source();
  const other = wrappedSource(source, { recipe: (kind) => source.recipe(kind) + 1 });
  await bench.writer.updateAttempt(154, { ...FAILED });
  const poll = await bench.poll({ source: other });
  assert.deepEqual([poll.tally.events, poll.tally.rowsChanged], [1, 30]);
  assert.equal((await bench.poll({ source: other })).tally.rowsRead, 0);
  const sums = await bench.db.sql<{ n: number }[]>`select sum(row_count)::int as n from lmsmon.row_buckets`;
  assert.equal(sums[0]?.n, 30);
});
