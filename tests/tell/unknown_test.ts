import assert from "node:assert/strict";
import type { FaultKind } from "../support/stand_in/faults.ts";
import { outboxTest } from "./outbox_fixture.ts";

const COMMITTED: FaultKind[] = [
  "500_after_commit",
  "504_after_commit",
  "reset_after_commit",
  "truncated_json",
  "not_json",
];
const LOST: FaultKind[] = ["500_before_commit", "502_html", "503_html", "504_html", "reset_before_commit"];

for (const kind of [...COMMITTED, ...LOST]) {
  outboxTest(`P5: ${kind} is looked up by its marker before anything is sent again`, async (box) => {
    box.clock.standStill();
    const three = await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    box.standIn.fault({ kind });
    const notifier = box.notifier();
    const round = await box.round(notifier);
    assert.deepEqual([round.sent, round.unknown], [0, 1]);
    assert.deepEqual(await box.states(), ["1 mentor:3 unknown"]);
    const [before] = await box.db.sql`select content from lmsmon.messages`;
    await box.event({ student: 17, mentors: [3] });
    box.clock.advance(80_000);
    await box.round(notifier);
    assert.equal(box.contents(three).length, COMMITTED.includes(kind) ? 1 : 0, "nothing passes a message in doubt");
    box.clock.advance(11_000);
    for (let i = 0; i < 3; i++) await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 sent", "2 mentor:3 sent"]);
    assert.equal(box.contents(three).length, 2);
    assert.equal(box.contents(three)[0], before?.["content"], "a resend never recomposes");
    const messages = await box.messages();
    assert.deepEqual(messages.map((message) => [message.state, message.attempts, message.crashes]), [
      ["sent", 0, 0],
      ["sent", 0, 0],
    ]);
    assert.deepEqual((await box.logs()).map((row) => row.zulip), box.standIn.messages.map((message) => message.id));
  });
}

outboxTest("P5: an answer later than the client's timeout is looked up, not sent again", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  box.standIn.fault({ kind: "late_answer" });
  const notifier = box.notifier({ zulip: { requestTimeoutMs: 6000 } }); // really waited for; what comes before has to be answered in it
  assert.equal((await box.round(notifier)).unknown, 1);
  box.clock.advance(91_000);
  await box.round(notifier);
  assert.deepEqual([await box.states(), box.contents(three).length], [["1 mentor:3 sent"], 1]);
});

outboxTest("P5: many messages in doubt are looked up by one scan over all own messages", async (box) => {
  const ids = [...Array(12).keys()].map((i) => i + 3);
  for (const id of ids) {
    await box.mentor(id);
    await box.event({ student: 100 + id, mentors: [id] });
  }
  // As after a crash of the whole process: all are marked as being sent, half of them arrived.
  box.standIn.fault({ kind: "reset_after_commit", times: 6 });
  box.standIn.fault({ kind: "reset_before_commit", times: 6 });
  const notifier = box.notifier();
  for (let i = 0; i < 4; i++) {
    await box.round(notifier);
    box.clock.advance(3000);
  }
  box.clock.advance(91_000);
  const scans = () => box.standIn.requests.filter((r) => r.method === "GET" && r.path === "/api/v1/messages").length;
  const before = scans();
  for (let i = 0; i < 4; i++) {
    await box.round(notifier);
    box.clock.advance(91_000);
  }
  assert.ok(scans() - before <= 6, `${scans() - before} scans`);
  assert.equal(box.standIn.messages.length, 12);
  assert.deepEqual(new Set((await box.logs()).map((row) => row.status)), new Set(["sent"]));
});

outboxTest("P5: a look-up that meets the rate limit is made again when Zulip says, and not before", async (box) => {
  box.clock.standStill();
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  box.standIn.fault({ kind: "500_after_commit" });
  const notifier = box.notifier();
  await box.round(notifier);
  await box.event({ student: 18, mentors: [3] });
  const look = { method: "GET", path: "/api/v1/messages" };
  box.standIn.fault({ kind: "429", times: 2, retryAfterS: 20.5, match: look });
  const looks = () => box.standIn.requests.filter((r) => r.method === look.method && r.path === look.path).length;
  box.clock.advance(91_000);
  const before = looks();
  for (const seen of [1, 2]) {
    assert.equal((await box.round(notifier)).sent, 0);
    const due = await notifier.nextDueAt() ?? 0;
    assert.ok(due - box.clock.now() > 19_000_000 && due - box.clock.now() < 21_000_000, String(due - box.clock.now()));
    box.clock.advance(15_000);
    await box.round(notifier);
    assert.equal(looks() - before, seen, "nobody asks while Zulip wants to be left alone");
    box.clock.advance(6_000);
  }
  for (let i = 0; i < 2; i++) await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "2 mentor:3 sent"]);
  assert.equal(box.contents(three).length, 2);
});

outboxTest("P5: what a crashed process was sending becomes unknown, and is looked up after it settled", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  await box.event({ student: 17, mentors: [3] });
  await box.event({ student: 18, mentors: [4] });
  const first = box.notifier();
  await box.round(first);
  // Back to the moment between the POST and its record, and for mentor 4 before the POST.
  await box.db.sql`
    update lmsmon.messages set state = 'sending', claimed_by = 'dead', zulip_message_id = null, finished_at = null,
           started_at = clock_timestamp()`;
  await box.db
    .sql`update lmsmon.lms_event_logs set status = 'sending', notification_message_id = null, processed_at = null`;
  await box.db.sql`
    update lmsmon.recipients set claimed_by = 'dead', claim_expires_at = clock_timestamp() + interval '1 hour', next_due_at = now()`;
  const lost = box.standIn.realm.messages.findIndex((message) => message.participants.includes(four));
  box.standIn.realm.messages.splice(lost, 1);
  for (const index of [box.standIn.realm.bySender, box.standIn.realm.byConversation]) {
    for (const [, list] of index) {
      const at = list.findIndex((message) => message.participants.includes(four));
      if (at >= 0) list.splice(at, 1);
    }
  }
  assert.equal((await box.round(first)).sent, 0);
  assert.deepEqual(new Set((await box.logs()).map((row) => row.status)), new Set(["sending"]), "the claim still holds");
  await box.expireClaims();
  await box.round(first);
  assert.deepEqual(new Set((await box.logs()).map((row) => row.status)), new Set(["unknown"]));
  assert.deepEqual((await box.messages()).map((message) => message.crashes), [1, 1]);
  box.clock.advance(93_000);
  await box.round(first);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "2 mentor:4 sent"]);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [1, 1]);
});

outboxTest("a message that never gets an answer while others arrive is poison and ends as dead", async (box) => {
  await box.mentor(3);
  const four = await box.mentor(4);
  const notifier = box.notifier();
  await box.event({ student: 17, mentors: [3], title: "Poison" });
  box.standIn.fault({ kind: "500_before_commit", times: 100, match: { contentIncludes: "Poison" } });
  let rounds = 0;
  for (; rounds < 40; rounds++) {
    await box.event({ student: 18, mentors: [4] });
    for (let i = 0; i < 3; i++) {
      await box.round(notifier);
      box.clock.advance(35_000);
    }
    if ((await box.logs())[0]?.status === "dead") break;
  }
  assert.ok(rounds >= 9 && rounds < 39, String(rounds));
  assert.equal((await box.messages()).find((message) => message.state === "dead")?.reason, "poison");
  assert.equal(box.contents(four).length, rounds + 1);
});
