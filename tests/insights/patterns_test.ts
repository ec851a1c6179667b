import assert from "node:assert/strict";
import fc from "fast-check";
import type { KnownPatternRow, PatternFactRow } from "../../sql/state/patterns.ts";
import { patternSearch } from "../../lib/app/pattern_search.ts";
import { systemClock } from "../../lib/base/clock.ts";
import type { EventType } from "../../lib/model/event_types.ts";
import type { Lease } from "../../lib/state/leases.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { defaultConfig } from "../support/default_config.ts";
import { daysToJudge } from "../../lib/insights/find_patterns.ts";
import { weeklyMessage } from "../../lib/insights/weekly_message.ts";
import { COOL_DOWN_DAYS, judgePatterns, theilSen } from "../../lib/insights/patterns.ts";
import { PATTERN_TYPES, type PatternType } from "../../lib/model/pattern_types.ts";
import { fromInstant } from "../../lib/model/time.ts";

const ACTIVE: PatternFactRow = {
  course_id: "1",
  student_id: "1",
  idle_days: 0,
  last_event_id: "9",
  here_days: 100,
  days_1: 5,
  days_2: 5,
  days_3: 5,
  days_4: 5,
  days_5: 5,
  missed_ids: [],
  missed_kinds: [],
  missed_days_ago: [],
  earlier_ids: [],
  earlier_kinds: [],
  mark_event_ids: [],
  mark_ranks: [],
  mark_days_ago: [],
};
const AS_OF = "2026-11-22";
const PAUSED = { days_1: 0, days_2: 0, days_3: 0, days_4: 0, days_5: 0 };

/** What is found of one student among three more with a number of idle days. */
function foundOf(
  row: Partial<PatternFactRow>,
  { known = [], others = 0 }: { known?: readonly Partial<KnownPatternRow>[]; others?: number } = {},
) {
  const rest = ["2", "3", "4"].map((student_id) => ({ ...ACTIVE, student_id, idle_days: others }));
  const before = known.map((one, i): KnownPatternRow => ({
    pattern_id: String(i + 1),
    student_id: "1",
    course_id: "1",
    type: "gone_quiet",
    days_ago: 40,
    is_open: true,
    activity_ids: [],
    activity_kinds: [],
    ...one,
  }));
  const day = judgePatterns([{ ...ACTIVE, ...row }, ...rest], before);
  const own = day.found.filter(({ student }) => student === "1");
  return { ...day, types: own.map(({ type }) => type), own };
}

const marks = (...ranks: number[]) => ({
  mark_ranks: ranks.map((rank) => String(Math.round(rank * 1e6))),
  mark_event_ids: ranks.map((_, i) => String(100 + i)),
  mark_days_ago: ranks.map((_, i) => String(7 * (ranks.length - i))),
});
const missed = (...ids: string[]) => ({
  missed_ids: ids,
  missed_kinds: ids.map(() => "exam"),
  missed_days_ago: ids.map((_, i) => String(2 + i)),
});

Deno.test("judgePatterns() finds each pattern from its border on, and not before it", () => {
  const cases: readonly [what: string, row: Partial<PatternFactRow>, others: number, types: readonly PatternType[]][] =
    [
      ["idle 13 days", { ...PAUSED, idle_days: 13 }, 0, []],
      ["idle 14 days", { ...PAUSED, idle_days: 14 }, 0, ["gone_quiet"]],
      ["idle 14 days, the course 6", { ...PAUSED, idle_days: 14 }, 6, ["gone_quiet"]],
      ["idle 14 days, the course 7", { ...PAUSED, idle_days: 14 }, 7, []],
      ["never active, here 14 days", { ...PAUSED, idle_days: null, last_event_id: null, here_days: 14 }, 0, [
        "gone_quiet",
      ]],
      ["never active, here 13 days", { ...PAUSED, idle_days: null, here_days: 13 }, 0, []],
      ["never active, nobody says since when", { ...PAUSED, idle_days: null, here_days: null }, 0, []],
      ["one exam missed", missed("7"), 0, ["deadline_missed"]],
      ["a third of 3 days", { days_1: 1, days_2: 3, days_3: 3, days_4: 3, days_5: 3 }, 0, ["engagement_drop"]],
      ["two of 5 days", { days_1: 2 }, 0, []],
      ["two of 6 days", { days_1: 2, days_2: 6, days_3: 6, days_4: 6, days_5: 6 }, 0, ["engagement_drop"]],
      ["none of 2.5 days", { days_1: 0, days_2: 2, days_3: 3, days_4: 2, days_5: 3 }, 0, []],
      ["the median of four is between two", { days_1: 1, days_2: 9, days_3: 2, days_4: 4, days_5: 0 }, 0, [
        "engagement_drop",
      ]],
      ["three marks", marks(0.9, 0.6, 0.3), 0, []],
      ["four marks, falling by .08", marks(0.64, 0.56, 0.48, 0.4), 0, ["performance_drop"]],
      ["four marks, falling by .079", marks(0.637, 0.558, 0.479, 0.4), 0, []],
      ["falling to .5", marks(0.8, 0.7, 0.6, 0.5), 0, []],
      ["falling to just under .5", marks(0.8, 0.7, 0.6, 0.499), 0, ["performance_drop"]],
      ["falling but for one", marks(0.8, 0.7, 0.1, 0.5, 0.4), 0, ["performance_drop"]],
      [
        "all at once",
        { ...PAUSED, idle_days: 20, days_2: 4, days_3: 4, days_4: 4, ...missed("7"), ...marks(0.9, 0.7, 0.5, 0.1) },
        0,
        [
          ...PATTERN_TYPES,
        ],
      ],
    ];
  for (const [what, row, others, types] of cases) assert.deepEqual(foundOf(row, { others }).types, types, what);
});

