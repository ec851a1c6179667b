import assert from "node:assert/strict";
import fc from "fast-check";
import { sampleEvent } from "../../lib/format/sample_event.ts";
import { EVENT_TYPES, typesToldAt } from "../../lib/model/event_types.ts";
import { compose } from "../../lib/tell/compose.ts";
import type { DueRow, Recent } from "../../lib/tell/notify_types.ts";
import { quietUntil } from "../../lib/tell/times_of_day.ts";
import { type TimingPolicy, whenToTell } from "../../lib/tell/when_to_tell.ts";

const NOW = 1_795_000_000_000_000;
const MINUTE = 60_000_000;
const GATHER = 10 * MINUTE;

const POLICY: TimingPolicy = {
  immediate: typesToldAt("immediate"),
  digest: { events: typesToldAt("digest"), at: [810, 1230] },
  gatherMs: 600_000,
  quiet: null,
  maxPerMentor: { messages: 12, perMs: 3_600_000 },
  timezone: "Asia/Kolkata",
};

const due = (
  row: Partial<DueRow> & { readonly type?: (typeof EVENT_TYPES)[number]; readonly n?: number } = {},
): DueRow => {
  const { type = "exam_passed", n = 1, ...rest } = row;
  return {
    logId: String(n),
    recipient: "mentor:3",
    account: "13",
    told: { ...sampleEvent(type, NOW), eventId: String(n), attemptId: String(n), marker: String(n).padStart(16, "a") },
    stage: type.endsWith("started") ? "started" : "finished",
    incarnation: 1,
    dueAt: NOW,
    planned: false,
    gathered: false,
    lmsAwayMs: 0,
    attempts: 0,
    ...rest,
  };
};

const got = (recent: Partial<Recent> = {}): Recent => (
  { messages: 1, oldestAt: NOW - 3 * MINUTE, lastAt: NOW - 3 * MINUTE, zone: null, ...recent }
);

Deno.test("whenToTell() tells the first result at once, and what follows when the last message is as old as gather", () => {
  const ask = (recent: Recent | null, row = due(), notify = POLICY) => whenToTell(row, { now: NOW, notify, recent });
  assert.equal(ask(null), null);
  assert.equal(ask(got({ lastAt: null })), null);
  assert.deepEqual(ask(got()), { reason: "gathering", until: NOW + 7 * MINUTE });
  assert.equal(ask(got({ lastAt: NOW - GATHER })), null);
  assert.equal(ask(got(), due(), { ...POLICY, gatherMs: 0 }), null);
  assert.equal(ask(got(), due({ recipient: "channel:a/b", account: null })), null);
  assert.equal(ask(got(), due({ dueAt: NOW - 11 * MINUTE })), null, "it waited longer than gather for an outage");
  assert.equal(ask(got(), due({ type: "content_watched", planned: true })), null, "a digest comes at its time");
});

Deno.test("P13: whenToTell() puts no result off for longer than gather, but for quiet hours", () => {
  const row = fc.record({
    type: fc.constantFrom(...POLICY.immediate),
    dueAt: fc.integer({ min: NOW - 60 * MINUTE, max: NOW }),
    recipient: fc.constantFrom("mentor:3", "channel:a/b"),
  });
  const recent = fc.option(fc.record({
    messages: fc.integer({ min: 0, max: 20 }),
    oldestAt: fc.integer({ min: NOW - 120 * MINUTE, max: NOW }),
    lastAt: fc.option(fc.integer({ min: NOW - 60 * MINUTE, max: NOW })),
    zone: fc.option(fc.constantFrom("UTC", "Asia/Kolkata", "America/New_York")),
  }));
  const minute = fc.integer({ min: 0, max: 1439 });
  const notify = fc.record({
    gatherMs: fc.constantFrom(0, 1000, 600_000, 3_600_000),
    maxPerMentor: fc.option(fc.record({ messages: fc.integer({ min: 1, max: 12 }), perMs: fc.constant(3_600_000) })),
    quiet: fc.option(fc.tuple(minute, minute).filter(([from, to]) => from !== to).map(([from, to]) => ({ from, to }))),
    at: fc.constantFrom([], [810, 1230]),
  });
  fc.assert(fc.property(row, recent, notify, (values, known, { at, ...changes }) => {
    const policy = { ...POLICY, ...changes, digest: { ...POLICY.digest, at } };
    const result = due(values);
    const wait = whenToTell(result, { now: NOW, notify: policy, recent: known });
    const end = policy.quiet === null ? null : quietUntil(NOW, policy.quiet, known?.zone ?? policy.timezone);
    if (result.recipient.startsWith("channel:")) return assert.equal(wait, null);
    if (end !== null) return assert.deepEqual(wait, { reason: "quiet", until: end });
    if (wait === null) return;
    assert.equal(wait.reason, "gathering");
    assert.ok(wait.until > NOW && wait.until <= result.dueAt + policy.gatherMs * 1000);
    const again = { ...result, gathered: true, dueAt: wait.until };
    assert.equal(whenToTell(again, { now: wait.until, notify: { ...policy, quiet: null }, recent: known }), null);
  }));
});

