import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigError } from "../../lib/base/errors.ts";
import { readConstants } from "../../lib/insights/constants_file.ts";
import { McpPlace, MENTORS, studentId, STUDENTS } from "../mcp/mcp_place.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";

const SMALL = { id: 42, title: "Small course", students: 5 };
const everybody = Array.from({ length: STUDENTS }, (_, i) => studentId(i + 1));
const WEIGHTS = { idle: 0, p_active: 0, p_breadth: 0, miss_rate: 0, p_sub: 0, p_score: -9, margin: 0 };

Deno.test("insights, evaluate and fit say what is wrong with what they are given, and what to give instead", async (t) => {
  await using place = await McpPlace.make(async (writer) => {
    const course = await writer.course({ id: SMALL.id, title: SMALL.title });
    const chapter = await writer.chapter({ course_id: course });
    const exam = await writer.exam({ title: "Small test" });
    await writer.inChapter(await writer.content({ course_id: course, content_type: "Exam", examId: exam }), chapter);
    const at = `${Temporal.Now.plainDateISO("UTC").subtract({ days: 3 })} 09:00:00`;
    for (let i = 0; i < SMALL.students; i++) {
      await writer.attempt({
        ...{ id: 900_000 + i, exam_id: exam, user_id: studentId(10 + i), date: at, last_answer_updated_time: at },
        ...{ state: "Completed", result: "Pass", score: 60, percentage: 60 },
      });
    }
  });
  const lmsmon = LmsmonHome.at(place.folder);
  const refused = async (args: readonly string[], code: number, says: RegExp) => {
    const ended = await lmsmon.run("insights", ...args);
    assert.deepEqual([ended.code, ended.out], [code, ""], `${args.join(" ")}: ${ended.out}${ended.err}`);
    assert.match(ended.err, says, args.join(" "));
  };
  const outcomes = async (...lines: readonly string[]) => {
    await Deno.writeTextFile(join(place.folder, "o.csv"), ["student,course,outcome", ...lines].join("\n"));
    return ["--outcomes", "o.csv"];
  };

  await t.step("a day, a course, a person", async () => {
    await refused(["--at", "2026-11-20T10:00:00Z"], 2, /is no date[^]*Write a date/);
    await refused(["--at", "0000-01-01"], 2, /is no date/);
    await refused(["--course", "999"], 1, /Cannot find course "999"[^]*did you mean 41/);
    await refused(["--course", "small"], 1, /Cannot find course "small"[^]*did you mean Small course, /);
    await refused(["--mentor", String(studentId(4))], 1, /Cannot find mentor 770004[^]*student 770004 has it/);
    await refused(["--explain", "zebra99"], 1, /Cannot find student of that username[^]*Did you mean student/);
  });
  await t.step("--explain where the other flags leave nothing of the student", async () => {
    const [student, other] = [String(studentId(30)), String(studentId(4))];
    const says = async (...args: readonly string[]) => (await lmsmon.run("insights", "--explain", ...args)).out;
    const none = "Nothing to explain: the student ";
    assert.match(
      await says(other, "--mentor", String(MENTORS[0])),
      new RegExp(`^${none}is not one of that mentor's\n`),
    );
    assert.match(await says(student, "--course", "42"), new RegExp(`^${none}does not belong to that course on `));
    assert.match(await says(student, "--course", "41"), /^student 770030 in course 41 /);
  });
  await t.step("a course with too few students", async () => {
    const { insights } = JSON.parse((await lmsmon.run("insights", "--course", "small course", "--json")).out);
    assert.equal(insights.length, SMALL.students);
    for (const { list, band, z, p, n_cohort, reasons } of insights) {
      assert.deepEqual([list, band, z, p, n_cohort], [null, null, null, null, SMALL.students]);
      assert.match(reasons.join(), /too few students in the course for a score: 5, and 30 are needed/);
    }
  });
  await t.step(
    "outcomes: a mark of bytes, line ends, quotes, usernames, the same twice, and unknown ones",
    async () => {
      const [fails = 0, ...others] = everybody;
      const lines = [
        '\uFEFF"Student" , "COURSE","outcome"',
        `${fails},"Physics",1`,
        `"${fails}" ,41,1`,
        "zebra5,PHYSICS,1",
        ...others.filter((id) => id !== studentId(5)).map((id) => `${id},41,0`),
        "987654,41,1",
        "zebra3,Chemistry,0",
        "",
      ];
      await Deno.writeTextFile(join(place.folder, "o.csv"), lines.join("\r\n"));
      const said = await lmsmon.run("insights", "evaluate", "--outcomes", "o.csv", "--json");
      assert.equal(said.code, 0, said.err);
      const { outcomes: read, unknown, unknown_first, days } = JSON.parse(said.out);
      assert.deepEqual([read, unknown, unknown_first], [STUDENTS, 2, ["987654,41", "zebra3,Chemistry"]]);
      assert.deepEqual([days[0].n, days[0].failed], [STUDENTS, 2]);
    },
  );
  await t.step("outcomes that cannot be meant, and too few of them", async () => {
    await refused(["evaluate", "--outcomes", "nowhere.csv"], 2, /nowhere\.csv: there is no such file/);
    const word = await outcomes(`${studentId(3)},41,Withdrawn`);
    await refused(["evaluate", ...word], 2, /o\.csv:2: .*neither 0 nor 1[^]*write 1/);
    const both = await outcomes(`${studentId(3)},41,1`, "zebra4,41,0", "zebra3,Physics,0");
    await refused(["evaluate", ...both], 2, /o\.csv:4: line 2 has the other outcome of the same student/);
    const nobody = await outcomes("123,41,1");
    await refused(["evaluate", ...nobody], 1, /none of the outcomes is of a student[^]*1 line about nobody .*: 123,41/);
    const all = await outcomes(...everybody.map((id, i) => `${id},41,${i % 2}`), "123,41,1");
    await refused(
      ["fit", ...all, "--out", "c.json"],
      1,
      /Cannot fit constants to 36 students: 200 with a score[^]*1 line about nobody .*: 123,41/,
    );
    await assert.rejects(Deno.stat(join(place.folder, "c.json")), Deno.errors.NotFound);
    await refused(
      ["fit", ...all, "--out", "none/c.json"],
      1,
      /Cannot write .*none\/c\.json: the folder does not exist/,
    );
  });
  await t.step("constants of the site's own, by their version", async () => {
    const config = JSON.parse(await Deno.readTextFile(join(place.folder, "config.yaml")));
    const path = join(place.folder, "constants.json");
    await lmsmon.configure({ ...config, insights: { constants: path } });
    await Deno.writeTextFile(path, JSON.stringify({ version: "site-0badcafe", intercept: 4.5, weights: WEIGHTS }));
    const { insights } = JSON.parse((await lmsmon.run("insights", "--course", "41", "--json")).out);
    assert.equal(insights.length, STUDENTS);
    for (const { score_version, z, values: { p_score } } of insights) {
      assert.equal(score_version, "site-0badcafe");
      assert.ok(Math.abs(z - (4.5 - 9 * p_score)) < 1e-4);
    }
  });
});

Deno.test("readConstants() refuses what `fit` does not write, and says where", async () => {
  const path = await Deno.makeTempFile({ prefix: "lmsmon_constants_" });
  try {
    const files: readonly [unknown, RegExp][] = [
      ["password: p4ss", /^Cannot read insights\.constants \S+: it is no JSON$/], // what it holds may be a secret
      [{ version: "site-2", intercept: 1, weights: { ...WEIGHTS, clicks: 1 } }, /Cannot use .*weights: .*clicks/],
      [{ version: "site-2", intercept: 1, weights: { ...WEIGHTS, idle: undefined } }, /weights\.idle/],
      [{ intercept: 1, weights: WEIGHTS }, /version/],
      [[], /^Cannot use insights\.constants \S+: Invalid/],
    ];
    for (const [file, says] of files) {
      await Deno.writeTextFile(path, typeof file === "string" ? file : JSON.stringify(file));
      await assert.rejects(readConstants(path), (error) => error instanceof ConfigError && says.test(error.message));
    }
  } finally {
    await Deno.remove(path);
  }
  await assert.rejects(readConstants(path), ConfigError);
});