Deno.test("judgePatterns() says since when, and what a pattern rests on", () => {
  const [quiet] = foundOf({ ...PAUSED, idle_days: 16 }).own;
  assert.deepEqual([quiet?.sinceDaysAgo, quiet?.eventIds, quiet?.values.idle_days, quiet?.values.course_idle_days], [
    16,
    ["9"],
    16,
    0,
  ]);
  const [late] = foundOf(missed("7", "8")).own;
  assert.deepEqual([late?.sinceDaysAgo, late?.activities.map(({ id }) => id)], [3, ["7", "8"]]);
  const [falling] = foundOf(marks(0.8, 0.7, 0.6, 0.4)).own;
  assert.deepEqual([falling?.sinceDaysAgo, falling?.eventIds, falling?.values.slope], [
    28,
    ["100", "101", "102", "103"],
    -0.116667,
  ]);
});

Deno.test("a pattern is found again only after it clearly ended and four weeks have passed", () => {
  const quiet = { ...PAUSED, idle_days: 30 };
  assert.deepEqual(foundOf(quiet, { known: [{ is_open: true, days_ago: 90 }] }).types, [], "it goes on");
  assert.deepEqual(
    foundOf(quiet, { known: [{ is_open: false, days_ago: COOL_DOWN_DAYS - 1 }] }).types,
    [],
    "cool-down",
  );
  assert.deepEqual(foundOf(quiet, { known: [{ is_open: false, days_ago: COOL_DOWN_DAYS }] }).types, ["gone_quiet"]);
  const other: PatternType = "engagement_drop";
  assert.deepEqual(foundOf(quiet, { known: [{ type: other, days_ago: 1 }] }).types, ["gone_quiet"], "each has its own");
  const open = (type: PatternType) => ({ known: [{ type }] });
  const ends: readonly [PatternType, Partial<PatternFactRow>, boolean][] = [
    ["gone_quiet", { idle_days: 6 }, true],
    ["gone_quiet", { idle_days: 7 }, false],
    ["engagement_drop", { days_1: 3 }, true],
    ["engagement_drop", { days_1: 2 }, false],
    ["performance_drop", marks(0.6, 0.55, 0.51, 0.48), false],
    ["performance_drop", marks(0.5, 0.48, 0.46, 0.44), true],
    ["performance_drop", marks(0.9, 0.8, 0.7, 0.6), true],
    ["performance_drop", {}, false],
  ];
  for (const [type, row, isOver] of ends) {
    assert.deepEqual(foundOf(row, open(type)).ended, isOver ? ["1"] : [], `${type} ${JSON.stringify(row)}`);
  }
});

Deno.test("a missed deadline is withdrawn when all of its work has come, and does not hide the next one", () => {
  const known = [{ type: "deadline_missed", days_ago: 5, activity_ids: ["7", "8"] }];
  assert.deepEqual(foundOf(missed("7", "8"), { known }).withdrawn, []);
  assert.deepEqual(foundOf(missed("8"), { known }).withdrawn, []);
  assert.deepEqual(foundOf({}, { known }).withdrawn, ["1"]);
  assert.deepEqual(foundOf(missed("7", "9"), { known }).types, [], "the cool-down");
  const next = foundOf(missed("9"), { known });
  assert.deepEqual([next.withdrawn, next.types], [["1"], ["deadline_missed"]]);
  const old = [{ ...known[0], days_ago: 30 }];
  assert.deepEqual(foundOf(missed("7", "8"), { known: old }).types, [], "the same work is told once");
  assert.deepEqual(foundOf(missed("7", "9"), { known: old }).own[0]?.activities.map(({ id }) => id), ["9"]);
});

Deno.test("an assignment with the id of an exam is other work", () => {
  const exam = [{ type: "deadline_missed", days_ago: 30, activity_ids: ["7"] }];
  const assignment = { ...missed("7"), missed_kinds: ["assignment"] };
  const found = foundOf(assignment, { known: exam });
  assert.deepEqual([found.withdrawn, found.own[0]?.activities], [["1"], [{ kind: "assignment", id: "7" }]]);
  const told = [{ ...exam[0], activity_kinds: ["assignment"] }];
  assert.deepEqual([foundOf(assignment, { known: told }).own, foundOf(missed("7"), { known: told }).withdrawn], [[], [
    "1",
  ]]);
});

