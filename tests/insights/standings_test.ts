import assert from "node:assert/strict";
import { asOf, readInsights } from "../../lib/insights/read_insights.ts";
import { DEFAULT_CONSTANTS, INDICATORS, scoreOf } from "../../lib/insights/score.ts";
import { exportPatterns } from "../../lib/export/export_patterns.ts";
import { patternLine } from "../../lib/export/line_schemas.ts";
import { findPatterns, judgeDay } from "../../lib/insights/find_patterns.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { acquireLease, releaseLease } from "../../lib/state/leases.ts";
import { EVERYTHING, MemorySink } from "../export/_events.ts";
import { openCourse, type PlayedCourse } from "../support/insights/play_course.ts";
import { type OuladModule, readOuladModule } from "../support/replay/read_oulad.ts";
import { testData } from "../support/shared_data.ts";
import { valuesFromData } from "./values_from_data.ts";

const folder = await testData("oulad", "plays");
const DAY = 20;
const LATER = 24;

Deno.test({
  name: "insights of a played module are what its data says on that day, and stay so whatever comes later",
  ignore: folder === null,
  fn: async () => {
    const data = someOf(await readOuladModule(folder ?? "", "BBB"), 90);
    await using course = await openCourse(data, { firstPoll: -9 });
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
    // Somebody leaves, a due date moves, a mark is corrected, and five more days are worked.
    await course.lms.writer.update("exams", 15008, { end_date: "2014-06-01 00:00:00" });
    await course.lms.writer.update("students", Number(found[0]?.student), { is_active: false });
    const [submission] = data.submissions.flatMap(({ day }, i) => day < DAY ? [i + 1] : []);
    await course.lms.writer.update("attempts", submission ?? 0, { score: 1, percentage: 1, result: "Fail" });
    await course.playUntil(LATER);
    assert.equal(JSON.stringify(await insightsOf(course)), before);
    await course.db.sql.begin(async (tx) => { // as it was before anything was found
      await tx`delete from lmsmon.patterns`;
      assert.equal(JSON.stringify(await judgeDay(tx, day)), patterns);
      throw new RangeError("undone");
    }).catch((error) => assert.ok(error instanceof RangeError, String(error)));
    const days = await searchPatterns(course, LATER + 1);
    assert.deepEqual(
      days.map(({ day }) => day),
      [LATER - 2, LATER - 1, LATER].map(course.dateOf),
      "missed days, three at most",
    );
    assert.ok(days.reduce((sum, { found }) => sum + found, 0) > 0);
    assert.ok(days.every(({ history }) => history === 0));
    assert.deepEqual(await searchPatterns(course, LATER + 1), [], "a day is judged once");
    await linesArePatterns(course);
    const later = await insightsOf(course, LATER);
    assert.ok(later.every(({ student }) => student !== found[0]?.student), "who left is no member");
    assert.notEqual(JSON.stringify(later), before);
  },
});

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
