import assert from "node:assert/strict";
import { withPostgres } from "../support/databases.ts";
import { farFromMidnight } from "../support/far_from_midnight.ts";
import { type LmsmonPlace, makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const OTHERS = 31;
const QUIET = { id: 500, display_name: "Zebulon Quuxley", username: "zebquux", email: "zeb@quux.example" };

const ZONE = farFromMidnight();
const TODAY = Temporal.Now.plainDateISO(ZONE);

/** Noon, so many days ago, as Testpress stores it. */
const noon = (daysAgo: number) => `${TODAY.subtract({ days: daysAgo })} 12:00:00`;
const passed = (daysAgo: number) => ({
  ...{ state: "Completed", result: "Pass", score: 148, percentage: 82 },
  ...{ date: noon(daysAgo), last_answer_updated_time: noon(daysAgo) },
});

/** A course in which all work and one student stopped weeks ago, with three exams that were due since. */
async function course({ lms: { writer }, zulip }: LmsmonPlace) {
  const [courseId, chapter] = [await writer.course({ title: "Physics" }), 1];
  await writer.chapter({ id: chapter, course_id: courseId });
  const mentor = Number(await writer.mentor());
  const { id: zulipId } = zulip.addUser({ email: `mentor${mentor}@institute.example`, fullName: "Mentor" });
  const batch = await writer.batch();
  const exams: number[] = [];
  for (const due of [20, 12, 5]) {
    const exam = Number(await writer.exam({ start_date: noon(60), end_date: noon(due) }));
    await writer.content({ course_id: courseId, examId: exam, content_type: "Exam" });
    exams.push(exam);
  }
  const video = await writer.content({ course_id: courseId });
  const studies = (student: number, daysAgo: number) =>
    writer.contentAttempt({
      ...{ user_id: student, course_id: courseId, chapter_id: chapter, chapter_content_id: video },
      ...{ state: "Completed", created: noon(daysAgo), completed_on: noon(daysAgo) },
    });
  await writer.student(QUIET);
  const students = [QUIET.id, ...Array.from({ length: OTHERS }, (_, i) => 600 + i)];
  for (const student of students) {
    if (student !== QUIET.id) await writer.student({ id: student });
    await writer.link(mentor, student);
    await writer.inBatch(student, batch);
    await studies(student, student === QUIET.id ? 30 : 1);
    if (student === QUIET.id) continue;
    for (const [i, exam] of exams.entries()) {
      await writer.attempt({ user_id: student, exam_id: exam, ...passed(21 - 8 * i) });
    }
  }
  const told = () => zulip.dmsTo(zulipId).map(({ content }) => content);
  return { exams, told, calls: () => told().filter((content) => /^(📞|✅)/u.test(content)) };
}

/** As if everything so far had been done a week earlier. */
async function aWeekPasses({ stateUrl }: LmsmonPlace): Promise<void> {
  await withPostgres(stateUrl, async (sql) => {
    await sql`update lmsmon.pattern_courses set first_day = first_day - 7, last_day = last_day - 7`;
    await sql`update lmsmon.patterns set day = day - 7`;
    await sql`update lmsmon.letters set day = day - 7`;
    await sql`
      update lmsmon.facts set value = jsonb_build_object('day', ((value->>'day')::date - 7)::text)
       where name in ('patterns', 'letters')`;
  });
}

/** Resolves when so many weekly messages are recorded as sent. */
async function sentOf({ stateUrl }: LmsmonPlace, wanted: number): Promise<void> {
  await withPostgres(stateUrl, async (sql) => {
    for (let sent = -1, tries = 0; sent < wanted; tries++) {
      assert.ok(tries < 450, `${sent} of ${wanted} weekly messages were sent`);
      const [row] = await sql`
        select count(l.*)::int as sent from (select pg_sleep(0.1)) w left join lmsmon.letters t on true
          left join lmsmon.lms_event_logs l on l.event_id = t.letter_id and l.status = 'sent'`;
      sent = row?.["sent"];
    }
  });
}

Deno.test(
  {
    ignore,
    name: "watch finds patterns and tells each mentor once a week, across a kill and two watchers; erased is erased",
  },
  async () => {
    await using place = await makePlace({ state: "server" });
    const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const weekday = weekdays[TODAY.dayOfWeek - 1];
    await place.configure({
      notify: { timezone: ZONE },
      insights: { at: "00:00", tell: { weekday, at: "00:00", most: 2 } },
      zulip: { settle: "1s", request_timeout: "2s" },
      admin: { on: [] },
    });
    const { exams, told, calls } = await course(place);
    {
      // What is there at the first look is history.
      await using watcher = place.home.start("watch", "--interval", "1s");
      await watcher.said(/Weekly messages of .*: 0 mentors, which name 0 students/);
      assert.match(watcher.err, /Patterns of .*: 0 new, \d+ older ones of courses that were not known/);
      assert.equal((await watcher.stop()).code, 0);
      assert.deepEqual(told(), []);
    }
    await aWeekPasses(place);
    const preview = JSON.parse((await place.home.run("preview", "--day", "today", "--json")).out);
    assert.equal(preview.weekly_messages, 1);
    assert.equal(JSON.parse((await place.home.run("preview", "--day", "yesterday", "--json")).out).weekly_messages, 0);
    {
      await using killed = place.home.startToDieAt("send.after_post", "watch", "--interval", "1s");
      assert.equal((await killed.finished).code, 137);
      assert.equal(calls().length, 1);
    }
    {
      await using first = place.home.start("watch", "--interval", "1s");
      await using second = place.home.start("watch", "--interval", "1s");
      await sentOf(place, 1); // found in Zulip, by whichever is first to hold the recipient
      for (const watcher of [first, second]) assert.equal((await watcher.stop()).code, 0);
    }
    assert.equal(told().length, 1);
    assert.match(
      calls()[0] ?? "",
      /^📞 \*\*Zebulon Quuxley\*\* may be glad of a call\n\n\*\*Zebulon Quuxley\*\*, Physics\n- why: /,
    );
    const since = /- since: no activity after \d+ \w{3}; .*work due on \d+ \w{3}/;
    assert.match(calls()[0] ?? "", since);

    // The work comes late; the mentor hears of it the next week, and nobody is named again.
    for (const exam of exams) await place.lms.writer.attempt({ user_id: QUIET.id, exam_id: exam, ...passed(1) });
    await aWeekPasses(place);
    {
      await using watcher = place.home.start("watch", "--interval", "1s");
      await place.zulip.next(({ content }) => content.startsWith("✅"));
      await sentOf(place, 2);
      const { code, err } = await watcher.stop();
      assert.equal(code, 0, err);
      assert.match(err, /Patterns of .*: .*\b1 withdrawn/);
    }
    assert.equal(calls().length, 2);
    assert.match(
      calls()[1] ?? "",
      /^✅ \*\*No longer missing\*\*, .*\n- \*\*Zebulon Quuxley\*\*, Physics: work due on \d+ \w{3}\n`ref /,
    );

    const explained = await place.home.run("explain", "mentor", "1");
    assert.match(
      explained.out,
      /Weekly message of \d{4}-\d\d-\d\d: names student 500; sent at .* \(Zulip message \d+\)/,
    );
    const erased = await place.home.run(
      "privacy",
      "erase",
      "--role",
      "student",
      String(QUIET.id),
      "--reason-code",
      "art17",
      "--yes",
    );
    assert.equal(erased.code, 0, erased.err);
    const left = await withPostgres(place.stateUrl, async (sql) => {
      return await sql`
        select (select count(*)::int from lmsmon.namings) as namings,
               (select count(*)::int from lmsmon.messages where content like '%Quuxley%') as texts`;
    });
    assert.deepEqual({ ...left[0] }, { namings: 0, texts: 0 });
  },
);