Deno.test("theilSen() is the slope of a line, whatever is added, and one outlier of five does not turn it", () => {
  const parts = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }));
  fc.assert(fc.property(parts, fc.integer({ min: 2, max: 9 }), ([slope, start], n) => {
    assert.equal(theilSen(Array.from({ length: n }, (_, i) => start + slope * i)), slope);
  }));
  fc.assert(fc.property(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 1000 }), (at, by) => {
    assert.ok(theilSen([5, 4, 3, 2, 1].map((y, i) => i === at ? y + by : y)) <= 0);
  }));
});

Deno.test("daysToJudge() is the day before, once its time has come, and the last three at most of what was missed", () => {
  const at = (time: string) => fromInstant(Temporal.ZonedDateTime.from(`${time}[Asia/Kolkata]`).toInstant());
  const times = { at: 6 * 60, timezone: "Asia/Kolkata" };
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), null, times), ["2026-11-19"]);
  assert.deepEqual(daysToJudge(at("2026-11-20T05:59"), null, times), ["2026-11-18"]);
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), "2026-11-19", times), []);
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), "2026-11-18", times), ["2026-11-19"]);
  const missed = ["2026-11-17", "2026-11-18", "2026-11-19"];
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), "2026-10-01", times), missed);
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), "2026-12-01", times), [], "a clock that was set back");
  assert.deepEqual(daysToJudge(at("2026-11-20T06:00"), null, { ...times, at: null }), []);
});

Deno.test("weeklyMessage() says who, why, since when and the last facts, a line each", () => {
  const asha = {
    name: "Asha Rao",
    course: "Physics",
    reasons: ["no activity for 15 days (course median: 2 days)"],
    patterns: [{ type: "gone_quiet", since: "2026-11-03" }, { type: "deadline_missed", since: "2026-11-10" }] as const,
    lastActive: "2026-11-03",
    facts: ["3 Nov, Mock 3: failed, 41 %"],
  };
  const text = weeklyMessage({ calls: [asha], came: [], asOf: AS_OF, ref: "abcde" });
  assert.deepEqual(text.split("\n"), [
    "📞 **Asha Rao** may be glad of a call",
    "",
    "**Asha Rao**, Physics",
    "- why: no activity for 15 days (course median: 2 days)",
    "- since: no activity after 3 Nov; work due on 10 Nov",
    "- 3 Nov, Mock 3: failed, 41 %",
    "",
    "*From the LMS alone, up to 22 Nov: it knows nothing of illness, holidays or work on paper.*",
    "`ref abcde`",
  ]);
  const ravi = { ...asha, name: "Ravi", patterns: [], lastActive: null };
  const two = weeklyMessage({ calls: [asha, ravi], came: [], asOf: AS_OF, ref: null });
  assert.match(two, /^📞 \*\*Asha Rao\*\* and \*\*Ravi\*\* may be glad of a call\n/);
  assert.match(two, /- since: no activity so far/);
  assert.doesNotMatch(two, /ref/);
  const four = weeklyMessage({
    calls: ["a", "b", "c", "d"].map((name) => ({ ...ravi, name })),
    came: [],
    asOf: AS_OF,
    ref: null,
  });
  assert.match(four, /^📞 \*\*4 students of yours\*\* may be glad of a call\n/);
  const came = [{ name: "Asha Rao", course: "Physics", due: ["2026-11-10", "2026-11-17"] }];
  assert.match(
    weeklyMessage({ calls: [ravi], came, asOf: AS_OF, ref: null }),
    /\n\n✅ No longer missing, of what was named before:\n- \*\*Asha Rao\*\*, Physics: work due on 10 Nov and work due on 17 Nov\n\n/,
  );
  assert.equal(
    weeklyMessage({ calls: [], came, asOf: AS_OF, ref: "abcde" }),
    "✅ **No longer missing**, of what was named before\n" +
      "- **Asha Rao**, Physics: work due on 10 Nov and work due on 17 Nov\n`ref abcde`",
  );
});

Deno.test("no patterns are searched while poll.event_types leaves out a finish of exams", async () => {
  const config = await defaultConfig();
  const asked: string[] = [];
  const db = new Proxy({}, { get: (_, name) => void asked.push(String(name)) }) as StateDb;
  const search = async (eventTypes: readonly EventType[]) => {
    asked.length = 0;
    const some = { ...config, poll: { ...config.poll, eventTypes } };
    const lease = { source: "lms" } as Lease;
    await patternSearch({ db, config: some, clock: systemClock })(lease, new AbortController().signal);
    return asked.length > 0;
  };
  assert.equal(await search(["exam_failed", "exam_passed", "content_started"]), false);
  assert.equal(await search(["exam_failed", "exam_passed", "exam_completed"]), true);
});
