import assert from "node:assert/strict";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import type { AttemptRow } from "../../lib/model/attempt.ts";
import { formatUtc } from "../../lib/model/time.ts";
import { realMariaDb, realPostgres } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const mariaDb = await realMariaDb();

/** One small institute with what makes two databases differ: microseconds, scripts, mixed-case names, big ids. */
async function fill(lms: TestLms): Promise<void> {
  const { writer, execute } = lms;
  if (writer.dialect === "postgres") {
    await execute(`alter table attempts alter last_answer_updated_time type timestamp(6), alter id type bigint`);
  } else {
    await execute("alter table content_attempts drop foreign key content_attempts_assessment_id_fkey");
    await execute("alter table attempts modify last_answer_updated_time datetime(6), modify id bigint");
  }
  for (let id = 1; id <= 3; id++) await writer.student({ id, display_name: id === 2 ? "  " : `ദിവ്യ 🎓 ${id}` });
  await writer.update("students", 2, { first_name: "Anil", last_name: "O'Neil \\ K", is_active: false, email: null });
  await writer.mentor({ id: 7 });
  await writer.mentor({ id: 12, user_id: null, email: null });
  await writer.link(12, 1);
  await writer.link(7, 1);
  await writer.batch({ id: 40 });
  await writer.batch({ id: 4 });
  await writer.inBatch(1, 40);
  await writer.inBatch(1, 4);
  const course = await writer.course({ title: "Physics" });
  const chapter = await writer.chapter({ id: 5, name: "Electrostatics", course_id: course });
  const exam = await writer.exam({ id: 133, title: "Rank Test “12” – # *Electro*\nstatics", total_marks: 180.5 });
  const twice = await writer.exam({ id: 134, duration: 10800, pass_percentage: null });
  const holder = await writer.content({ id: 900, content_type: "Exam", examId: exam, course_id: course });
  await writer.inChapter(holder, chapter);
  await writer.content({ id: 901, content_type: "Exam", examId: twice, course_id: course });
  await writer.content({ id: 902, content_type: "Exam", examId: twice, course_id: course });
  const video = await writer.video({ id: 55, title: "Field lines" });
  const lecture = await writer.content({ id: 903, title: "", videoId: video, course_id: course });

  await writer.attempt({
    id: 68701,
    user_id: 1,
    exam_id: exam,
    username: "student1",
    name: "ദിവ്യ",
    email: "one@students.example",
    state: "Completed",
    result: " PASS ",
    score: 148,
    percentage: 82,
    correct_answers_count: 38,
    incorrect_answers_count: 4,
    unanswered_count: 3,
    time_taken: "2:12:00.500000",
    date: "2026-11-20 06:50:00.123",
    last_started_time: "2026-11-20 07:00:00",
    last_answer_updated_time: "2026-11-20 09:02:00.123456",
  });
  await writer.attempt({ id: 68702, user_id: 2, exam_id: twice, state: "Pending Evaluation", result: "Fail" });
  await writer.attempt({ id: 68703, user_id: null, exam_id: null, state: "3", date: null, username: "admin" });
  await writer.attempt({ id: 9_007_199_254_740_993n, user_id: 3, exam_id: exam, state: "SUSPENDED 🥱", result: "" });
  const watched = await writer.userVideo({
    id: 5390,
    user_id: 1,
    video_id: video,
    watched_percentage: 96,
    state: "Completed",
  });
  const place = { course_id: course, chapter_id: chapter };
  await writer.contentAttempt({
    id: 27,
    user_id: 1,
    chapter_content_id: lecture,
    user_video_id: watched,
    created: "2026-11-20 10:10:16.698",
    ...place,
  });
  await writer.contentAttempt({
    id: 28,
    user_id: 1,
    chapter_content_id: holder,
    content_type: "assessment",
    state: "Completed",
    assessment_id: 68701,
    completed_on: "2026-11-20 09:02:00.122",
    ...place,
  });
  await writer.contentAttempt({
    id: 1029,
    user_id: 3,
    chapter_content_id: lecture,
    content_type: "videoConference",
    ...place,
  });
}

