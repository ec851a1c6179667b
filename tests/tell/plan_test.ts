import assert from "node:assert/strict";
import { detect } from "../../lib/detect/detect.ts";
import type { NotifyConfig } from "../../lib/config/config.ts";
import type { AttemptRow, RowState } from "../../lib/model/attempt.ts";
import type { DetectedEvent } from "../../lib/model/event.ts";
import type { Person } from "../../lib/model/person.ts";
import { type PlanContext, planTelling } from "../../lib/tell/plan.ts";
import { at, contentRow, examRow, finishedContent, finishedExam, NOW } from "../detect/rows.ts";

const NOTIFY: NotifyConfig = {
  enabled: true,
  immediate: ["exam_completed", "exam_failed", "exam_passed"],
  digest: { events: ["exam_started", "content_started", "content_completed", "content_watched"], at: [810, 1230] },
  digestAbove: 1,
  gatherMs: 600_000,
  quiet: null,
  maxPerMentor: { messages: 12, perMs: 3_600_000 },
  revisions: "verdict",
  maxAgeMs: 72 * 3_600_000,
  mentorGraceMs: 86_400_000,
  accountGraceMs: 604_800_000,
  fallback: null,
  fuse: { messagesPerPoll: 2000, revisionsPerPoll: 500 },
  timezone: "Asia/Kolkata",
  maxAttempts: 8,
};

const STUDENT: Person = {
  role: "student",
  id: "7713",
  username: "Asha",
  email: null,
  name: "Asha",
  active: true,
  batchIds: ["4", "9"],
};

interface Case {
  readonly rows: readonly AttemptRow[];
  readonly notify?: Partial<NotifyConfig>;
  readonly students?: Partial<PlanContext["students"]>;
  readonly student?: Person | null;
  readonly firstContact?: boolean;
  readonly notifyHistory?: boolean;
}

/** The plan for the event of the last row. */
function plan({ rows, notify, students, student = STUDENT, firstContact = false, notifyHistory = false }: Case) {
  let state: RowState | null = null;
  let event: DetectedEvent | null = null;
  for (const row of rows) {
    const detection = detect(state, row, NOW);
    [state, event] = [detection.after, detection.event];
  }
  assert.ok(event !== null);
  return planTelling(event, rows.at(-1) as AttemptRow, student, {
    firstContact,
    notifyHistory,
    now: NOW,
    notify: { ...NOTIFY, ...notify },
    students: { activeOnly: true, excludeUsernames: [], batches: [], ...students },
  });
}
const suppressed = (c: Case) => plan(c).suppressed;
const OLD = at("2026-11-17T09:59:59Z"); // a second over 72 h before NOW
const corrected = (values: Partial<AttemptRow>) => [finishedExam({ score: 80 }), finishedExam(values)];

Deno.test("planTelling() makes results due now and the rest due at the next digest time", () => {
  assert.deepEqual(plan({ rows: [finishedExam()] }), {
    suppressed: null,
    tell: { status: "pending", reason: null, dueAt: NOW },
  });
  assert.deepEqual(plan({ rows: [finishedContent()] }), {
    suppressed: null,
    tell: { status: "waiting", reason: "digest", dueAt: at("2026-11-20T20:30:00+05:30") },
  });
});

Deno.test("planTelling() makes digest events due now when there are no digest times", () => {
  const telling = plan({ rows: [contentRow()], notify: { digest: { ...NOTIFY.digest, at: [] } } });
  assert.deepEqual(telling.tell, { status: "pending", reason: null, dueAt: NOW });
});

Deno.test("planTelling() lets immediate win when a type is in both lists", () => {
  assert.equal(plan({ rows: [examRow()], notify: { immediate: ["exam_started"] } }).tell?.status, "pending");
});

Deno.test("P10: planTelling() tells nobody at first contact, whatever the age of a row", () => {
  assert.equal(suppressed({ rows: [finishedExam()], firstContact: true }), "first_contact");
  assert.equal(suppressed({ rows: [finishedExam()], firstContact: true, notifyHistory: true }), null);
});

Deno.test("planTelling() suppresses everything while notifications are off, and types in neither list", () => {
  assert.equal(suppressed({ rows: [finishedExam()], notify: { enabled: false } }), "notifications_off");
  const none = { immediate: [], digest: { events: [], at: [] } };
  assert.equal(suppressed({ rows: [finishedExam()], notify: none }), "type_not_told");
});

