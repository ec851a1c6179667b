import assert from "node:assert/strict";
import { TestClock } from "../tell/outbox_fixture.ts";
import { atEveryPlace, atOnePlace, type PollBench } from "../poll/poll_bench.ts";

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = (score: number) => ({ state: "Completed", result: "Pass", score, percentage: 80, date: utcNow() });
const failed = (score: number) => ({ state: "Completed", result: "Fail", score, percentage: 6, date: utcNow() });

/** Two students with a mentor each, two exams, and their past stored. */
async function institute(bench: PollBench) {
  const [first, second] = [await bench.pair(), await bench.pair()];
  const exams = [await bench.writer.exam({ title: "Algebra" }), await bench.writer.exam({ title: "Botany" })] as const;
  await bench.firstContact();
  const round = async () => {
    const { tally } = await bench.poll();
    await bench.deliver();
    return tally;
  };
  const read = (whose: { zulipId: number }) => bench.standIn.dmsTo(whose.zulipId).map(({ content }) => content);
  return { first, second, exams, round, read };
}

const detail = async (bench: PollBench) =>
  (await bench.db.sql<Record<string, unknown>[]>`
    select e.event_type as type, e.incarnation, e.revision, e.attempt_no as no, e.activity_metadata -> 'previous' as previous,
           e.activity_metadata -> 'supersedes' as supersedes, e.suppressed_reason as suppressed
      from lmsmon.lms_activity_events e order by e.event_id`).map((row) => Object.values(row));

atEveryPlace(
  "P12: attempt 2 is deleted and its id inserted for another student and exam: the mentors read a plain first result",
  {},
  async (bench) => {
    const { first, second, exams, round, read } = await institute(bench);
    await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...passed(85) });
    await round();
    assert.match(read(first)[0] ?? "", /passed.*Algebra.*85/s);
    await bench.writer.remove("attempts", 2);
    await bench.writer.attempt({ id: 2, user_id: second.student, exam_id: exams[1], ...failed(11) });
    await round();
    assert.deepEqual([read(first).length, read(second).length], [1, 1]);
    const [told = ""] = read(second);
    assert.match(told, /failed.*Botany.*: 11\//s);
    assert.doesNotMatch(told, /\b85\b|now|->|→|you were told|Algebra/);
    assert.deepEqual(await detail(bench), [
      ["exam_passed", 1, 1, 1, null, null, null],
      ["exam_failed", 2, 1, 1, null, null, null],
    ]);
    // What comes later is a correction of this attempt.
    await bench.writer.updateAttempt(2, { result: "Pass", score: 91, percentage: 90 });
    await round();
    assert.match(read(second)[1] ?? "", /was failed|you were told "failed"/);
    assert.doesNotMatch(read(second)[1] ?? "", /\b85\b/);
    assert.equal((await round()).rowsChanged, 0);
    assert.deepEqual([read(first).length, read(second).length], [1, 2]);
  },
);

atEveryPlace(
  "P12: equal verdict and score of another student are an event, each mentor is told once",
  {},
  async (bench) => {
    const { first, second, exams, round, read } = await institute(bench);
    await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...passed(85) });
    await round();
    await bench.writer.remove("attempts", 2);
    await round();
    const row = { id: 2, user_id: second.student, exam_id: exams[0], ...passed(85) };
    await bench.writer.attempt(row);
    await round();
    await round();
    assert.deepEqual([read(first).length, read(second).length], [1, 1]);
    // And in place, back to the first student: a third attempt, the second of this student at the exam.
    await bench.writer.updateAttempt(2, { user_id: first.student });
    await round();
    assert.deepEqual([read(first).length, read(second).length], [2, 1]);
    assert.match(read(first)[1] ?? "", /2nd attempt/);
    assert.deepEqual((await detail(bench)).map((row) => row.slice(0, 4)), [
      ["exam_passed", 1, 1, 1],
      ["exam_passed", 2, 1, 1],
      ["exam_passed", 3, 1, 2],
    ]);
  },
);

