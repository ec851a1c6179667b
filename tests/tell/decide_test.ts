import assert from "node:assert/strict";
import { sampleEvent } from "../../lib/format/sample_event.ts";
import { decide, type DecisionPolicy } from "../../lib/tell/decide.ts";
import type { LoadedDue, LoadedRow } from "../../lib/tell/load_due.ts";

const NOW = 1_795_000_000_000_000;
const POLICY: DecisionPolicy = {
  notify: {
    digest: { events: [], at: [] },
    immediate: ["exam_completed", "exam_failed", "exam_passed"],
    digestAbove: 100, // every event a message of its own
    gatherMs: 0,
    quiet: null,
    maxPerMentor: null,
    timezone: "UTC",
    accountGraceMs: 0,
    mentorGraceMs: 0,
    fallback: null,
  },
  users: { cacheMs: 0 },
  source: { links: {} },
};

/** Events by mentor, in the order in which the mentors are claimed; `accounts` by mentor. */
function due(
  events: Readonly<Record<string, readonly number[]>>,
  accounts: Readonly<Record<string, string>>,
): LoadedDue {
  const rows = Object.entries(events).flatMap(([mentor, ids]) =>
    ids.map((id): LoadedRow => ({
      logId: `${mentor}/${id}`,
      eventId: String(id),
      pollId: "1",
      recipient: `mentor:${mentor}`,
      studentId: null,
      studentEmail: null,
      detectedAt: NOW,
      dueAt: NOW,
      planned: false,
      gathered: false,
      lmsAwayMs: 0,
      attempts: 0,
      stage: "finished",
      incarnation: 1,
      absence: null,
      told: { ...sampleEvent("exam_passed", NOW), eventId: String(id) },
    }))
  );
  const siblings = rows.map((row) => ({
    eventId: row.eventId,
    recipient: row.recipient,
    status: "pending",
    userId: null,
    underWay: false,
  }));
  return {
    rows,
    siblings: Map.groupBy(siblings, (row) => row.eventId),
    links: new Map(),
    mentors: new Map(),
    leftOut: new Set(),
    goesOn: new Set(),
    accounts: new Map(Object.entries(accounts)),
    selves: new Set(),
    recent: new Map(),
    pauses: [],
    now: NOW,
  };
}

const told = (decision: ReturnType<typeof decide>) =>
  decision.messages.map((message) => message.rows.map((row) => row.logId).join("+"));

Deno.test("decide() takes whole recipients while they fit into the room, and leaves the others out", () => {
  const decision = decide(due({ 3: [1, 2], 4: [3], 5: [4] }, { 3: "13", 4: "14", 5: "15" }), 3, POLICY);
  assert.deepEqual(told(decision), ["3/1", "3/2", "4/3"]);
  assert.deepEqual([...decision.leftOut], ["mentor:5"]);
});

Deno.test("decide() never leaves the first recipient out, however little room there is", () => {
  for (const room of [0, 1]) {
    const decision = decide(due({ 3: [1, 2], 4: [3] }, { 3: "13", 4: "14" }), room, POLICY);
    assert.deepEqual(told(decision), ["3/1", "3/2"]);
    assert.deepEqual([...decision.leftOut], ["mentor:4"]);
  }
});

Deno.test("decide() tells whoever has room when another mentor of the same account has none", () => {
  const both = due({ 3: [1], 4: [2, 3, 4], 5: [4] }, { 3: "13", 4: "same", 5: "same" });
  const roomy = decide(both, 10, POLICY);
  assert.deepEqual(roomy.suppress.map(({ row, reason }) => [row.logId, reason]), [["5/4", "duplicate"]]);
  const short = decide(both, 2, POLICY);
  assert.deepEqual([told(short), short.suppress, [...short.leftOut]], [["3/1", "5/4"], [], ["mentor:4"]]);
});

Deno.test("decide() tells the other rows of a recipient when one is not in the LMS any more, and that one to nobody", () => {
  const all = due({ 3: [1, 2, 3] }, { 3: "13" });
  const absences = new Map<string, LoadedRow["absence"]>([
    ["3/2", { replaced: false, missingSince: NOW - 1_000_000, passes: 0 }],
    ["3/3", { replaced: true, missingSince: null, passes: 0 }],
  ]);
  const rows = all.rows.map((row) => ({ ...row, absence: absences.get(row.logId) ?? null }));
  const decision = decide({ ...all, rows }, 10, POLICY);
  assert.deepEqual(told(decision), ["3/1"]);
  assert.deepEqual(decision.putOff.map(({ logId, reason }) => [logId, reason]), [["3/2", "row_missing"]]);
  assert.deepEqual(decision.suppress.map(({ row, reason }) => [row.logId, reason]), [["3/3", "row_missing"]]);
});
