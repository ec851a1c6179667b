import assert from "node:assert/strict";
import { lmsQueries } from "../../sql/lms/queries.ts";
import { type Preset } from "../../sql/lms/preset.ts";
import { requirements } from "../../sql/lms/requirements.ts";
import { mysqlDialect } from "../../sql/lms/dialects/mysql.ts";
import { postgresDialect } from "../../sql/lms/dialects/postgres.ts";
import { fixed, PRESET_NAMES, presetOf } from "../../sql/lms/presets.ts";
import { testpress } from "../../sql/lms/testpress/preset.ts";
import { borrowedPostgresDriver } from "../../lib/source/postgres_driver.ts";
import { checkVersion } from "../../lib/source/schema_check.ts";
import { SqlLmsSource } from "../../lib/source/sql_lms_source.ts";
import { timeReaders } from "../../lib/source/lms_times.ts";
import { LmsError } from "../../lib/base/errors.ts";
import { makeLms } from "../support/lms/lms_database.ts";

/** An LMS with other names, other words, and less: no side table, no counts, no chapters of its own. */
const school: Preset = {
  ...testpress,
  name: "school",
  number: 77,
  kinds: {
    exam: {
      ...testpress.kinds.exam,
      table: "Sitting",
      key: "No",
      version: 3,
      columns: { state: "Phase", result: "Mark", studentId: "Pupil", activityId: "Paper", finishedAt: "Done" },
      hashed: ["Phase", "Mark", "Pupil"],
      states: { "open": "running", "handed in": "finished" },
      verdicts: { "bestanden": "pass" },
      ungraded: [],
      activity: {
        self: { table: "Paper", key: "No", columns: { title: "Name" } },
        media: null,
        placement: null,
        chapterOfContent: null,
      },
    },
    assignment: null,
    content: testpress.kinds.content,
  },
};

Deno.test("SqlLmsSource reads another LMS when given another preset, and no other code", async () => {
  await using lms = await makeLms(null);
  for (
    const statement of [
      'create table "Paper" ("No" int primary key, "Name" text)',
      'create table "Sitting" ("No" bigint primary key, "Phase" text, "Mark" text, "Pupil" int, "Paper" int, "Done" timestamptz)',
      `insert into "Paper" values (4, 'Algebra')`,
      `insert into "Sitting" values (1, 'Handed-In', 'BESTANDEN', 7, 4, '2026-11-20 10:15:00+01')`,
    ]
  ) await lms.execute(statement);
  assert.ok(lms.deps.sql);
  const source = new SqlLmsSource({
    name: "school",
    preset: fixed(school),
    look: null,
    driver: borrowedPostgresDriver(lms.deps.sql, "test", { statementTimeoutMs: 30_000, deadlineMs: 35_000 }),
    target: { dialect: "postgres", label: "test", user: "test" },
    address: { dialect: "postgres", hosts: [], database: "test" },
    times: timeReaders("UTC"),
    examDurationUnit: "auto",
  });
  await source.check();
  assert.equal(source.recipe("exam"), 774_003);
  const [row] = (await source.rowsAfter("exam", null, 10)).rows;
  assert.deepEqual(
    [row?.progress, row?.verdict, row?.studentId, row?.activity?.title, row?.score, row?.finishedAt],
    ["finished", "pass", "7", "Algebra", null, 1_795_166_100_000_000],
  );
});

Deno.test("recipe() differs between presets, dialects and kinds' versions", async () => {
  await using lms = await makeLms(null);
  const source = await lms.open();
  assert.equal(source.recipe("exam"), 14_001);
  assert.equal(new Set(PRESET_NAMES.map((preset) => presetOf({ preset })?.base.number)).size, PRESET_NAMES.length);
  assert.notEqual(postgresDialect.number, mysqlDialect.number);
});

Deno.test("requirements() holds each table once, with every column that the queries name", () => {
  const needed = requirements(testpress);
  assert.equal(new Set(needed.map((r) => r.table)).size, needed.length);
  assert.deepEqual(needed.filter((r) => r.optional).map((r) => r.table), ["ChapterToContent"]);
  const known = new Set(needed.flatMap(({ table, columns }) => [table, ...columns]));
  const queries = lmsQueries(testpress, postgresDialect, () => undefined);
  for (
    const query of [
      queries.rows("exam", { after: null, limit: 1 }),
      queries.rows("content", { ids: ["1"] }),
      queries.buckets("content", "0", "1", 1000),
      queries.people("student", { ids: ["1"] }),
      queries.links(["1"]),
      queries.batches(testpress.batches, ["1"]),
      queries.lookup(testpress.kinds.content.activity.self, ["1"], "content"),
    ]
  ) {
    const named = query.replaceAll('collate "C"', ""); // a collation is nobody's column
    for (const [, name] of named.matchAll(/"([^"]+)"/g)) assert.ok(known.has(name ?? ""), `${name} in ${query}`);
  }
});

Deno.test("requirements() of testpress leave percentile and times out of what is hashed", () => {
  const { exam, content } = testpress.kinds;
  assert.deepEqual(exam.hashed, ["user_id", "exam_id", "state", "result", "score", "percentage"]);
  assert.deepEqual(content.hashed, [
    ...["user_id", "chapter_content_id", "content_type", "state", "assessment_id"],
    "side.state",
  ]);
});

Deno.test("checkVersion() refuses a PostgreSQL that lacks what the queries use", () => {
  const target = { dialect: "postgres", label: "h:5432/lms", user: "u" } as const;
  assert.throws(
    () => checkVersion(postgresDialect, "12.3 (Debian)", target),
    (error: unknown) => error instanceof LmsError && error.hint === "14 or newer is needed",
  );
  checkVersion(postgresDialect, "14.0", target);
  checkVersion(mysqlDialect, "8.0.36", target);
});