atEveryPlace("P12: content attempts under a reused id are told to the right mentors", {}, async (bench) => {
  const { first, second, round, read } = await institute(bench);
  const course = await bench.writer.course();
  const chapter = await bench.writer.chapter({ course_id: course });
  const place = { course_id: course, chapter_id: chapter, chapter_content_id: await bench.writer.content() };
  const done = { state: "Completed", completed_on: utcNow() };
  await bench.writer.contentAttempt({ id: 2, user_id: first.student, ...place, ...done });
  await round();
  await bench.writer.remove("content_attempts", 2);
  await bench.writer.contentAttempt({ id: 2, user_id: second.student, ...place, ...done });
  await round();
  assert.deepEqual([read(first).length, read(second).length], [1, 1]);
  const edited = await bench.writer.content({ title: "Optics" });
  await bench.writer.updateContentAttempt(2, { chapter_content_id: edited });
  await round();
  assert.match(read(second)[1] ?? "", /Optics/);
});

atOnePlace("P12: what was not yet told of an attempt ends when its id belongs to another", {}, async (bench) => {
  const { first, second, exams, round, read } = await institute(bench);
  await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...passed(85) });
  await bench.poll(); // Zulip is not asked yet
  await bench.writer.remove("attempts", 2);
  await bench.writer.attempt({ id: 2, user_id: second.student, exam_id: exams[1], ...failed(11) });
  await round();
  assert.deepEqual([read(first).length, read(second).length], [0, 1]);
  assert.deepEqual(await bench.logs(), { "sent": 1, "suppressed row_missing": 1 });
});

atOnePlace(
  "P12: a flood of reused ids is held by the fuse; rows older than max_age are stored, not told",
  { notify: { fuse: { messagesPerPoll: 2000, revisionsPerPoll: 3 }, maxAgeMs: 3_600_000 } },
  async (bench) => {
    const { first, second, exams, round, read } = await institute(bench);
    for (let id = 1; id <= 5; id++) {
      await bench.writer.attempt({ id, user_id: first.student, exam_id: exams[0], ...passed(85) });
    }
    await round();
    assert.equal(read(first).length, 1);
    await bench.lms.execute(`update attempts set user_id = ${second.student} where id < 5`);
    await bench.writer.updateAttempt(5, { user_id: second.student, date: "2020-01-01 00:00:00" });
    const { verdict, tally, pollId } = await bench.poll();
    assert.deepEqual([tally.events, tally.rewrittenToTell, verdict.reusedToTell, verdict.delivery], [5, 4, 4, "held"]);
    assert.equal(verdict.reason, "4 corrected results and row ids used again (4) in one poll, more than 3");
    await bench.deliver();
    assert.equal(read(second).length, 0);
    assert.equal((await detail(bench)).at(-1)?.at(-1), "too_old");
    const [run] = await bench.db.sql`select told_revisions from lmsmon.poll_runs where poll_id = ${pollId}::bigint`;
    assert.equal(run?.["told_revisions"], "4");
  },
);

atEveryPlace("P12: a state of 0.1 knows whose a row was by its last event", {}, async (bench) => {
  const { first, second, exams, round, read } = await institute(bench);
  for (const id of [1, 2, 3, 4]) {
    await bench.writer.attempt({ id, user_id: first.student, exam_id: exams[0], ...passed(85) });
  }
  // Of 4 no event is known, as of a row whose type was not monitored: nothing says whose it was.
  await round();
  await bench.db.sql`update lmsmon.row_states set student_id = null, activity_id = null`;
  await bench.db.sql`update lmsmon.row_states set last_event_id = null where row_key = 4`;
  const before = [read(first).length, read(second).length];
  assert.equal((await round()).rowsChanged, 0, "a row that stayed the same is neither read nor written");
  assert.deepEqual([read(first).length, read(second).length], before);
  // While lmsmon was down: 2 is another student's by now, 3 was touched, 4 is taken for what it is at the first look.
  await bench.writer.updateAttempt(2, { user_id: second.student });
  await bench.writer.updateAttempt(3, { state: "Evaluation Completed" });
  await bench.writer.updateAttempt(4, { user_id: second.student });
  await round();
  assert.deepEqual([read(first).length, read(second).length], [before[0], 1]);
  const states = await bench.db.sql<{ row_key: string; student_id: string | null; incarnation: number }[]>`
    select row_key, student_id, incarnation from lmsmon.row_states order by row_key`;
  const [a, b] = [String(first.student), String(second.student)];
  assert.deepEqual(states.map((row) => [row.student_id, row.incarnation]), [[null, 1], [b, 2], [a, 1], [b, 1]]);
});

