import assert from "node:assert/strict";
import fc from "fast-check";
import { sampleEvent } from "../../lib/format/sample_event.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { markersIn } from "../../lib/model/marker.ts";
import { compose, type ComposePolicy } from "../../lib/tell/compose.ts";
import type { DueRow, Recent } from "../../lib/tell/notify_types.ts";

const NOW = 1_795_000_000_000_000;
const MINUTE = 60_000_000;

const policy = (notify: Partial<ComposePolicy["notify"]> = {}): ComposePolicy => ({
  now: NOW,
  links: {},
  notify: {
    immediate: ["exam_completed", "exam_failed", "exam_passed"],
    digest: { events: ["exam_started", "content_watched"], at: [810, 1230] },
    digestAbove: 1,
    gatherMs: 0,
    quiet: null,
    maxPerMentor: null,
    timezone: "Asia/Kolkata",
    ...notify,
  },
});

let next = 0;
function due(row: Partial<DueRow> & { readonly type?: (typeof EVENT_TYPES)[number] } = {}): DueRow {
  const id = ++next;
  const { type = "exam_passed", ...rest } = row;
  const marker = id.toString(26).padStart(16, "a").replace(
    /./g,
    (c) => "abcdefghijkmnpqrstuvwxyz23"[parseInt(c, 26)] ?? "z",
  );
  return {
    logId: String(id),
    recipient: "mentor:3",
    account: "13",
    stage: type.endsWith("started") ? "started" : "finished",
    incarnation: 1,
    told: { ...sampleEvent(type, NOW), eventId: String(id), marker, ref: marker },
    dueAt: NOW - 1000,
    planned: false,
    gathered: false,
    lmsAwayMs: 0,
    attempts: 0,
    ...rest,
  };
}

const got = (messages: number, oldestAt: number): Recent => ({ messages, oldestAt, lastAt: NOW - MINUTE, zone: null });

const only = (
  rows: DueRow[],
  recent: [string, number, number] | null = null,
  notify: Partial<ComposePolicy["notify"]> = {},
) => {
  const map = new Map(recent === null ? [] : [[recent[0], got(recent[1], recent[2])]]);
  const [composition] = compose(rows, map, policy(notify)).values();
  assert.ok(composition);
  return composition;
};

Deno.test("compose() sends up to digest_above events singly, and more of them as one digest", () => {
  const rows = [due(), due(), due()];
  assert.deepEqual(only(rows, null, { digestAbove: 3 }).messages.map((m) => m.kind), ["single", "single", "single"]);
  assert.deepEqual(only(rows, null, { digestAbove: 2 }).messages.map((m) => m.kind), ["digest"]);
  assert.deepEqual(only([due()]).messages.map((m) => m.kind), ["single"]);
});

Deno.test("compose() tells what waited for its digest time as one message, however many may go singly", () => {
  const rows = [due({ planned: true }), due({ planned: true })];
  assert.deepEqual(only(rows, null, { digestAbove: 9 }).messages.map((m) => m.kind), ["digest"]);
});

Deno.test("P13: compose() puts digest material beyond notify.max_per_mentor off until the next digest, and no result", () => {
  const limit = { digestAbove: 9, maxPerMentor: { messages: 3, perMs: 3_600_000 } };
  const content = () => due({ type: "content_watched" });
  assert.equal(only([content(), content()], ["mentor:3", 1, NOW - MINUTE], limit).messages.length, 2);
  const some = only([content(), content(), content()], ["mentor:3", 1, NOW - MINUTE], limit);
  assert.deepEqual(some.messages.map((m) => m.kind), ["digest"], "what is too much for single messages is one");
  const put = only([content(), content()], ["mentor:3", 3, NOW - MINUTE], limit);
  assert.deepEqual([put.messages.length, ...put.putOff.map(({ reason }) => reason)], [0, "rate", "rate"]);
  assert.ok(put.putOff.every(({ until }) => until > NOW));
  const freed = only([content()], ["mentor:3", 3, NOW - MINUTE], { ...limit, digest: { events: [], at: [] } });
  assert.deepEqual(freed.putOff.map(({ until }) => until), [NOW + 59 * MINUTE]);
  const results = only([content(), due(), due()], ["mentor:3", 3, NOW - MINUTE], limit);
  assert.deepEqual(
    [results.messages.length, results.messages[0]?.rows.length],
    [1, 3],
    "a message that leaves takes all",
  );
});

Deno.test("compose() neither limits the fallback channel nor what a digest time brings", () => {
  const limit = { maxPerMentor: { messages: 1, perMs: 3_600_000 } };
  assert.equal(only([due({ planned: true })], ["mentor:3", 5, NOW - MINUTE], limit).messages.length, 1);
  const channel = "channel:mentors/unmatched";
  assert.equal(only([due({ recipient: channel })], [channel, 5, NOW - MINUTE], limit).messages.length, 1);
});

Deno.test("P4: compose() tells late news as one message that says so", () => {
  const late = [due({ dueAt: NOW - 360 * MINUTE }), due()];
  const [message, ...rest] = only(late, null, { digestAbove: 9 }).messages;
  assert.equal(rest.length, 0);
  assert.match(message?.content ?? "", /6 h/);
  const away = only([due({ lmsAwayMs: 8 * 3_600_000 })]).messages[0];
  assert.match(away?.content ?? "", /8 h/);
});

Deno.test("P4: compose() puts every row into exactly one message or puts it off, and every marker into its message", () => {
  const row = fc.record({
    type: fc.constantFrom(...EVENT_TYPES),
    recipient: fc.constantFrom("mentor:3", "mentor:4", "channel:a/b"),
    dueAt: fc.integer({ min: NOW - 600 * MINUTE, max: NOW }),
    planned: fc.boolean(),
  });
  fc.assert(fc.property(
    fc.array(row, { maxLength: 60 }),
    fc.integer({ min: 1, max: 5 }),
    fc.option(fc.record({ messages: fc.integer({ min: 1, max: 4 }), perMs: fc.constant(3_600_000) })),
    fc.integer({ min: 0, max: 6 }),
    (rows, digestAbove, maxPerMentor, sent) => {
      const all = rows.map((each) => due(each));
      const recent = new Map(["mentor:3", "mentor:4"].map((to) => [to, got(sent, NOW - MINUTE)]));
      const seen: string[] = [];
      for (const [recipient, composition] of compose(all, recent, policy({ digestAbove, maxPerMentor }))) {
        for (const message of composition.messages) {
          assert.equal(message.recipient, recipient);
          assert.deepEqual(markersIn(message.content).sort(), message.rows.map((each) => each.told.marker).sort());
          assert.ok([...message.content].length <= 10_000);
          seen.push(...message.rows.map((each) => each.logId));
        }
        seen.push(...composition.finishedSince.map((each) => each.logId));
        seen.push(...composition.putOff.map(({ row: each }) => each.logId));
      }
      assert.deepEqual(seen.sort(), all.map((each) => each.logId).sort());
    },
  ));
});
