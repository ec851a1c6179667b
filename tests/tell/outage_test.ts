import assert from "node:assert/strict";
import { markersIn } from "../../lib/model/marker.ts";
import { outboxTest } from "./outbox_fixture.ts";

const troubles = (lines: readonly { level: string; message: string }[]) =>
  lines.filter((line) => /Delivery/.test(line.message)).map((line) => `${line.level} ${line.message.split(":")[0]}`);

outboxTest(
  "P4: an outage of six hours uses up no attempt; afterwards one message per mentor, exams first, with the delay",
  async (box) => {
    const mentors = await Promise.all([3, 4, 5, 6].map((id) => box.mentor(id)));
    const notifier = box.notifier();
    await box.event({ student: 13, mentors: [3] });
    await box.round(notifier);
    await box.standIn.stop();
    await box.event({ type: "content_watched", student: 20, mentors: [6] });
    for (let hour = 0; hour < 6; hour++) {
      for (const id of [3, 4, 5]) {
        await box.event({ type: "content_watched", student: 10 + id, mentors: [id] });
        await box.event({ student: 10 + id, mentors: [id] });
      }
      for (let i = 0; i < 12; i++) {
        const round = await box.round(notifier);
        assert.deepEqual([round.sent, round.circuit], [0, "open"]);
        assert.match(round.trouble ?? "", /./);
        box.clock.advance(300_000);
      }
    }
    assert.deepEqual(troubles(box.lines), ["error Delivery pauses"]);
    box.standIn.restart();
    const round = await box.round(notifier);
    assert.deepEqual([round.sent, round.messages, round.circuit], [37, 4, "closed"]);
    assert.deepEqual(troubles(box.lines), ["error Delivery pauses", "info Delivery goes on"]);
    assert.deepEqual(mentors.map((id) => box.contents(id).length), [2, 1, 1, 1]);
    const late = box.contents(mentors[1] ?? 0)[0] ?? "";
    assert.match(late, /6 h/);
    assert.equal(markersIn(late).length, 12);
    const order = box.standIn.messages.slice(1).map((message) => message.participants.at(-1));
    assert.equal(order.at(-1), mentors[3], "who has only content news comes last");
    assert.ok((await box.messages()).every((message) => message.state === "sent" && message.attempts === 0));
  },
);

outboxTest(
  "P4: after an outage singles that were composed and never sent become one message, also in a new process",
  async (box) => {
    const three = await box.mentor(3);
    for (const _ of [1, 2, 3]) await box.event({ student: 17, mentors: [3] });
    const notifier = box.notifier();
    box.standIn.fault({ kind: "401", times: 1 });
    const round = await box.round(notifier);
    assert.equal(round.sent, 3, "one 401 passes: the credentials are read again and Zulip is asked");
    for (const _ of [1, 2, 3]) await box.event({ student: 17, mentors: [3] });
    const asked = box.standIn.requestCount;
    box.standIn.fault({ kind: "401", times: 1000, match: () => true });
    assert.equal((await box.round(notifier)).circuit, "open");
    assert.ok(box.standIn.requestCount - asked < 10);
    assert.deepEqual((await box.messages()).map((message) => message.state), [
      "sent",
      "sent",
      "sent",
      "pending",
      "pending",
      "pending",
    ]);
    await box.event({ student: 17, mentors: [3] });
    box.standIn.clearFaults();
    box.clock.advance(20 * 60_000);
    const after = await box.round(box.notifier());
    assert.deepEqual([after.sent, after.messages], [4, 1]);
    assert.equal(markersIn(box.contents(three)[3] ?? "").length, 4);
  },
  { notify: { digestAbove: 5 } },
);

outboxTest("round() pauses at 401, reads the credentials again, and goes on with a new key", async (box) => {
  const three = await box.mentor(3);
  const path = await Deno.makeTempFile({ suffix: ".zuliprc" });
  await Deno.writeTextFile(path, box.standIn.zuliprc());
  const notifier = box.notifier({ zulip: { configFile: path, site: null, email: null, apiKey: null } });
  await box.event({ student: 17, mentors: [3] });
  box.standIn.rotateBotKey();
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.circuit, round.waiting], [0, "open", 1]);
  const said = box.lines.find(({ level }) => level === "error");
  assert.match(String(said?.properties?.["hint"]), /^Check the zuliprc \(email, key, site\)/);
  assert.match(round.trouble ?? "", /401|credential|key/i);
  await Deno.writeTextFile(path, box.standIn.zuliprc());
  box.clock.advance(61_000);
  const after = await box.round(notifier);
  assert.deepEqual([after.sent, after.circuit, after.trouble], [1, "closed", null]);
  assert.equal(box.contents(three).length, 1);
  await Deno.remove(path);
});

outboxTest("probes come after 1, 2, 4 … 60 seconds, and nextDueAt() says when", async (box) => {
  box.clock.standStill();
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  const notifier = box.notifier();
  await box.standIn.stop();
  await box.round(notifier);
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    const due = await notifier.nextDueAt() ?? 0;
    const seconds = Math.round((due - box.clock.now()) / 1_000_000);
    waits.push(seconds);
    box.clock.advance(seconds * 1000 + 20);
    await box.round(notifier);
  }
  assert.deepEqual(waits.slice(1, 9), [1, 2, 4, 8, 16, 32, 60, 60]);
});

outboxTest("one 500 holds up nobody: Zulip is asked at once and the others go out in the same round", async (box) => {
  const ids = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
  for (const id of ids) {
    await box.mentor(id);
    await box.event({ student: 10 + id, mentors: [id] });
  }
  const notifier = box.notifier();
  box.standIn.fault({ kind: "500_before_commit" });
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.unknown, round.circuit], [ids.length - 1, 1, "closed"]);
});

outboxTest("while every POST fails, messages are tried one at a time, ever more seldom", async (box) => {
  box.clock.standStill();
  const ids = [...Array(40).keys()].map((i) => i + 3);
  for (const id of ids) {
    await box.mentor(id);
    await box.event({ student: 100 + id, mentors: [id] });
  }
  const notifier = box.notifier();
  box.standIn.fault({ kind: "500_before_commit", times: 1000 });
  for (let i = 0; i < 60; i++) {
    await box.round(notifier);
    box.clock.advance(1000);
  }
  const posts = box.standIn.requests.filter((request) => request.method === "POST").length;
  assert.ok(posts < 30, `${posts} posts in a minute`);
  box.standIn.clearFaults();
  for (let i = 0; i < 3; i++) {
    box.clock.advance(91_000);
    await box.round(notifier);
  }
  assert.equal(box.standIn.messages.length, ids.length);
  assert.ok((await box.messages()).every((message) => message.state === "sent" && message.attempts === 0));
});

outboxTest("round() begins no new send after a stop, and gives back what it had claimed", async (box) => {
  for (const id of [3, 4, 5]) {
    await box.mentor(id);
    await box.event({ student: 10 + id, mentors: [id] });
  }
  const notifier = box.notifier();
  box.stop.abort();
  assert.equal((await box.round(notifier)).sent, 0);
  const other = box.notifier();
  const round = await other.round({ stop: new AbortController().signal });
  assert.equal(round.sent, 3);
});
