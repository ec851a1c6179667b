import assert from "node:assert/strict";
import { asOf, readInsights } from "../../lib/insights/read_insights.ts";
import { DEFAULT_CONSTANTS, INDICATORS, scoreOf } from "../../lib/insights/score.ts";
import { allStudents } from "../../sql/state/agent.ts";
import { weekNumbers, type WeekNumbersRow } from "../../sql/state/week_numbers.ts";
import { leavers } from "../../sql/state/insight_names.ts";
import { weeklyMessages } from "../../lib/app/insights_weekly.ts";
import { defaultConfig } from "../support/default_config.ts";
import { courseNamed } from "../../lib/insights/find_course.ts";
import type { Insight } from "../../lib/insights/insight.ts";
import { readOutcomes } from "../../lib/insights/outcomes.ts";
import type { Queryable } from "../../lib/state/state_db.ts";
import { exportPatterns } from "../../lib/export/export_patterns.ts";
import { patternLine } from "../../lib/export/line_schemas.ts";
import { findPatterns, judgeDay } from "../../lib/insights/find_patterns.ts";
import { formatUtc, fromInstant } from "../../lib/model/time.ts";
import { acquireLease, releaseLease } from "../../lib/state/leases.ts";
import { EVERYTHING, MemorySink } from "../export/_events.ts";
import { openCourse, type PlayedCourse } from "../support/insights/play_course.ts";
import { dayZeroOf, type OuladModule, readOuladModule } from "../support/replay/read_oulad.ts";
import { testData } from "../support/shared_data.ts";
import { valuesFromData } from "./values_from_data.ts";
import { quarters, weeksFromData } from "./weeks_from_data.ts";

const folder = await testData("oulad", "plays");
const DAY = 20;
const NO_CONFIG = await defaultConfig();
const LATER = 24;

Deno.test({
  name: "insights of a played module are what its data says on that day, and stay so whatever comes later",
  ignore: folder === null,
  fn: async () => {
    const data = someOf(await readOuladModule(folder ?? "", "BBB"), 90);
    await using course = await openCourse(data, { firstPoll: FIRST_POLL });
    await course.playUntil(DAY);
    const found = await insightsOf(course);
    const expected = valuesFromData(data, DAY);
    assert.deepEqual(found.map(({ student }) => student), [...expected.keys()].map(String));
    assert.ok(found.length > 60);
    for (const { student, values, z } of found) {
      const wanted = expected.get(Number(student));
      assert.ok(wanted);
      for (const name of INDICATORS) {
        assert.ok(Math.abs((values[name] ?? NaN) - wanted[name]) < 1e-9, `${student} ${name}: ${values[name]}`);
      }
      assert.ok(Math.abs((z ?? NaN) - scoreOf(wanted, DEFAULT_CONSTANTS).z) < 1e-9);
    }

    const weeks = await weeksOf(course);
    weeksAreTheData(data, weeks);
    const before = JSON.stringify(found);
    const seen = Temporal.PlainDate.from(course.dateOf(DAY + 1)).toZonedDateTime("UTC");
    const day = {
      source: course.source,
      day: course.dateOf(DAY),
      timezone: "UTC",
      seen: fromInstant(seen.toInstant()),
    };
    const patterns = JSON.stringify(await judgeDay(course.db.sql, day));
    const first = await searchPatterns(course, DAY + 1);
    assert.equal(first.length, 1);
    assert.ok(first[0]?.found === 0 && first[0].history > 0, "the first look at a course is history");
    const named = await messagesOn(course, DAY, found);
    assert.ok(named.length > 0);
    // Somebody leaves, a due date moves, a mark is corrected, and five more days are worked.
    await course.lms.writer.update("exams", 15008, { end_date: "2014-06-01 00:00:00" });
    await course.lms.writer.update("students", Number(found[0]?.student), { is_active: false });
    const [submission] = data.submissions.flatMap(({ day }, i) => day < DAY ? [i + 1] : []);
    await course.lms.writer.update("attempts", submission ?? 0, { score: 1, percentage: 1, result: "Fail" });
    await course.playUntil(LATER);
    assert.equal(JSON.stringify(await insightsOf(course)), before);
    assert.equal(JSON.stringify(await weeksOf(course)), JSON.stringify(weeks));
    await inVain(course, async (sql) => { // as it was before anything was found
      await sql`delete from lmsmon.patterns`;
      assert.equal(JSON.stringify(await judgeDay(sql, day)), patterns);
    });
    const days = await searchPatterns(course, LATER + 1);
    assert.deepEqual(
      days.map(({ day }) => day),
      [LATER - 2, LATER - 1, LATER].map(course.dateOf),
      "missed days, three at most",
    );
    assert.ok(days.reduce((sum, { found }) => sum + found, 0) > 0);
    assert.ok(days.every(({ history }) => history === 0));
    assert.deepEqual(await searchPatterns(course, LATER + 1), [], "a day is judged once");
    assert.deepEqual(await messagesOn(course, DAY, found), named, "what would have been said on a day, neither");
    await linesArePatterns(course);
    await fewAreNamed(course, await insightsOf(course, LATER));
    await leavingIsOfACourse(course, found[0]?.student ?? "");
    await severalAreNobody(course);
    const later = await insightsOf(course, LATER);
    assert.ok(later.every(({ student }) => student !== found[0]?.student), "who left is no member");
    assert.notEqual(JSON.stringify(later), before);
  },
});

