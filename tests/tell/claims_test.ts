import assert from "node:assert/strict";
import { wakeForgottenRecipients } from "../../sql/state/recipients.ts";
import { dropPoll } from "../../lib/poll/record/release.ts";
import { goToNoon, outboxTest, SOURCE } from "./outbox_fixture.ts";

outboxTest("P4: several notifiers at once tell everybody exactly once", async (box) => {
  const ids = [...Array(60).keys()].map((i) => i + 3);
  const accounts = new Map<number, number>();
  for (const id of ids) {
    accounts.set(id, await box.mentor(id));
    await box.event({
      student: 100 + id,
      mentors: [id, id % 2 === 0 ? id : 3].filter((m, i, all) => all.indexOf(m) === i),
    });
  }
  const rounds = await Promise.all([1, 2, 3].map(() => box.round(box.notifier())));
  const expected = (await box.logs()).length;
  assert.equal(rounds.reduce((sum, round) => sum + round.sent, 0), expected);
  assert.ok((await box.logs()).every((row) => row.status === "sent"));
  for (const id of ids.slice(1)) assert.equal(box.contents(accounts.get(id) ?? 0).length, 1);
  const [left] = await box.db.sql`
    select count(*)::int as claimed from lmsmon.recipients where claimed_by is not null or next_due_at is not null`;
  assert.equal(left?.["claimed"], 0);
});

outboxTest("P4: of two mentors with one account, claimed in different chunks, one is told", async (box) => {
  const shared = await box.mentor(3, { email: "shared@inst.example" });
  await box.mentor(4, { email: "shared@inst.example" });
  const between = [...Array(130).keys()].map((i) => i + 5); // more than the first chunk holds
  for (const id of between) await box.mentor(id);
  for (const id of [3, ...between]) await box.event({ student: 100 + id, mentors: id === 3 ? [3, 4] : [id] });
  await box.db.sql`
    update lmsmon.recipients set next_due_at = next_due_at - case when recipient = 'mentor:3' then interval '2 s'
                                                                  when recipient = 'mentor:4' then interval '0' else interval '1 s' end`;
  const round = await box.round(box.notifier());
  assert.equal(round.sent, between.length + 1);
  assert.equal(box.contents(shared).length, 1);
  const states = await box.states();
  assert.equal(states.filter((state) => state.endsWith(" suppressed duplicate")).length, 1);
  assert.equal(states.filter((state) => state.endsWith(" sent")).length, between.length + 1);
});

outboxTest("a claim that was taken over while its holder slept keeps it from writing and sending", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  // The process is stopped between its claim and the composing: another one takes over and tells the mentor.
  const users = Promise.withResolvers<void>();
  const slept = box.notifier();
  box.standIn.fault({
    kind: "slow_trickle",
    delayMs: 0,
    match: (request) => {
      if (request.path === "/api/v1/users") users.resolve();
      return false;
    },
  });
  await box.db.sql`truncate lmsmon.user_links`;
  const first = box.round(slept);
  await users.promise;
  await box.expireClaims();
  const second = await box.round(box.notifier());
  const one = await first;
  assert.equal(one.sent + second.sent, 1);
  assert.equal(box.contents(three).length, 1);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent"]);
});

outboxTest("nothing is sent with a claim that might not outlive the request", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  const notifier = box.notifier();
  // The machine slept (or the process was stopped) after the claim: by the time of the POST it has no time left.
  box.standIn.fault({
    kind: "429",
    match: (request) => {
      if (request.path === "/api/v1/users") box.clock.advance(60_000);
      return false;
    },
  });
  const round = await box.round(notifier);
  assert.equal(round.sent, 1, "given back, claimed again, and sent in time");
  assert.equal(box.contents(three).length, 1);
  const [row] = await box.db.sql`select claim_token::int as claims from lmsmon.recipients`;
  assert.ok(row?.["claims"] >= 2);
});

