import assert from "node:assert/strict";
import type { WriteRow } from "../../sql/lms/write_statements.ts";
import { realMariaDb, realPostgres, type TestServer } from "../support/databases.ts";
import { HIGHEST_BUCKET, LOWEST_BUCKET } from "../../lib/model/bucket.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";

const postgres = await realPostgres();
const servers: [string, TestServer | null, boolean][] = [
  ["the embedded database", null, false],
  ["PostgreSQL", postgres, postgres === null],
  ["MariaDB", await realMariaDb(), await realMariaDb() === null],
];

/** Drops every foreign key, as copies of an LMS made by a sync tool have none. */
async function withoutForeignKeys(lms: TestLms): Promise<void> {
  const q = lms.writer.dialect === "postgres" ? '"' : "`";
  const word = lms.writer.dialect === "postgres" ? "constraint" : "foreign key";
  const keys: [string, string][] = [
    ...["exam_id", "user_id"].map((c): [string, string] => ["attempts", c]),
    ...["user_id", "course_id", "chapter_id", "chapter_content_id", "assessment_id", "user_video_id"].map((
      c,
    ): [string, string] => ["content_attempts", c]),
    ["user_videos", "user_id"],
    ["user_videos", "video_id"],
    ["ChapterContent", "videoId"],
  ];
  for (const [table, column] of keys) {
    await lms.execute(`alter table ${q}${table}${q} drop ${word} ${q}${table}_${column}_fkey${q}`);
  }
}