const clock = () => new TestClock();
const HOUR_MS = 3_600_000;

for (const { name, mode } of [{ name: "finished", mode: "full" }, { name: "running", mode: "quick" }] as const) {
  const time = clock();
  atEveryPlace(`a ${name} row that left the LMS is not told while it is missing, and once when it is back`, {
    clock: time,
  }, async (bench) => {
    const { first, exams, round, read } = await institute(bench);
    const row = { id: 2, user_id: first.student, exam_id: exams[0] };
    const values = name === "finished" ? passed(85) : { state: "Running", date: utcNow() };
    await bench.writer.attempt({ ...row, ...values });
    await bench.poll();
    await bench.writer.remove("attempts", 2);
    await bench.poll({ mode });
    await bench.deliver();
    for (let i = 0; i < 4; i++) await round(); // passes alone are no proof
    assert.deepEqual([read(first).length, await bench.logs()], [0, { "waiting row_missing": 1 }]);
    await bench.writer.attempt({ ...row, ...values });
    await round();
    assert.deepEqual([read(first).length, await bench.logs()], [1, { sent: 1 }]);
    await round();
    assert.equal(read(first).length, 1);
  });

  const late = clock();
  atEveryPlace(`what is told of a ${name} row ends after two full passes and an hour without it`, {
    clock: late,
  }, async (bench) => {
    const { first, exams, round, read } = await institute(bench);
    const values = name === "finished" ? passed(85) : { state: "Running", date: utcNow() };
    await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...values });
    await bench.poll();
    await bench.writer.remove("attempts", 2);
    await bench.poll({ mode });
    late.advance(2 * HOUR_MS);
    await bench.deliver();
    assert.deepEqual(await bench.logs(), { "waiting row_missing": 1 }, "the pass that missed it is none of the two");
    await round();
    assert.deepEqual(await bench.logs(), { "waiting row_missing": 1 }, "an hour and one pass");
    // A pass that was skipped because nothing had been committed proves as much.
    await bench.poll({ mode: "quick", skippedFullPass: true });
    await bench.deliver();
    assert.deepEqual([read(first).length, await bench.logs()], [0, { "suppressed row_missing": 1 }]);
    // Should it come back after all, it is known: no event, and nobody is told.
    await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...values });
    await round();
    assert.deepEqual([read(first).length, (await bench.events()).length], [0, 1]);
  });
}

atOnePlace("a missing row that comes back with another result is told by both, in order", {}, async (bench) => {
  const { first, exams, round, read } = await institute(bench);
  const row = { id: 2, user_id: first.student, exam_id: exams[0] };
  await bench.writer.attempt({ ...row, ...failed(11) });
  await bench.poll();
  await bench.writer.remove("attempts", 2);
  await round();
  await bench.writer.attempt({ ...row, ...passed(85) });
  await round();
  assert.deepEqual((await detail(bench)).map((e) => e.slice(0, 3)), [["exam_failed", 1, 1], ["exam_passed", 1, 2]]);
  assert.deepEqual([read(first).length, await bench.logs()], [1, { sent: 2 }]);
  assert.match(read(first)[0] ?? "", /2 updates/);
});

atOnePlace("a quick pass between two passes does not count, and a first pass only counts when it ends", {
  clock: new TestClock(),
}, async (bench) => {
  const { first, exams } = await institute(bench);
  await bench.writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...passed(85) });
  await bench.poll();
  await bench.writer.remove("attempts", 2);
  const states = async () =>
    (await bench.db.sql`
      select s.full_passes - r.missing_at_pass as passes from lmsmon.row_states r join lmsmon.streams s using (stream_id)`)
      .map((row) => row["passes"]);
  await bench.poll();
  assert.deepEqual(await states(), [0]);
  await bench.poll({ mode: "quick" });
  assert.deepEqual(await states(), [0]);
  await bench.poll();
  assert.deepEqual(await states(), [1]);
});