Deno.test("P13: results at any times are each told within gather, in messages at least gather apart", () => {
  const times = fc.array(fc.integer({ min: 0, max: 120 * MINUTE }), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(times, fc.integer({ min: 1, max: 5 }), (offsets, limit) => {
    const policy = { ...POLICY, digestAbove: 1, maxPerMentor: { messages: limit, perMs: 3_600_000 } };
    const arrivals = offsets.toSorted((a, b) => a - b).map((offset, n) => due({ n, dueAt: NOW + offset }));
    let waiting: DueRow[] = [];
    const sent: number[] = [];
    const toldAt = new Map<string, number>();
    const round = (now: number) => {
      if (waiting.length === 0) return;
      const window = sent.filter((at) => at > now - 3_600_000_000);
      const recent = { messages: window.length, oldestAt: window[0] ?? null, lastAt: sent.at(-1) ?? null, zone: null };
      const [made] = compose(waiting, new Map([["mentor:3", recent]]), { now, links: {}, notify: policy }).values();
      for (const row of made?.messages.flatMap((message) => message.rows) ?? []) toldAt.set(row.logId, now);
      if (made !== undefined && made.messages.length > 0) sent.push(now);
      waiting = made?.putOff.map(({ row, until }) => ({ ...row, gathered: true, dueAt: until })) ?? [];
    };
    for (const row of arrivals) {
      for (let next = nextOf(waiting); next <= row.dueAt; next = nextOf(waiting)) round(next);
      waiting.push(row);
      round(row.dueAt);
    }
    while (waiting.length > 0) round(nextOf(waiting));
    for (const row of arrivals) assert.ok((toldAt.get(row.logId) ?? Infinity) - row.dueAt <= GATHER, "late");
    for (const [i, at] of sent.entries()) assert.ok(i === 0 || at - (sent[i - 1] ?? 0) >= GATHER, "too soon");
  }));
});

const nextOf = (waiting: readonly DueRow[]) => Math.min(...waiting.map((row) => row.dueAt));

Deno.test("compose() tells what has gathered as one message with failures first, however many may go singly", () => {
  const rows = [
    due({ n: 1, gathered: true, dueAt: NOW }),
    due({ n: 2, gathered: true, dueAt: NOW + MINUTE, type: "exam_failed" }),
    due({ n: 3 }),
  ];
  const [made] = compose(rows, new Map([["mentor:3", got()]]), {
    now: NOW,
    links: {},
    notify: { ...POLICY, digestAbove: 9 },
  })
    .values();
  assert.deepEqual(made?.messages.map(({ kind, rows: told }) => [kind, ...told.map((row) => row.logId)]), [
    ["digest", "2", "1", "3"],
  ]);
});

Deno.test("compose() leaves a start out of the message that tells its finish, and no other", () => {
  const start = (n: number, incarnation = 1) => {
    const row = due({ n: 100 + n, type: "exam_started", planned: true, incarnation });
    return { ...row, told: { ...row.told, attemptId: String(n) } };
  };
  const rows = [start(1), start(2), start(3, 2), due({ n: 1 }), due({ n: 3 }), due({ n: 4 })];
  const told = (notify: Partial<TimingPolicy & { digestAbove: number }>, all = rows) => {
    const [made] = compose(all, new Map(), { now: NOW, links: {}, notify: { ...POLICY, digestAbove: 1, ...notify } })
      .values();
    return [
      made?.messages.map((message) => message.rows.map((row) => row.logId).sort()),
      made?.finishedSince.map((row) => row.logId),
    ];
  };
  assert.deepEqual(told({}), [[["1", "102", "103", "3", "4"]], ["101"]]);
  assert.deepEqual(told({}, [start(1), due({ n: 1 })]), [[["1"]], ["101"]]);
  const singles = [{ ...start(1), planned: false }, due({ n: 1 })];
  assert.deepEqual(told({ digestAbove: 2 }, singles), [[["1"], ["101"]], []], "they are two messages");
});

Deno.test("compose() tells two mentors with one account in messages that are gather apart", () => {
  const rows = [
    due({ n: 1 }),
    due({ n: 2, recipient: "mentor:4" }),
    due({ n: 3, recipient: "mentor:5", account: "15" }),
  ];
  const made = compose(rows, new Map(), { now: NOW, links: {}, notify: { ...POLICY, digestAbove: 1 } });
  assert.deepEqual([...made].map(([to, { messages, putOff }]) => [to, messages.length, putOff[0]?.until ?? null]), [
    ["mentor:3", 1, null],
    ["mentor:4", 0, NOW + GATHER],
    ["mentor:5", 1, null],
  ]);
});