for (const [name, server, ignore] of servers) {
  Deno.test({
    name: `P1: every column that can change an event changes the hash in ${name}, and no other column does`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "hash");
      await withoutForeignKeys(lms);
      const source = await lms.open();
      const { writer } = lms;
      const place = { user_id: 1, course_id: 1, chapter_id: 1, chapter_content_id: 1 };
      await writer.userVideo({ id: 1, user_id: 1, video_id: 1 });
      await writer.contentAttempt({ id: 1, user_video_id: 1, ...place });
      await writer.attempt({ id: 1, user_id: 12, exam_id: 3, state: "Running", result: null, score: null });

      const seen = new Map<string, string>();
      const hash = async (kind: "exam" | "content") => (await source.keyHashes(kind, [0n]))[0]?.hash ?? "none";
      const change = async (kind: "exam" | "content", table: string, values: WriteRow, matters: boolean) => {
        const before = await hash(kind);
        await writer.update(table, 1, values);
        const after = await hash(kind);
        const what = `${table} ${JSON.stringify(values, (_, v) => typeof v === "bigint" ? String(v) : v)}`;
        if (matters) {
          assert.ok(!seen.has(after), `${what} gives the hash of ${seen.get(after)}`);
          seen.set(after, what);
        } else assert.equal(after, before, what);
      };
      for (
        const values of [
          { user_id: 1, exam_id: 23 }, // "12","3" and "1","23" must not read alike
          { user_id: null },
          { exam_id: null },
          { state: "" }, // empty is not NULL
          { state: null },
          { result: "" },
          { state: "Completed", result: "Pass" },
          { result: "Pass " },
          { state: "a,b", result: null }, // no value may pass for the end of one field and the beginning of the next
          { state: "a", result: "b" },
          { state: "a,", result: "b" },
          { state: '"', result: null },
          { state: '""', result: null },
          { state: "\\", result: null },
          { state: "\\\\", result: null },
          { state: "2:ab", result: null },
          { state: " ", result: null },
          { score: 0 },
          { percentage: 0 },
          { score: null },
        ]
      ) await change("exam", "attempts", values, true);
      for (
        const values of [
          { percentile: 99.5, correct_answers_count: 3, time_taken: "1:00:00", name: "X", email: "x", username: "y" },
          { date: "2020-01-01 00:00:00", last_answer_updated_time: "2026-01-01 00:00:00", speed: 4 },
        ]
      ) await change("exam", "attempts", values, false);
      for (
        const values of [
          { state: "Completed" },
          { content_type: "notes" },
          { assessment_id: 5 },
          { chapter_content_id: 9 },
          { user_id: 9 },
        ]
      ) await change("content", "content_attempts", values, true);
      await change("content", "user_videos", { state: "Completed" }, true);
      await change("content", "user_videos", { watched_percentage: 77, remaining_duration: "3" }, false);
      await change("content", "content_attempts", { correct_answers_count: 4, completed_on: null }, false);
      // The row's own id is in it: two rows that change alike must not cancel out in a bucket.
      await writer.attempt({ id: 2, state: null, result: null });
      await writer.attempt({ id: 3, state: null, result: null });
      assert.equal(new Set((await source.keyHashes("exam", [0n])).map((h) => h.hash)).size, 3);
    },
  });

  Deno.test({
    name: `rowsAfter() drops no row of ${name} when what it refers to is missing`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "dangling");
      await withoutForeignKeys(lms);
      await lms.writer.attempt({ id: 1, user_id: 404, exam_id: 404 });
      await lms.writer.contentAttempt({
        id: 1,
        user_id: 404,
        course_id: 404,
        chapter_id: 404,
        chapter_content_id: 404,
        user_video_id: 404,
        content_type: "videoConference",
      });
      const source = await lms.open();
      const [exam] = (await source.rowsAfter("exam", null, 10)).rows;
      const nothing = { title: null, scoreMax: null, passPercentage: null, durationAllowedS: null };
      assert.deepEqual([exam?.studentId, exam?.activity], [
        "404",
        { id: "404", ...nothing, courseId: null, course: null, chapterId: null, chapter: null },
      ]);
      const [content] = (await source.rowsAfter("content", null, 10)).rows;
      assert.deepEqual([content?.watchable, content?.watchedPercentage, content?.activity], [
        true,
        null,
        { id: "404", ...nothing, courseId: "404", course: null, chapterId: "404", chapter: null },
      ]);
      assert.deepEqual(await source.people("student", ["404"]), []);
      assert.deepEqual([...await source.links(["404"])], []);
    },
  });

  Deno.test({
    name: `P9: a value of ${name} that cannot be read makes its row bad, names the column, and blocks no other row`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "bad");
      const postgres = lms.writer.dialect === "postgres";
      // Some copies of the LMS keep numbers as text.
      await lms.execute(
        postgres
          ? "alter table attempts alter score type text, alter percentage type text"
          : "alter table attempts modify score text, modify percentage text",
      );
      await lms.writer.attempt({ id: 1, score: "NA", percentage: "82.5" });
      await lms.writer.attempt({ id: 2, score: "ninety", percentage: "1" });
      await lms.writer.attempt({ id: 3, score: "148.00", percentage: "" });
      if (postgres) await lms.writer.attempt({ id: 4, date: "infinity" });
      const source = await lms.open();
      const page = await source.rowsAfter("exam", null, 10);
      assert.deepEqual(page.rows.map((r) => [r.id, r.score, r.percentage]), [
        ["1", null, 82.5],
        ["3", 148, null],
        ...(postgres ? [["4", null, null]] : []), // no time is no reason to keep a result back
      ]);
      assert.deepEqual(page.bad.map((b) => [b.kind, b.id, b.reason]), [
        ["exam", "2", "attempts.score: is no number"],
      ]);
      assert.deepEqual(
        page.bad[0]?.hash,
        (await source.keyHashes("exam", [0n]))[1]?.hash,
      );
      assert.deepEqual((await source.rowsByIds("exam", ["1", "2"])).bad.map((b) => b.id), ["2"]);
    },
  });

  Deno.test({
    name: `rowsAfter() maps the words of ${name} to progress and verdict`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "words");
      const words: [string | null, string | null, string, string | null][] = [
        ["Running", null, "running", null],
        ["RUNNING", "NA", "running", null],
        ["started", null, "running", null],
        ["in_progress", null, "running", null],
        ["0", null, "running", null],
        ["Not Started", "Not taken", "not_started", null],
        ["3", null, "not_started", null],
        ["Completed", "Pass", "finished", "pass"],
        [" COMPLETED ", "passed", "finished", "pass"],
        ["1", "FAIL", "finished", "fail"],
        ["completed", "Failed ", "finished", "fail"],
        ["Completed", "Not taken", "finished", null],
        ["Completed", null, "finished", null],
        ["did-not-finish", "Fail", "finished", "fail"],
        ["Pending Evaluation", "Fail", "finished", null],
        ["pending_evaluation", "Pass", "finished", null],
        ["Evaluation Completed", "Pass", "finished", "pass"],
        ["evaluation-completed", "Fail", "finished", "fail"],
        ["2", "Pass", "unknown", "pass"],
        ["Suspended", null, "unknown", null],
        ["constructor", "constructor", "unknown", null],
        [null, null, "unknown", null],
      ];
      await lms.writer.insert("attempts", words.map(([state, result], i) => ({ id: i + 1, state, result })));
      const { rows } = await (await lms.open()).rowsAfter("exam", null, 100);
      assert.deepEqual(rows.map((r) => [r.state, r.result, r.progress, r.verdict]), words);
    },
  });

  Deno.test({
    name: `buckets() jumps over gaps between the ids of ${name}, and firstIdFrom() finds their ends`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "gaps");
      await lms.execute(
        lms.writer.dialect === "postgres"
          ? 'alter table "content_attempts" drop constraint "content_attempts_assessment_id_fkey"; alter table attempts alter id type bigint'
          : "alter table content_attempts drop foreign key content_attempts_assessment_id_fkey",
      );
      if (lms.writer.dialect === "mysql") await lms.execute("alter table attempts modify id bigint");
      const ids = [
        -9_223_372_036_854_775_808n,
        -9_223_372_036_854_775_001n,
        -9_223_372_036_854_775_000n,
        -1500n,
        -1n,
        0n,
        999n,
        1000n,
        70_000_000_000n,
        9_007_199_254_740_993_123n,
        9_223_372_036_854_774_999n,
        9_223_372_036_854_775_000n,
        9_223_372_036_854_775_807n,
      ];
      await lms.writer.insert("attempts", ids.map((id) => ({ id, state: "Running" })));
      const source = await lms.open();
      const found = await source.buckets("exam", -(10n ** 20n), 10n ** 20n);
      assert.deepEqual(
        found.map((b) => [b.bucket, b.count]),
        [
          [-9_223_372_036_854_776n, 2],
          [-9_223_372_036_854_775n, 1],
          [-2n, 1],
          [-1n, 1],
          [0n, 2],
          [1n, 1],
          [70_000_000n, 1],
          [9_007_199_254_740_993n, 1],
          [9_223_372_036_854_774n, 1],
          [9_223_372_036_854_775n, 2],
        ],
      );
      assert.deepEqual((await source.buckets("exam", 0n, 1n)).map((b) => b.count), [2]);
      assert.deepEqual(await source.buckets("exam", 5n, 5n), []);
      assert.deepEqual((await source.keyHashes("exam", [-1n, -2n, 1n, 70_000_000n, 3n])).map((h) => h.id), [
        "-1500",
        "-1",
        "1000",
        "70000000000",
      ]);
      assert.equal(await source.firstIdFrom("exam", "1001"), "70000000000");
      assert.equal(await source.firstIdFrom("exam", "-99999"), "-1500");
      assert.equal(await source.firstIdFrom("exam", "9223372036854775001"), "9223372036854775807");
      assert.equal(await source.firstIdFrom("exam", "-9223372036854775808"), "-9223372036854775808");
      assert.deepEqual(
        (await source.keyHashes("exam", [LOWEST_BUCKET, HIGHEST_BUCKET])).map((h) => h.id),
        [...ids.slice(0, 2), ...ids.slice(-2)].map(String),
      );
      assert.deepEqual((await source.rowsAfter("exam", "999", 2)).rows.map((r) => r.id), ["1000", "70000000000"]);
      await assert.rejects(async () => await source.rowsAfter("exam", "1; drop table attempts", 2), RangeError);
    },
  });

  Deno.test({
    name: `rowsByIds(), people() and links() of ${name} take more ids than one query holds`,
    ignore,
    fn: async () => {
      await using lms = await makeLms(server, "many");
      const ids = Array.from({ length: 2500 }, (_, i) => i + 1);
      await lms.writer.insert("students", ids.map((id) => ({ id, username: `s${id}`, is_active: true })));
      await lms.writer.mentor({ id: 1 });
      await lms.writer.insert("_MentorToStudent", ids.map((id) => ({ A: 1, B: id })));
      await lms.writer.insert("attempts", ids.map((id) => ({ id, user_id: id, state: "Running" })));
      const source = await lms.open();
      const wanted = [...ids.map(String), "99999"].reverse();
      assert.deepEqual((await source.rowsByIds("exam", wanted)).rows.map((r) => r.id), ids.map(String));
      assert.deepEqual((await source.people("student", wanted)).map((p) => p.id), ids.map(String));
      assert.equal((await source.links(wanted)).size, 2500);
      let pages = 0, count = 0;
      for await (const page of source.allPeople("student")) {
        pages++;
        count += page.length;
      }
      assert.deepEqual([pages, count], [3, 2500]);
      assert.deepEqual(await source.rowsByIds("exam", []), { rows: [], bad: [] });
    },
  });
}
