import assert from "node:assert/strict";
import { outboxTest } from "./outbox_fixture.ts";

outboxTest("P4: a refusal for one recipient blocks nobody else and is tried again later", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  await box.link(17, [3, 4]);
  await box.event({ student: 17, mentors: [3, 4] });
  // Zulip says no to an account that was found earlier.
  const account = box.standIn.realm.users.get(three);
  assert.ok(account);
  box.standIn.realm.users.delete(three);
  await box.db.sql`
    insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
    values ('testpress', 'mentor', 3, ${three}, 'matched', 'mentor3@inst.example')`;
  const notifier = box.notifier();
  await box.round(notifier);
  assert.equal(box.contents(four).length, 1);
  const [row] = await box.logs();
  assert.deepEqual([row?.status, row?.attempts], ["pending", 1]);
  assert.match(row?.error ?? "", /HTTP 400 BAD_REQUEST/);
  box.standIn.realm.users.set(three, account);
  await box.round(notifier);
  assert.equal(box.contents(three).length, 0, "waits before it tries again");
  box.clock.advance(3_600_000);
  await box.round(notifier);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:4 sent"]);
});

outboxTest(
  "P4: a message that stays refused is dead after max_attempts, and the administrator hears once",
  async (box) => {
    box.standIn.addChannel("mentors", { isPrivate: true });
    await box.event({ student: 17, graceUntil: 1 });
    const notifier = box.notifier();
    for (const _ of [1, 2, 3]) {
      const round = await box.round(notifier);
      assert.equal(round.circuit, "closed");
      box.clock.advance(3_600_000);
    }
    assert.deepEqual(await box.states(), ["1 channel:mentors/x dead refused"]);
    const [message] = await box.messages();
    assert.deepEqual([message?.state, message?.attempts, message?.reason], ["dead", 3, "refused"]);
    assert.match((await box.logs())[0]?.error ?? "", /Not authorized/);
    const notices = box.contents(box.standIn.owner.id);
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? "", /1 notification could not be delivered/);
  },
  { notify: { fallback: { channel: "mentors", topic: "x" } } },
);

outboxTest(
  "P4: a mentor deactivated after the message was composed waits as no_account, and is told when active again",
  async (box) => {
    const three = await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    const user = box.standIn.realm.users.get(three);
    assert.ok(user);
    const notifier = box.notifier();
    await box.db.sql`
    insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
    values ('testpress', 'mentor', 3, ${three}, 'matched', 'mentor3@inst.example')`;
    user.isActive = false;
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 pending"]);
    box.clock.advance(61_000);
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 waiting no_account"]);
    assert.deepEqual(await box.messages(), []);
    user.isActive = true;
    box.clock.advance(3_601_000);
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 sent"]);
    assert.equal(box.contents(three).length, 1);
  },
);

outboxTest("P4: 429 uses up no attempt and the message goes out when Zulip wants it to", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  box.standIn.fault({ kind: "429", times: 2, retryAfterS: 28.7 });
  const notifier = box.notifier();
  const before = box.clock.monotonicMs();
  const round = await box.round(notifier);
  assert.deepEqual([round.sent, round.circuit], [1, "closed"]);
  assert.ok(box.clock.monotonicMs() - before > 57_000);
  assert.equal(box.contents(three).length, 1);
  assert.equal((await box.messages())[0]?.attempts, 0);
});