async function everything(source: LmsSource) {
  const people = [];
  for await (const page of source.allPeople("student")) people.push(...page);
  for await (const page of source.allPeople("mentor")) people.push(...page);
  return {
    exams: await source.rowsAfter("exam", null, 100),
    contents: await source.rowsAfter("content", null, 100),
    again: await source.rowsByIds("exam", ["9007199254740993", "68701", "4711", "68701"]),
    first: [await source.firstIdFrom("exam", "68704"), await source.firstIdFrom("content", "1030")],
    buckets: [...await source.buckets("exam", 0n, 10n ** 13n), ...await source.buckets("content", 0n, 10n ** 13n)],
    hashes: await source.keyHashes("content", [0n, 1n, 1n]),
    links: [...await source.links(["1", "2", "3"])],
    people,
    some: await source.people("mentor", ["12", "99"]),
  };
}

/** Rows, lists of hashes and sums of buckets say the same. */
function hashesAgree(all: Awaited<ReturnType<typeof everything>>): void {
  assert.deepEqual(all.hashes.map((h) => h.id), ["27", "28", "1029"]);
  assert.deepEqual(all.hashes.map((h) => h.hash), all.contents.rows.map((r) => r.hash));
  const xor = BigInt.asIntN(64, BigInt(all.hashes[0]?.hash ?? 0) ^ BigInt(all.hashes[1]?.hash ?? 0));
  assert.equal(all.buckets[2]?.xor, String(xor));
}

/** Each dialect has its own recipe, which the recipe's number says. */
function withoutHashes(all: Awaited<ReturnType<typeof everything>>) {
  const rows = (page: typeof all.exams) => ({ ...page, rows: page.rows.map((row) => ({ ...row, hash: "" })) });
  return {
    ...all,
    ...{ exams: rows(all.exams), contents: rows(all.contents), again: rows(all.again) },
    ...{ buckets: all.buckets.map((b) => ({ ...b, xor: "" })), hashes: all.hashes.map((h) => ({ ...h, hash: "" })) },
  };
}

Deno.test("openLms() gives the rows of an embedded LMS", async () => {
  await using lms = await makeLms(null);
  await fill(lms);
  const all = await everything(await lms.open());
  const [passed, pending, nobody, big] = all.exams.rows;
  assert.deepEqual(all.exams.bad, []);
  assert.equal(all.exams.rows.length, 4);
  assert.ok(passed && pending && nobody && big);
  const { hash: _hash, ...rest } = passed;
  assert.deepEqual(
    rest satisfies Omit<AttemptRow, "hash">,
    {
      kind: "exam",
      id: "68701",
      progress: "finished",
      verdict: "pass",
      state: "Completed",
      result: " PASS ",
      studentId: "1",
      studentUsername: "student1",
      studentName: "ദിവ്യ",
      studentEmail: "one@students.example",
      activityId: "133",
      activity: {
        id: "133",
        title: "Rank Test “12” – # *Electro*\nstatics",
        scoreMax: 180.5,
        passPercentage: 40,
        durationAllowedS: 10_800,
        courseId: "1",
        course: "Physics",
        chapterId: "5",
        chapter: "Electrostatics",
      },
      startedAt: 1_763_621_400_123_000 + 31_536_000_000_000,
      lastStartedAt: 1_763_622_000_000_000 + 31_536_000_000_000,
      finishedAt: 1_763_629_320_123_456 + 31_536_000_000_000,
      timeTakenS: 7920.5,
      score: 148,
      percentage: 82,
      correct: 38,
      incorrect: 4,
      unanswered: 3,
      watchedPercentage: null,
      contentType: null,
      watchable: false,
      mirrorsExam: false,
      courseId: "1",
      chapterId: "5",
    },
  );
  assert.equal(formatUtc(passed.finishedAt ?? 0), "2026-11-20T09:02:00.123456Z");
  assert.deepEqual([pending.progress, pending.verdict, pending.result], ["finished", null, "Fail"]);
  assert.deepEqual(
    [pending.activity?.durationAllowedS, pending.activity?.passPercentage, pending.activity?.course],
    [10_800, null, null],
    "seconds are told from minutes; two contents hold the exam, so its place is unknown",
  );
  assert.deepEqual(
    [nobody.progress, nobody.studentId, nobody.activity, nobody.startedAt, nobody.studentUsername],
    ["not_started", null, null, null, "admin"],
  );
  assert.deepEqual([big.id, big.progress, big.state], ["9007199254740993", "unknown", "SUSPENDED 🥱"]);

  const [lecture, mirror, class_] = all.contents.rows;
  assert.deepEqual(
    [lecture?.progress, lecture?.state, lecture?.watchable, lecture?.watchedPercentage, lecture?.activity?.title],
    ["finished", "Started", true, 96, "Field lines"],
    "finished already by its user video; an empty title comes from the video",
  );
  assert.deepEqual([mirror?.mirrorsExam, mirror?.watchable], [true, false]);
  assert.deepEqual([class_?.contentType, class_?.watchable, class_?.progress], ["videoConference", false, "running"]);

  assert.deepEqual(all.again.rows.map((r) => r.id), ["68701", "9007199254740993"]);
  assert.deepEqual(all.first, ["9007199254740993", null]);
  assert.deepEqual(
    all.buckets.map((b) => [b.bucket, b.count]),
    [[68n, 3], [9_007_199_254_740n, 1], [0n, 2], [1n, 1]],
  );
  hashesAgree(all);
  assert.deepEqual(all.links, [["1", ["7", "12"]]]);
  assert.deepEqual(all.people[0], {
    role: "student",
    id: "1",
    username: "student1",
    email: "student1@students.example",
    name: "ദിവ്യ 🎓 1",
    active: true,
    batchIds: ["4", "40"],
  });
  assert.deepEqual([all.people[1]?.name, all.people[1]?.active, all.people[1]?.email], [
    "Anil O'Neil \\ K",
    false,
    null,
  ]);
  assert.deepEqual(all.some.map((p) => [p.role, p.id, p.email, p.active]), [["mentor", "12", null, true]]);
});