outboxTest("what waits to be sent is not in doubt when Zulip cannot say who has an account", async (box) => {
  await box.person("mentor", 4);
  await box.event({ type: "content_watched", student: 17, mentors: [4] });
  const notifier = box.notifier();
  await box.poll("held");
  await notifier.pollHeld(); // a message that is ready to leave
  box.standIn.fault({ kind: "500_before_commit", match: { method: "GET", path: "/api/v1/users" } });
  const round = await box.round(notifier);
  assert.equal(round.circuit, "open", "it was asked and failed, or this shows nothing");
  assert.deepEqual((await box.messages()).map((message) => [message.kind, message.state]), [["admin", "pending"]]);
  await box.round(notifier);
  assert.deepEqual((await box.messages()).map(({ kind, state, crashes }) => [kind, state, crashes]), [
    ["admin", "sent", 0],
  ]);
});

outboxTest(
  "deliveries that nobody would look at are found: at a start, and with wakeForgottenRecipients()",
  async (box) => {
    const three = await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    await box.db.sql`delete from lmsmon.recipients`;
    assert.equal((await box.round(box.notifier())).sent, 1);
    await box.event({ student: 17, mentors: [3] });
    await box.db.sql`update lmsmon.recipients set next_due_at = null`;
    const notifier = box.notifier();
    await wakeForgottenRecipients(box.db.sql, "testpress");
    assert.ok((await notifier.nextDueAt() ?? Infinity) <= box.clock.now());
    await box.round(notifier);
    assert.equal(box.contents(three).length, 2);
  },
);

outboxTest(
  "P11: the administrator hears of a held poll once a day, by whichever process, and how to release it",
  async (box) => {
    goToNoon(box);
    const owner = box.standIn.owner.id;
    const poll = await box.poll("held");
    await box.db.sql`update lmsmon.poll_runs set delivery_reason = 'this poll would send 3000 messages (limit 2000)'`;
    const notifier = box.notifier();
    await notifier.pollHeld();
    await box.round(notifier);
    await box.round(box.notifier());
    assert.equal(box.contents(owner).length, 1);
    assert.match(
      box.contents(owner)[0] ?? "",
      new RegExp(`poll ${poll} is held.*3000 messages.*release --poll ${poll}`, "s"),
    );
    box.clock.advance(24 * 3_600_000);
    await box.round(notifier);
    assert.equal(box.contents(owner).length, 2);
  },
);

outboxTest(
  "a notice to the administrator is told when Zulip is back, and looked up when its outcome is unknown",
  async (box) => {
    goToNoon(box);
    const admin = box.standIn.addUser({ email: "admin@inst.example" });
    await box.poll("held");
    await box.standIn.stop();
    const notifier = box.notifier();
    await notifier.pollHeld();
    await box.round(notifier);
    box.standIn.restart();
    box.standIn.fault({ kind: "reset_after_commit" });
    const round = await box.round(notifier);
    assert.equal(round.circuit, "half_open");
    assert.equal(box.contents(box.standIn.owner.id).length, 1);
    box.clock.advance(91_000);
    await box.round(notifier);
    assert.deepEqual((await box.messages()).map((message) => [message.kind, message.state]), [["admin", "sent"]]);
    assert.equal(box.contents(box.standIn.owner.id).length, 1);
    assert.equal(box.contents(admin.id).length, 0);
  },
);

outboxTest(
  "what the fuse holds is counted while it is held, and no longer once another process dropped it",
  async (box) => {
    await box.mentor(3);
    const pollId = await box.poll("held");
    await box.event({ student: 17, mentors: [3], pollId, status: "held", reason: "fuse" });
    const notifier = box.notifier();
    assert.equal((await box.round(notifier)).unfinished.get("held"), 1);
    await dropPoll(box.db, SOURCE, pollId, "a mistake");
    assert.equal((await box.round(notifier)).unfinished.get("held"), undefined);
  },
);
