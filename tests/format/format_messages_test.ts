import assert from "node:assert/strict";
import fc from "fast-check";
import { EVENT_TYPES, type EventType } from "../../lib/model/event_types.ts";
import { markersIn } from "../../lib/model/marker.ts";
import { formatDigest } from "../../lib/format/format_digest.ts";
import { formatMessages } from "../../lib/format/format_messages.ts";
import { markedLink } from "../../lib/format/marked_link.ts";
import { formatSingle } from "../../lib/format/format_single.ts";
import { codePoints } from "../../lib/format/escape_text.ts";
import type { FormatContext, FormattedMessage, ToldEvent } from "../../lib/model/told_event.ts";
import { at, classmate, CONTEXT, NO_LINKS, NOW, told } from "./told_events.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom(..."@*#<>[]()|$:./\\`~_&;! \na1", "ref ", "#n="), maxLength: 200 }),
  fc.constantFrom(
    "@**all**",
    "`ref aaaaaaaaaaaaaaaa`",
    "(#n=aaaaaaaaaaaaaaaa)",
    "ref aaaaaaaaaaaaaaaa",
    "x".repeat(5000),
  ),
  fc.constant("😀".repeat(300)),
);
const maybe = fc.option(hostile, { nil: null });
const number = fc.option(fc.oneof(fc.integer({ min: -10, max: 300 }), fc.double({ min: -1e9, max: 1e20 })), {
  nil: null,
});
const verdict = fc.constantFrom("pass", "fail", null);

const event: fc.Arbitrary<ToldEvent> = fc.record({
  type: fc.constantFrom(...EVENT_TYPES),
  n: fc.integer({ min: 1, max: 5 }),
  activityId: fc.option(fc.constantFrom("1", "2", "9007199254740993"), { nil: null }),
  title: maybe,
  course: maybe,
  chapter: maybe,
  name: maybe,
  username: maybe,
  nameIsShared: fc.boolean(),
  change: fc.constantFrom(null, "first_result", "verdict", "score"),
  revision: fc.integer({ min: 1, max: 4 }),
  alsoTold: fc.array(hostile, { maxLength: 8 }),
  age: fc.integer({ min: -1e9, max: 1e14 }),
  metadata: fc.record({
    graded: fc.option(fc.boolean(), { nil: null }),
    verdict,
    score: number,
    score_max: number,
    percentage: number,
    pass_percentage: number,
    correct: number,
    watched_percentage: number,
    time_taken_s: number,
    duration_allowed_s: number,
    result: maybe,
  }),
  told: fc.option(fc.record({ verdict, score: number, percentage: number }), { nil: null }),
}).map(({ type, n, name, username, nameIsShared, age, told: before, ...rest }) => ({
  ...classmate(n, type, { ...rest, occurredAt: NOW - age, student: { name, username, nameIsShared } }),
  previousTold: before === null ? null : { ...before, type: "exam_failed", at: NOW - age },
}));
const events = fc.array(event, { minLength: 1, maxLength: 40 }).map((list) => list.map(withOwnMarker));
const context: fc.Arbitrary<FormatContext> = fc.record({
  now: fc.constant(NOW),
  timezone: fc.constantFrom("Asia/Kolkata", "UTC", "America/New_York"),
  links: fc.constantFrom(CONTEXT.links, NO_LINKS.links, { content: "https://spa.example/#/c/{content_id}" }),
  delayedMs: fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: null }),
  names: fc.constantFrom("full", "initials", "username"),
});

function withOwnMarker(one: ToldEvent, index: number): ToldEvent {
  const digits = "abcdefghijkmnpqrstuvwxyz23456789";
  let marker = "";
  for (let rest = index; marker.length < 16; rest = Math.floor(rest / 32)) marker = digits.charAt(rest % 32) + marker;
  return { ...one, marker, ref: index % 2 === 0 ? marker : marker.slice(-5) };
}

function assertWhole(
  list: readonly ToldEvent[],
  messages: readonly FormattedMessage[],
  { links }: FormatContext,
): void {
  assert.deepEqual(messages.flatMap((message) => message.told).toSorted((a, b) => a - b), list.map((_, i) => i));
  for (const { content, told: indexes } of messages) {
    assert.ok(codePoints(content) <= 9500, `${codePoints(content)} code points`);
    assert.ok(content.isWellFormed());
    const marks = indexes.flatMap((i) => {
      const one = list[i];
      return one === undefined ? [] : [markedLink(one, links) === null ? one.ref : one.marker];
    });
    assert.deepEqual(markersIn(content).toSorted(), marks.toSorted());
    assert.ok(content.split("\n").every((line) => line === line.trimEnd()));
    assert.ok(!content.startsWith(" ") && !content.startsWith("/"));
  }
}

