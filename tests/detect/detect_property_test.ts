import assert from "node:assert/strict";
import fc from "fast-check";
import { detect, missing } from "../../lib/detect/detect.ts";
import type { AttemptRow, RowState } from "../../lib/model/attempt.ts";
import type { Kind } from "../../lib/model/event_types.ts";
import { contentRow, examRow } from "./rows.ts";

/** What can differ between two versions of a row, as far as events go. */
const version = fc.record({
  progress: fc.constantFrom("not_started", "running", "finished", "finished", "unknown" as const),
  verdict: fc.constantFrom("pass", "fail", null),
  score: fc.constantFrom(null, 0, 41, 73),
  percentage: fc.constantFrom(null, 0, 23, 41.5),
}) as fc.Arbitrary<Pick<AttemptRow, "progress" | "verdict" | "score" | "percentage">>;
type Version = typeof version extends fc.Arbitrary<infer V> ? V : never;

const ROWS = [0, 1, 2, 3] as const;
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), row: fc.constantFrom(...ROWS), version }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), row: fc.constantFrom(...ROWS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("poll" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Rows 0 and 1 are exams, row 2 is content, row 3 content that mirrors an exam. */
const kindOf = (row: number): Kind => row < 2 ? "exam" : "content";

function lmsRow(row: number, v: Version): AttemptRow {
  const make = kindOf(row) === "exam" ? examRow : contentRow;
  const graded = kindOf(row) === "exam" ? v : { progress: v.progress };
  return make({ id: String(row), ...graded, hash: JSON.stringify(v), mirrorsExam: row === 3, watchable: false });
}

/** The program's view: polls that compare what they know with the table; `order` is the order of rows within a poll. */
function play(steps: readonly Step[], order: (rows: readonly number[]) => readonly number[]) {
  const table = new Map<number, Version>();
  const states = new Map<number, RowState>();
  const events = new Map<number, string[]>(ROWS.map((row) => [row, []]));
  let now = 1_700_000_000_000_000;
  for (const s of steps) {
    now += 1_000_000;
    if (s.do === "write") table.set(s.row, s.version);
    else if (s.do === "delete") table.delete(s.row);
    else {
      for (const row of order(ROWS)) {
        const here = table.get(row);
        const before = states.get(row) ?? null;
        if (here === undefined) {
          if (before) states.set(row, missing(before, now, 1));
          continue;
        }
        const { event, after, changed } = detect(before, lmsRow(row, here), now);
        if (!changed) assert.deepEqual(after, before);
        if (event) events.get(row)?.push(`${event.type}#${event.revision}${event.change ? ` ${event.change}` : ""}`);
        states.set(row, after);
        const again = detect(after, lmsRow(row, here), now);
        assert.deepEqual([again.event, again.changed], [null, false], "replaying the same row gives nothing");
      }
    }
  }
  return { events, states };
}

/**
 * The oracle: from the list of versions that polls saw, by filtering instead of by a state. Ungraded percentages do not
 * exist; a sighting counts when it says something that the last counted one does not.
 */
function oracle(steps: readonly Step[], row: number): string[] {
  if (row === 3) return [];
  const sightings = steps.flatMap((s, i) => {
    if (s.do !== "poll") return [];
    const last = steps.slice(0, i).findLast((t) => t.do !== "poll" && t.row === row);
    return last?.do === "write" && last.version.progress !== "unknown" ? [last.version] : [];
  });
  const firstFinish = sightings.findIndex((v) => v.progress === "finished");
  const prelude = firstFinish < 0 ? sightings : sightings.slice(0, firstFinish);
  const kind = kindOf(row);
  const told = prelude.some((v) => v.progress === "running") ? [`${kind}_started#1`] : [];
  const finishes = sightings.filter((v) => v.progress === "finished")
    .map((v) => v.verdict === null ? { ...v, percentage: null } : v);
  const [first, ...rest] = finishes;
  if (first === undefined) return told;
  if (kind === "content") return [...told, "content_completed#1"];
  const name = (v: Version) => `exam_${v.verdict === null ? "completed" : `${v.verdict}ed`}`;
  let last = first;
  let revision = 1;
  told.push(`${name(first)}#1`);
  for (const v of rest) {
    if (last.verdict !== null && v.verdict === null) continue;
    const sameWord = v.verdict === last.verdict;
    const newNumber = (["score", "percentage"] as const).some((k) => v[k] !== null && v[k] !== last[k]);
    if (sameWord && !newNumber) continue;
    const why = sameWord ? "score" : last.verdict === null ? "first_result" : "verdict";
    told.push(`${name(v)}#${++revision} ${why}`);
    last = v;
  }
  return told;
}

Deno.test("P1: detect() gives the oracle's events for any interleaving of inserts, updates, deletes and polls", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { events } = play(steps, (rows) => rows);
      for (const row of ROWS) assert.deepEqual(events.get(row), oracle(steps, row));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("P1: detect() does not depend on the order of rows within a poll", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.shuffledSubarray([...ROWS], { minLength: 4 }), (steps, order) => {
      const straight = play(steps, (rows) => rows);
      const shuffled = play(steps, () => order);
      assert.deepEqual(shuffled.events, straight.events);
      assert.deepEqual([...shuffled.states].sort(), [...straight.states].sort());
    }),
    { numRuns: 500 },
  );
});

Deno.test("P1: detect() reaches the same stage however many polls were lost in between", () => {
  fc.assert(
    fc.property(fc.array(version, { minLength: 1, maxLength: 12 }), (versions) => {
      const writes: Step[] = versions.map((v) => ({ do: "write", row: 0, version: v }));
      const finish: Step = {
        do: "write",
        row: 0,
        version: { progress: "finished", verdict: "pass", score: 73, percentage: 41.5 },
      };
      const poll: Step = { do: "poll" };
      const often = play([...writes.flatMap((w) => [w, poll]), finish, poll], (rows) => rows).states.get(0);
      const once = play([...writes, finish, poll], (rows) => rows).states.get(0);
      assert.deepEqual([often?.stage, often?.reported, often?.open], [once?.stage, once?.reported, once?.open]);
    }),
    { numRuns: 500 },
  );
});
