import { formatMessages } from "../../lib/format/format_messages.ts";
import type { FormatContext, ToldEvent } from "../../lib/model/told_event.ts";
import { at, classmate, CONTEXT, NO_LINKS, told } from "./told_events.ts";

const corrected = {
  revision: 2,
  student: { name: "Student 4" },
  previousTold: { type: "exam_failed", verdict: "fail", score: 41, percentage: 23, at: at("2026-11-20T07:34:00Z") },
} as const;
const previous = { verdict: "fail", score: 41, percentage: 23 } as const;
const yesterday = at("2026-11-19T12:34:56Z");

/** Messages as mentors get them; the snapshot is read by people. */
const CATALOGUE: readonly (readonly [name: string, events: readonly ToldEvent[], ctx?: Partial<FormatContext>])[] = [
  ["passed", [told("exam_passed", { alsoTold: ["Mentor 2"] })]],
  ["passed just now", [told("exam_passed", { occurredAt: CONTEXT.now - 60_000_000 })]],
  ["failed, second attempt, the day before", [
    told("exam_failed", { attemptNo: 2, occurredAt: yesterday, student: { name: "Student 4" } }),
  ]],
  ["failed by a hair", [told("exam_failed", { metadata: { score: 71.5, percentage: 39.72 } })]],
  ["submitted, result not out yet", [
    told("exam_completed", { metadata: { result: "NA", percentage: 0, score: 0, correct: 0, unanswered: 45 } }),
  ]],
  ["submitted, not taken", [told("exam_completed", { metadata: { result: "Not taken", time_taken_s: null } })]],
  ["graded without a verdict", [
    told("exam_completed", { metadata: { graded: true, score: 148, percentage: 82 } }),
  ]],
  ["first result after result not out yet", [
    told("exam_passed", {
      revision: 2,
      change: "first_result",
      previousTold: { type: "exam_completed", verdict: null, score: null, percentage: null, at: yesterday },
      occurredAt: yesterday,
    }),
  ]],
  ["corrected to passed", [
    told("exam_passed", {
      ...corrected,
      change: "verdict",
      metadata: { score: 73, percentage: 41, correct: 20, incorrect: 7, unanswered: 18, previous },
    }),
  ]],
  ["corrected to failed, the first report was not told", [
    told("exam_failed", {
      ...corrected,
      change: "verdict",
      previousTold: null,
      metadata: { previous: { verdict: "pass", score: 73, percentage: 41 } },
    }),
  ]],
  ["corrected score", [
    told("exam_failed", { ...corrected, change: "score", metadata: { score: 44, percentage: 24, previous } }),
  ]],
  ["exam started", [told("exam_started")]],
  ["content started", [told("content_started")]],
  ["content completed", [told("content_completed", { title: "Formula sheet", contentType: "Attachment" })]],
  ["content watched", [told("content_watched")]],
  ["watched at an estimated time", [told("content_watched", { occurredAtApproximate: true })]],
  ["late after an outage", [told("exam_passed")], { delayedMs: 3 * 3_600_000 + 20 * 60_000 }],
  ["no link template", [told("exam_passed", { alsoTold: ["Mentor 2", "Mentor 5"] })], { links: {} }],
  ["nothing known but ids", [
    told("exam_passed", {
      attemptNo: null,
      title: null,
      course: null,
      chapter: null,
      student: { name: null, username: null },
      metadata: {
        score: null,
        percentage: null,
        correct: null,
        incorrect: null,
        unanswered: null,
        time_taken_s: null,
        duration_allowed_s: null,
        score_max: null,
        pass_percentage: null,
      },
    }),
  ]],
  ["a shared name", [told("exam_passed", { student: { nameIsShared: true, username: "s.17_b" } })]],
  ["a long title", [
    told("exam_failed", {
      title: "All India Test Series (Part 3) – Electrostatics, Current Electricity and Magnetism – Re-take for batch B",
    }),
  ]],
  ["Malayalam and Tamil", [
    told("exam_passed", { student: { name: "അനഘ ശ്രീക്കുട്ടൻ" }, title: "மின்னியல் தேர்வு 12", course: "भौतिकी" }),
  ]],
  ["a hostile student", [
    told("exam_failed", {
      student: { name: "@**all** [x](http://evil.example)\n/me `code`" },
      title: "<time:2024-01-01> :smile: $$x$$ evil.com/a?b=1 & &#64;**all** ||spoiler||",
    }),
  ]],
  ["digest: two updates", [
    classmate(4, "exam_failed"),
    classmate(17, "exam_passed"),
  ]],
  ["digest: a class wrote an exam", [
    ...[1, 2, 3].map((n) => classmate(n, "exam_passed", { metadata: { percentage: 70 + 4 * n, score: 126 + 7 * n } })),
    ...[4, 5, 6, 7].map((n) =>
      classmate(n, "exam_failed", { metadata: { percentage: 5 * n, score: 9 * n }, alsoTold: [] })
    ),
    classmate(8, "exam_completed", { title: "Rank Test 13", activityId: "134" }),
    classmate(9, "exam_passed", { ...corrected, change: "verdict", metadata: { score: 73, percentage: 41, previous } }),
    ...[10, 11].map((n) => classmate(n, "exam_started", { title: "Rank Test 13", activityId: "134" })),
    ...[12, 13, 14].map((n) => classmate(n, "content_watched", { metadata: { watched_percentage: 60 + 3 * n } })),
    classmate(15, "content_completed", { title: "Formula sheet", activityId: "272" }),
    classmate(12, "content_started", { title: "Formula sheet", activityId: "272", attemptId: "70112" }),
  ]],
  ["digest: failures only", [4, 9, 11].map((n) => classmate(n, "exam_failed", { alsoTold: ["Mentor 2"] }))],
  ["digest: one student, several failures", [
    classmate(4, "exam_failed"),
    classmate(4, "exam_failed", { attemptId: "70104", title: "Rank Test 13", activityId: "134" }),
  ]],
  ["digest: one student's evening", [
    classmate(4, "content_watched"),
    classmate(4, "content_completed", { attemptId: "70104", title: "Formula sheet", activityId: "272" }),
    classmate(4, "exam_passed", { attemptId: "70105" }),
  ]],
  ["digest: watched only", [
    ...[1, 2, 3].map((n) => classmate(n, "content_watched")),
    ...[2, 5].map((n) =>
      classmate(n, "content_watched", { title: "Gauss's law", activityId: "273", attemptId: `7020${n}` })
    ),
  ]],
  ["digest: submitted, late", [1, 2].map((n) => classmate(n, "exam_completed")), { delayedMs: 7_200_000 }],
  [
    "digest: corrections only",
    [1, 2].map((n) =>
      classmate(n, "exam_passed", { ...corrected, student: {}, change: "verdict", metadata: { score: 73, previous } })
    ),
  ],
  ["digest without links", [
    ...[1, 2].map((n) => classmate(n, "exam_passed")),
    ...[3, 4].map((n) => classmate(n, "content_watched", { occurredAtApproximate: true })),
  ], NO_LINKS],
  ["digest: two exams of one title", [
    ...[1, 2].map((n) => classmate(n, "exam_passed", { title: "Test 1" })),
    ...[3, 4].map((n) =>
      classmate(n, "exam_passed", { title: "Test 1", activityId: "9", chapter: null, course: "Maths" })
    ),
  ]],
  ...(["initials", "username"] as const).flatMap((names): typeof CATALOGUE => [
    [`names as ${names}`, [told("exam_passed", { student: { name: "priya n. Sharma", username: "priya.s" } })], {
      names,
    }],
    [`names as ${names}: nothing but ids`, [told("exam_passed", { student: { name: "…", username: null } })], {
      names,
    }],
    [`digest: names as ${names}, two of one name`, [
      ...[1, 2].map((n) => classmate(n, "exam_failed", { student: { name: "Meera Iyer", nameIsShared: true } })),
      ...[3, 4].map((n) => classmate(n, "exam_passed", { student: { name: `Élodie O'Hara-${n}` } })),
    ], { names }],
  ]),
];

for (const [name, events, changes] of CATALOGUE) {
  Deno.test(`formatMessages() reads well: ${name}`, async (t) => {
    const messages = formatMessages(events, { ...CONTEXT, ...changes });
    await t.assertSnapshot(messages.map((message) => message.content).join("\n=====\n").split("\n"));
  });
}