for (
  const [revisions, verdict, score, firstResult, ungradedScore] of [
    ["verdict", null, "revision_not_told", null, "revision_not_told"],
    ["score", null, null, null, "revision_not_told"],
    ["none", "revision_not_told", "revision_not_told", null, "revision_not_told"],
  ] as const
) {
  Deno.test(`planTelling() with revisions: ${revisions} tells its corrections, and a first result always`, () => {
    const notify = { revisions };
    assert.equal(suppressed({ rows: corrected({ verdict: "fail" }), notify }), verdict);
    assert.equal(suppressed({ rows: corrected({ score: 81 }), notify }), score);
    const ungraded = finishedExam({ verdict: null });
    assert.equal(suppressed({ rows: [ungraded, finishedExam()], notify }), firstResult);
    assert.equal(suppressed({ rows: [ungraded, finishedExam({ verdict: null, score: 1 })], notify }), ungradedScore);
    const marked = finishedExam({ verdict: null, graded: true, score: 60, percentage: 60 });
    const again = finishedExam({ verdict: null, graded: true, score: 70, percentage: 70 });
    assert.equal(suppressed({ rows: [marked, again], notify }), score, "a mark without a pass mark is one, too");
  });
}

Deno.test("planTelling() stores but does not tell a row first seen in a stage older than max_age", () => {
  assert.equal(suppressed({ rows: [finishedExam({ finishedAt: OLD })] }), "too_old");
  assert.equal(suppressed({ rows: [finishedExam({ finishedAt: OLD + 1_000_000 })] }), null);
  assert.equal(suppressed({ rows: [examRow({ startedAt: OLD })] }), "too_old");
  assert.equal(suppressed({ rows: [finishedExam({ finishedAt: OLD })], notify: { maxAgeMs: null } }), null);
});

Deno.test("planTelling() tells what lmsmon saw happen and corrections, whatever the row's dates say", () => {
  const old = { startedAt: OLD, finishedAt: OLD };
  assert.equal(suppressed({ rows: [examRow(old), finishedExam(old)] }), null);
  assert.equal(suppressed({ rows: [examRow({ ...old, progress: "not_started" }), examRow(old)] }), null);
  assert.equal(suppressed({ rows: [finishedExam(old), finishedExam({ ...old, verdict: "fail" })] }), null);
});

Deno.test("planTelling() leaves out inactive students, excluded usernames and other batches", () => {
  const rows = [finishedExam()];
  const inactive = { ...STUDENT, active: false };
  assert.equal(suppressed({ rows, student: inactive }), "student_excluded");
  assert.equal(suppressed({ rows, student: inactive, students: { activeOnly: false } }), null);
  assert.equal(suppressed({ rows, students: { excludeUsernames: ["demo", "ASHA "] } }), "student_excluded");
  assert.equal(suppressed({ rows, students: { excludeUsernames: ["ash"] } }), null);
  assert.equal(suppressed({ rows, students: { batches: ["1", "9"] } }), null);
  assert.equal(suppressed({ rows, students: { batches: ["1"] } }), "student_excluded");
});

Deno.test("planTelling() tells about an unknown student, unless the row names an excluded one", () => {
  const rows = [finishedExam({ studentId: null, studentUsername: "admin" })];
  assert.equal(suppressed({ rows, student: null, students: { batches: ["1"] } }), null);
  assert.equal(suppressed({ rows, student: null, students: { excludeUsernames: ["Admin"] } }), "student_excluded");
});

Deno.test("planTelling() gives the most general reason first", () => {
  const everything: Case = {
    rows: [finishedExam({ finishedAt: OLD })],
    student: { ...STUDENT, active: false },
    firstContact: true,
    notify: { enabled: false, immediate: [] },
  };
  assert.equal(suppressed(everything), "notifications_off");
  assert.equal(suppressed({ ...everything, notify: { immediate: [] } }), "first_contact");
  assert.equal(suppressed({ ...everything, firstContact: false, notify: { immediate: [] } }), "type_not_told");
  assert.equal(suppressed({ ...everything, firstContact: false, notify: {} }), "too_old");
});