const WEEKS = 6;
const FIRST_POLL = -9;

/** What a report draws of everybody. */
async function weeksOf({ db, source, dateOf }: PlayedCourse): Promise<WeekNumbersRow[]> {
  const now = Number(Temporal.Now.instant().epochNanoseconds / 1000n);
  const { day, timezone, known } = asOf(dateOf(DAY), now, "UTC");
  const until = formatUtc(known);
  const students = (await allStudents(db.sql, source)).map(({ id }) => id);
  return [
    ...await weekNumbers(db.sql, {
      ...{ source, until, seen: until, day, timezone, course: null, weeks: WEEKS },
      courses: ["1"],
      students,
    }),
  ];
}

function weeksAreTheData(data: OuladModule, rows: readonly WeekNumbersRow[]): void {
  const weekday = Temporal.PlainDate.from(dayZeroOf(data.presentation)).add({ days: DAY }).dayOfWeek;
  const asked = { day: DAY, weekday, weeks: WEEKS, firstLook: FIRST_POLL };
  let marks = 0;
  for (const { weeksAgo, students } of weeksFromData(data, asked)) {
    const ofWeek = rows.filter(({ weeks_ago }) => weeks_ago === weeksAgo);
    const own = ofWeek.flatMap(({ student_id, days, marks }) =>
      student_id === null ? [] : [[Number(student_id), { days, mark: marks }] as const]
    );
    assert.deepEqual(new Map(own), students, `${weeksAgo} weeks ago`);
    const [course, ...more] = ofWeek.filter(({ student_id }) => student_id === null);
    assert.ok(course && more.length === 0);
    const of = [...students.values()];
    const known = of.flatMap(({ mark }) => mark ?? []);
    assert.deepEqual([course.members, course.marked], [of.length, known.length]);
    assert.deepEqual([course.days_low, course.days, course.days_high], quarters(of.map(({ days }) => days)));
    if (known.length > 0) {
      [course.marks_low, course.marks, course.marks_high].forEach((mark, i) =>
        assert.ok(Math.abs((mark ?? NaN) - (quarters(known)[i] ?? NaN)) < 1e-9)
      );
    }
    marks += known.length;
  }
  assert.ok(marks > 60);
}

/** Work that is never due, which many hand in. */
const UNDATED = { id: 99_001, type: "TMA", day: null };

/** The first students of a module, so that a test takes seconds; some of them handed in what is never due, too. */
function someOf(data: OuladModule, count: number): OuladModule {
  const kept = new Set(data.students.slice(0, count));
  return {
    ...data,
    students: [...kept],
    assessments: [...data.assessments, UNDATED],
    submissions: [
      ...data.submissions.filter(({ student }) => kept.has(student)),
      ...[...kept].slice(0, count / 2).map((student) => ({ assessment: UNDATED.id, student, day: 5, score: 60 })),
    ],
    visits: data.visits.filter(({ student }) => kept.has(student)),
    registrations: new Map([...data.registrations].filter(([student]) => kept.has(student))),
    carriedOver: data.carriedOver.filter(({ student }) => kept.has(student)),
  };
}

/** As after a poll in the morning of a day. */
async function searchPatterns(course: PlayedCourse, day: number) {
  const taken = await acquireLease(course.db, course.source, "test", 60_000);
  assert.ok(taken.lease);
  const morning = Temporal.PlainDate.from(course.dateOf(day)).toZonedDateTime({ timeZone: "UTC", plainTime: "07:00" });
  const times = { at: 6 * 60, timezone: "UTC" };
  const { signal } = new AbortController();
  const found = await findPatterns(course.db, taken.lease, fromInstant(morning.toInstant()), times, signal);
  await releaseLease(course.db, taken.lease);
  return found;
}