Deno.test({
  name: "openLms() gives the same rows, counts and people from PostgreSQL, MariaDB and the embedded database",
  ignore: postgres === null && mariaDb === null,
  fn: async () => {
    await using embedded = await makeLms(null);
    await fill(embedded);
    const expected = await everything(await embedded.open());
    for (const server of [postgres, mariaDb].filter((s) => s !== null)) {
      await using lms = await makeLms(server, "same");
      await fill(lms);
      const source = await lms.open();
      assert.equal((await source.check()).readOnly, true);
      const all = await everything(source);
      hashesAgree(all);
      assert.deepEqual(withoutHashes(all), withoutHashes(expected), server.dialect);
      if (server.dialect === "postgres") {
        assert.deepEqual(all, expected, "the embedded database hashes as a server does");
      }
    }
  },
});

Deno.test("P8: rowsAfter() and people() read the beginning of titles, names and words, however long they are", async () => {
  const long = (word: string) => `${word} ${"ക🎓".repeat(8_000)}`.slice(0, 15_999);
  const start = (word: string) => [...long(word)].slice(0, 1_000).join("");
  for (const server of [null, postgres, mariaDb].filter((s, i) => i === 0 || s !== null)) {
    await using lms = await makeLms(server, "long");
    const { writer } = lms;
    const student = await writer.student({ id: 1, display_name: long("student"), email: long("email") });
    const course = await writer.course({ title: long("course") });
    const exam = await writer.exam({ id: 133, title: long("exam") });
    const content = await writer.content({ id: 900, content_type: "Exam", examId: exam, course_id: course });
    await writer.inChapter(content, await writer.chapter({ id: 5, name: long("chapter"), course_id: course }));
    const words = {
      state: long("state"),
      result: long("result"),
      username: long("u"),
      name: long("n"),
      email: long("e"),
    };
    await writer.attempt({ id: 1, user_id: student, exam_id: exam, ...words });
    const source = await lms.open();
    const before = (await source.rowsAfter("exam", null, 10)).rows[0];
    assert.deepEqual(
      [before?.state, before?.result, before?.studentUsername, before?.studentName, before?.studentEmail],
      ["state", "result", "u", "n", "e"].map(start),
    );
    const { title, course: courseTitle, chapter } = before?.activity ?? {};
    assert.deepEqual([title, courseTitle, chapter], ["exam", "course", "chapter"].map(start));
    const [person] = await source.people("student", ["1"]);
    assert.deepEqual([person?.name, person?.email], ["student", "email"].map(start));
    await writer.update("attempts", 1, { result: long("result").slice(0, -1) });
    const after = (await source.rowsAfter("exam", null, 10)).rows[0];
    assert.notEqual(after?.hash, before?.hash, "a change behind what is read is a change");
  }
});
