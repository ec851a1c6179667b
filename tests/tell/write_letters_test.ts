import assert from "node:assert/strict";
import { findPatterns } from "../../lib/insights/find_patterns.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { acquireLease, releaseLease } from "../../lib/state/leases.ts";
import type { Lease } from "../../lib/state/leases.ts";
import { type LetterSettings, writeLetters } from "../../lib/tell/write_letters.ts";
import { openCourse, type PlayedCourse } from "../support/insights/play_course.ts";
import { type OuladModule, readOuladModule } from "../support/replay/read_oulad.ts";
import { testData } from "../support/shared_data.ts";

const folder = await testData("oulad", "plays");

/** Mondays of the term: BBB 2014B begins on a Saturday. */
const MONDAYS = [37, 44, 51, 58, 65, 72];

const SETTINGS: LetterSettings = {
  tell: { weekday: 1, at: 8 * 60, most: 2 },
  constants: DEFAULT_CONSTANTS,
  notify: { timezone: "UTC", fuse: null, redirectTo: null },
  students: { activeOnly: true, excludeUsernames: [], batches: [] },
};

interface Named {
  readonly day: string;
  readonly mentor: string;
  readonly student: string;
  readonly p: number;
}

Deno.test({
  name:
    "the naming policy over six weeks of a played module: few, none again soon, at most twice, none at the first look",
  ignore: folder === null,
  fn: async () => {
    await using course = await openCourse(fewOf(await readOuladModule(folder ?? "", "BBB"), 60), { firstPoll: 20 });
    const [first = 0, ...others] = MONDAYS;
    await course.playUntil(first - 1);
    await underLease(course, async (lease) => {
      await findPatterns(course.db, lease, morning(course, first), { at: 360, timezone: "UTC" }, never);
      const written = await writeLetters(course.db, lease, morning(course, first), SETTINGS);
      assert.deepEqual([written?.letters, written?.named], [0, 0], "the first evaluation is history");
    });
    for (const day of others) {
      await course.playUntil(day - 1);
      await underLease(course, async (lease) => {
        await findPatterns(course.db, lease, morning(course, day), { at: 360, timezone: "UTC" }, never);
        assert.ok(await writeLetters(course.db, lease, morning(course, day), SETTINGS));
        assert.equal(await writeLetters(course.db, lease, morning(course, day), SETTINGS), null, "once a week");
        assert.equal(await writeLetters(course.db, lease, morning(course, day + 1), SETTINGS), null);
      });
    }
    const named = await namedOf(course);
    assert.ok(named.length > 10, `${named.length} named`);
    assert.ok(named.every(({ p }) => p >= 0.6));
    for (const list of Map.groupBy(named, ({ day, mentor }) => `${day}/${mentor}`).values()) {
      assert.ok(list.length <= 2);
    }
    for (const list of Map.groupBy(named, ({ student }) => student).values()) {
      assert.ok(list.length <= 2, "at most twice");
      const [before, again] = list;
      if (before === undefined || again === undefined) continue;
      const days = Temporal.PlainDate.from(before.day).until(again.day).days;
      assert.ok(days >= 28 || again.p >= before.p + 0.15, `${days} days, ${before.p} then ${again.p}`);
    }
    await othersAreLeftOut(course, named);
  },
});

const never = new AbortController().signal;

/** Excluded, inactive and paused students are named to nobody, and the fuse holds a week of too many messages. */
async function othersAreLeftOut(course: PlayedCourse, named: readonly Named[]): Promise<void> {
  const { db: { sql }, source } = course;
  const last = MONDAYS.at(-1) ?? 0;
  const again = async (changes: Partial<LetterSettings>) => {
    await sql`delete from lmsmon.letters where day = ${course.dateOf(last)}`;
    await sql`delete from lmsmon.lms_event_logs`;
    await sql`delete from lmsmon.facts where name = 'letters'`;
    await underLease(
      course,
      (lease) => writeLetters(course.db, lease, morning(course, last), { ...SETTINGS, ...changes }),
    );
    return (await namedOf(course)).filter(({ day }) => day === course.dateOf(last)).map(({ student }) => student);
  };
  const before = await again({});
  assert.ok(before.length >= 3, "without what was told before there are enough");
  assert.ok(named.length > 0);
  const [inactive = "", excluded = "", paused = ""] = before;
  await sql`update lmsmon.people set active = false where role = 'student' and id = ${inactive}`;
  await sql`insert into lmsmon.pauses (source, scope, subject_id, reason) values (${source}, 'student', ${paused}, 'x')`;
  const [row] = await sql`select username from lmsmon.people where role = 'student' and id = ${excluded}`;
  const students = { ...SETTINGS.students, excludeUsernames: [String(row?.["username"]).toUpperCase()] };
  const after = await again({ students });
  for (const student of [inactive, excluded, paused]) assert.ok(!after.includes(student), student);
  assert.deepEqual(await again({ students: { ...SETTINGS.students, batches: ["999"] } }), []);

  await again({ notify: { ...SETTINGS.notify, fuse: { messagesPerPoll: 1, revisionsPerPoll: 1 } } });
  const [run] =
    await sql`select delivery, delivery_reason from lmsmon.poll_runs where mode = 'weekly' order by poll_id desc limit 1`;
  assert.match(`${run?.["delivery"]}: ${run?.["delivery_reason"]}`, /^held: \d+ weekly messages, more than 1$/);
  const held = await sql`select distinct status from lmsmon.lms_event_logs`;
  assert.deepEqual(held.map((row) => row["status"]), ["held"]);
}

async function namedOf({ db: { sql } }: PlayedCourse): Promise<Named[]> {
  return [
    ...await sql<Named[]>`
      select t.day::text as day, t.mentor_id as mentor, n.student_id as student, n.p
        from lmsmon.letters t join lmsmon.namings n using (letter_id) where n.about = 'call' order by t.day, n.position`,
  ];
}

const morning = (course: PlayedCourse, day: number) =>
  fromInstant(Temporal.PlainDateTime.from(`${course.dateOf(day)}T08:00`).toZonedDateTime("UTC").toInstant());

async function underLease(course: PlayedCourse, work: (lease: Lease) => Promise<unknown>): Promise<void> {
  const { lease } = await acquireLease(course.db, course.source, "test", 600_000);
  assert.ok(lease);
  await work(lease);
  await releaseLease(course.db, lease);
}

/** The first students, so that the test takes seconds. */
function fewOf(data: OuladModule, count: number): OuladModule {
  const kept = new Set(data.students.slice(0, count));
  return {
    ...data,
    students: [...kept],
    submissions: data.submissions.filter(({ student }) => kept.has(student)),
    visits: data.visits.filter(({ student }) => kept.has(student)),
    registrations: new Map([...data.registrations].filter(([student]) => kept.has(student))),
    carriedOver: data.carriedOver.filter(({ student }) => kept.has(student)),
  };
}