async function linesArePatterns({ db }: PlayedCourse): Promise<void> {
  const sink = new MemorySink();
  await exportPatterns(db, { ...EVERYTHING, limit: null }, sink, new AbortController().signal);
  const lines = sink.text.trim().split("\n").map((line) => patternLine.parse(JSON.parse(line)));
  assert.equal(lines.length, Number((await db.sql`select count(*) as n from lmsmon.patterns`)[0]?.["n"]));
  assert.ok(lines.some(({ history }) => history) && lines.some(({ history }) => !history));
  assert.equal(new Set(lines.map((line) => [line.student.id, line.pattern_type, line.day].join())).size, lines.length);
}

async function messagesOn({ db, source, dateOf }: PlayedCourse, day: number, insights: readonly Insight[]) {
  const moment = asOf(dateOf(day), Number(Temporal.Now.instant().epochNanoseconds / 1000n), "UTC");
  const config = {
    source: { ...NO_CONFIG.source, name: source },
    notify: NO_CONFIG.notify,
    students: NO_CONFIG.students,
  };
  const week = { config, at: moment, now: moment.known, onlyMentor: null };
  return await weeklyMessages(db.sql, insights, week);
}

async function fewAreNamed(course: PlayedCourse, insights: readonly Insight[]): Promise<void> {
  const messages = await messagesOn(course, LATER, insights);
  const sure = insights.filter(({ p }) => (p ?? 0) >= 0.6).length;
  assert.ok(messages.length > 0 && sure > 0);
  for (const { content } of messages) {
    const students = content.split("\n- why: ").length - 1;
    assert.ok(students >= 1 && students <= 2, content);
    assert.equal(content.split("\n- since: ").length - 1, students);
  }
}

/** Undone afterwards. */
async function inVain({ db }: PlayedCourse, work: (sql: Queryable) => Promise<void>): Promise<void> {
  const undone = new RangeError("undone");
  await db.sql.begin(async (tx) => {
    await work(tx);
    throw undone;
  }).catch((error) => assert.equal(error, undone));
}

async function leavingIsOfACourse(course: PlayedCourse, inactive: string): Promise<void> {
  const { source } = course;
  await inVain(course, async (sql) => {
    await sql`
      insert into lmsmon.enrolments (source, student_id, scope, scope_id, seen_at, replaced_at, active) values
        (${source}, 1, 'course', 5, '2014-02-01', '2014-03-01', true), (${source}, 1, 'course', 6, '2014-02-01', null, true),
        (${source}, 2, 'course', 5, '2014-02-01', '2014-02-20', true), (${source}, 2, 'course', 5, '2014-02-20', null, false),
        (${source}, 3, 'site', 0, '2014-02-01', null, true), (${source}, 3, 'batch', 9, '2014-02-01', '2014-02-05', true)`;
    const left = new Map((await leavers(sql, source, "2014-06-01T00:00:00Z")).map((row) => [
      `${row.course_id}/${row.student_id}`,
      String(row.left_at).slice(0, 10),
    ]));
    assert.deepEqual([left.get("5/1"), left.get("6/1"), left.get("5/2")], ["2014-03-01", undefined, "2014-02-20"]);
    assert.ok(!left.has("null/3"), "who moved to another batch stays");
    assert.ok(left.has(`null/${inactive}`));
  });
}

async function severalAreNobody(course: PlayedCourse): Promise<void> {
  const { source } = course;
  const head = "student,course,outcome\n";
  await inVain(course, async (sql) => {
    await sql`
      insert into lmsmon.people (source, role, id, username, active) values
        (${source}, 'student', 1, 'Asha', true), (${source}, 'student', 2, 'asha', true)`;
    const one = await readOutcomes(sql, source, `${head}Asha,1,1\n2,1,0\nnobody,1,1\n`, "o.csv");
    assert.deepEqual([[...one.failed], one.unknown], [[["1/1", true], ["1/2", false]], ["nobody,1"]]);
    await assert.rejects(readOutcomes(sql, source, `${head}2,1,0\nASHA,1,1\n`, "o.csv"), /o\.csv:3: 2 students/);
  });
  const twins = ["Physics", "physics", "1"].map((title, i) => {
    const id = String(i + 1);
    return { course_id: id, course_key: id, title };
  });
  assert.throws(() => courseNamed(twins, "PHYSICS"), /2 have the title/);
  assert.equal(courseNamed(twins, "1")?.course_id, "1");
  assert.equal(courseNamed(twins, "Maths"), null);
}

async function insightsOf(course: PlayedCourse, day = DAY) {
  const now = Number(Temporal.Now.instant().epochNanoseconds / 1000n);
  const at = asOf(course.dateOf(day), now, "UTC");
  const insights = await readInsights(course.db.sql, {
    source: course.source,
    at,
    course: null,
    constants: DEFAULT_CONSTANTS,
  });
  return [...insights].sort((a, b) => Number(a.student) - Number(b.student));
}
