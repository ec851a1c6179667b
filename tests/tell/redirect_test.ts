import assert from "node:assert/strict";
import { explainAnswer } from "../../lib/app/explain.ts";
import { isRedirected } from "../../lib/tell/redirect.ts";
import { outboxTest, SOURCE, testConfig } from "./outbox_fixture.ts";

const TRIAL = { notify: { redirectTo: "boss@inst.example", fallback: { channel: "mentors", topic: "x" } } };

outboxTest("a trial: one person gets every message, the mentors none, and none of it is told later", async (box) => {
  const boss = box.standIn.addUser({ email: "Boss@inst.example", fullName: "Boss" }).id;
  box.standIn.addChannel("mentors");
  const three = await box.mentor(3, { name: "Anita @**all** Rao" });
  const shared = await box.mentor(4, { email: "shared@inst.example" });
  await box.person("mentor", 5, { email: "shared@inst.example" });
  const notifier = box.notifier();
  await box.event({ student: 17, mentors: [3] });
  await box.event({ student: 18, mentors: [4, 5] });
  await box.event({ student: 19, graceUntil: 1 });
  await box.round(notifier);
  assert.deepEqual([box.contents(three).length, box.contents(shared).length], [0, 0]);
  const got = box.contents(boss);
  assert.equal(got.length, 3, "two mentors with one account are one message, though the trial's reader is one for all");
  assert.ok(got.every(isRedirected));
  const forThree = got.find((content) => content.includes("mentor 3")) ?? "";
  assert.match(forThree, new RegExp(`^↪️ Redirected, meant for \\*\\*Anita .*mentor 3 \\(Zulip user ${three}\\):`));
  assert.doesNotMatch(forThree, /@\*\*/);
  assert.ok(got.some((content) => content.includes("channel")));
  assert.deepEqual(await box.states(), [
    "1 mentor:3 suppressed redirected",
    "2 mentor:4 suppressed redirected",
    "2 mentor:5 suppressed duplicate",
    "3 channel:mentors/x suppressed redirected",
  ]);
  assert.ok((await box.logs()).every((row) => !row.sent));
  const accounts = await box.db
    .sql`select zulip_user_id::int as id from lmsmon.lms_event_logs where recipient = 'mentor:3'`;
  assert.deepEqual(accounts.map(({ id }) => id), [three]);

  // The trial is over: what comes is told to the mentors, what was redirected is not.
  const after = box.notifier({ notify: {} });
  box.clock.advance(3_700_000);
  await box.event({ student: 17, mentors: [3] });
  const round = await box.round(after);
  assert.deepEqual([round.guarded, round.sent], [false, 1]);
  assert.equal(box.contents(three).length, 1);
  const { lines } = await explainAnswer(
    { db: box.db, config: testConfig(box.standIn), source: SOURCE, now: box.clock.now() },
    { about: { kind: "event", id: "1" }, since: null, limit: 1 },
  );
  assert.match(lines.join("\n"), /Not told to mentor 3 \(suppressed .*: redirected, message \d+/);
}, TRIAL);

outboxTest(
  "the guard knows redirected messages of a state that forgot them, and marks them as redirected",
  async (box) => {
    const boss = box.standIn.addUser({ email: "boss@inst.example", fullName: "Boss" }).id;
    await box.mentor(3);
    for (let i = 0; i < 3; i++) await box.event({ student: 17, mentors: [3], attempt: 700 + i });
    await box.round(box.notifier());
    const sent = box.contents(boss).length;
    await box.db
      .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
    for (let i = 0; i < 3; i++) await box.event({ student: 17, mentors: [3], attempt: 700 + i });
    const round = await box.round(box.notifier());
    assert.deepEqual([round.guarded, round.sent], [false, 0]);
    assert.equal(box.contents(boss).length, sent);
    assert.ok((await box.states()).every((line) => line.endsWith("suppressed redirected")));
  },
  { notify: { redirectTo: "boss@inst.example" } },
);

outboxTest("while redirect_to names nobody, nothing leaves, and it is said why", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  const round = await box.round(box.notifier());
  assert.match(round.trouble ?? "", /redirect_to names no active Zulip user/);
  assert.equal(box.contents(three).length, 0);
  assert.deepEqual(await box.states(), ["1 mentor:3 pending"]);
}, { notify: { redirectTo: "nobody@inst.example" } });