/** Our own markup taken away, nothing that acts may be left: what remains is ours in plain words or the LMS's, escaped. */
function assertNothingInjected(content: string): void {
  const rest = content
    .replace(/\]\((https:\/\/[\w.\-/?=#&%]+)\)/g, "")
    .replace(/\[(?=[^[\]]*)/g, "")
    .replace(/`ref [a-z0-9, ]+`/g, "")
    .replaceAll("**", "")
    .replace(/&#\d+;/g, "·");
  assert.ok(!/[@*_~`<>\]|$\\#&]/.test(rest), rest);
  assert.equal(content.split("**").length % 2, 1);
}

Deno.test("P6: formatMessages() tells every event once, in bounds, with nothing injected, whatever the LMS says", () => {
  fc.assert(
    fc.property(events, context, fc.integer({ min: 1, max: 3 }), (list, ctx, above) => {
      const messages = formatMessages(list, ctx, above);
      assertWhole(list, messages, ctx);
      assert.deepEqual(formatMessages(structuredClone(list), ctx, above), messages);
      for (const { content } of messages) assertNothingInjected(content);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a digest puts what was corrected since behind its correction, and counts it as no failure", () => {
  const before = { verdict: "fail" as const, score: 41, percentage: 23 };
  const report = (n: number, revision: number, type: EventType) => {
    const change = revision === 1 ? null : "verdict" as const;
    return classmate(n, type, { revision, change, metadata: { previous: revision === 1 ? null : before } });
  };
  for (const ctx of [CONTEXT, NO_LINKS]) {
    const list = [
      report(1, 1, "exam_completed"),
      report(2, 1, "exam_passed"),
      report(1, 2, "exam_failed"),
      report(1, 3, "exam_passed"),
    ].map(withOwnMarker);
    const messages = formatMessages(list, ctx);
    assertWhole(list, messages, ctx);
    const [digest] = messages;
    assert.match(digest?.content ?? "", /^📋 \*\*4 updates\*\*, .*1 corrected, 2 earlier reports/);
    assert.deepEqual(digest?.told, [1, 3, 0, 2]);
    assert.match(
      digest?.content ?? "",
      /now \*\*passed.*\n- before that: .*submitted.*\n- before that: .*now \*\*failed/,
    );
  }
});

Deno.test("formatMessages() splits ten thousand events by whole events", () => {
  const list = Array.from(
    { length: 10_000 },
    (_, n) => withOwnMarker(classmate(n, EVENT_TYPES[n % 7] ?? "exam_passed", { activityId: String(n % 30) }), n),
  );
  for (const ctx of [CONTEXT, NO_LINKS]) {
    const messages = formatMessages(list, ctx);
    assertWhole(list, messages, ctx);
    assert.ok(messages.length < 200, `${messages.length} messages`);
    assert.match(messages[0]?.content ?? "", /^❗ .*failed .*part 1 of \d+/);
  }
});

Deno.test("formatMessages() cuts a long digest into parts of similar length, without a stub at the end", () => {
  for (const [events, activities] of [[151, 1], [151, 40], [165, 7], [310, 3], [70, 70], [1000, 12]] as const) {
    const type = (n: number) => EVENT_TYPES[n % 3 + 1] ?? "exam_passed";
    const list = Array.from(
      { length: events },
      (_, n) => withOwnMarker(classmate(n, type(n), { activityId: String(n % activities) }), n),
    );
    for (const ctx of [CONTEXT, NO_LINKS]) {
      const lengths = formatMessages(list, ctx).map(({ content }) => codePoints(content));
      const said = `${events} events, parts of ${lengths.join(", ")}`;
      assert.ok(Math.min(...lengths) > 0.7 * Math.max(...lengths), said);
    }
  }
});

Deno.test("formatMessages() sends up to digestAbove events one by one", () => {
  const list = [classmate(1, "exam_passed"), classmate(2, "exam_failed")];
  assert.deepEqual(formatMessages(list, CONTEXT, 2).map((m) => [m.kind, ...m.told]), [["single", 0], ["single", 1]]);
  assert.deepEqual(formatMessages(list, CONTEXT).map((m) => [m.kind, ...m.told]), [["digest", 1, 0]]);
  assert.deepEqual(formatMessages([], CONTEXT), []);
});

Deno.test("formatSingle() has student, verb, exam and score within a phone's 80 characters", () => {
  const { content } = formatSingle(
    told("exam_failed", { title: "A very long title of an exam ".repeat(5), metadata: { percentage: 22.8 } }),
    CONTEXT,
  );
  const push = [...content.replaceAll("**", "")].slice(0, 80).join("");
  assert.match(push, /^❗ Student 17 failed A very long .*…: 41\/180/);
});

Deno.test("formatSingle() says just only when under ten minutes old by the LMS's own time", () => {
  const minutes = (n: number) => told("exam_passed", { occurredAt: NOW - n * 60_000_000 });
  assert.match(formatSingle(minutes(9.9), CONTEXT).content, / just passed /);
  assert.doesNotMatch(formatSingle(minutes(10), CONTEXT).content, /just/);
  assert.doesNotMatch(formatSingle({ ...minutes(1), occurredAtApproximate: true }, CONTEXT).content, /just/);
});

Deno.test("formatSingle() never tells an ungraded attempt as 0%", () => {
  const { content } = formatSingle(
    told("exam_completed", { metadata: { graded: false, score: 0, percentage: 0, correct: 0, incorrect: 0 } }),
    CONTEXT,
  );
  assert.doesNotMatch(content, /\b0\b|0%/);
  assert.match(content, /result not out yet/);
});

Deno.test("formatSingle() tells times in the zone of people, with the date when it is not today there", () => {
  const late = told("exam_passed", { occurredAt: at("2026-11-19T18:29:00Z") });
  assert.match(formatSingle(late, CONTEXT).content, /finished 19 Nov 23:59/);
  assert.match(formatSingle(late, { ...CONTEXT, timezone: "Asia/Tokyo" }).content, /finished 03:29/);
  assert.match(
    formatSingle(told("exam_passed", { occurredAt: at("2025-01-02T03:04:00Z") }), CONTEXT).content,
    /2 Jan 2025/,
  );
});

Deno.test("formatSingle() tells a result as a result to whom only the submission was told", () => {
  const before = { type: "exam_completed", verdict: null, score: null, percentage: null, at: NOW - 1e9 } as const;
  const { content } = formatSingle(
    told("exam_passed", { revision: 3, change: "verdict", previousTold: before }),
    CONTEXT,
  );
  assert.match(content, /^🎓 \*\*Student 17\*\* passed /);
});

Deno.test("formatSingle() tells another mark without a pass mark as a new result, with the one told before", () => {
  const before = { type: "exam_completed", verdict: null, score: 60, percentage: 60, at: NOW - 1e9 } as const;
  const metadata = {
    graded: true,
    verdict: null,
    score: 70,
    score_max: 100,
    percentage: 70,
    pass_percentage: null,
    result: null,
  };
  const again = told("exam_completed", { revision: 2, change: "score", previousTold: before, metadata });
  assert.match(
    formatSingle(again, CONTEXT).content,
    /^✏️ \*\*Student 17\*\* has a new result in \*\*Rank Test 12 .*: 60 → 70\/100 \(you were told 60 at /,
  );
});

Deno.test("formatDigest() puts failures first and a correction to failed among them", () => {
  const [message] = formatDigest([
    classmate(1, "exam_passed"),
    classmate(2, "exam_failed", {
      revision: 2,
      change: "verdict",
      metadata: { previous: { verdict: "pass", score: 80, percentage: 44 } },
    }),
    classmate(3, "exam_failed"),
  ], CONTEXT);
  assert.match(message?.content ?? "", /^📋 \*\*3 updates\*\*, 2 failed/);
  assert.equal(message?.told.at(-1), 0);
});

Deno.test("formatSingle() repeats no verdict of the LMS while the result is not out", () => {
  const says = (result: string) => formatSingle(told("exam_completed", { metadata: { result } }), CONTEXT).content;
  assert.doesNotMatch(says("Fail"), /LMS says|[Ff]ail/);
  assert.match(says("Withheld"), /LMS says "Withheld"/);
});
