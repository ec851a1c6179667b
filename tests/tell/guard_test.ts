import assert from "node:assert/strict";
import { stateEpoch } from "../../lib/state/state_epoch.ts";
import { reconcile } from "../../lib/app/reconcile.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { lookBackSince, readBotFact } from "../../lib/tell/look_back.ts";
import { goToNoon, outboxTest, SOURCE } from "./outbox_fixture.ts";

const HOUR_MS = 3_600_000;

/** The state as it was before the events: what a restored backup, or an empty database, looks like. */
async function forget(box: Parameters<Parameters<typeof outboxTest>[1]>[0]) {
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
}

outboxTest("P4: a state restored from a backup tells nothing twice: what Zulip has is marked as sent", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  for (let i = 0; i < 3; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i });
  await box.round(box.notifier());
  await forget(box);
  // Somebody was erased: texts that come back from Zulip may name them.
  await box.db.sql`
    insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
    values (1000000, 'student', 'testpress', ${"a".repeat(32)}, 'art17', now())`;
  // The poll finds the same events again, and a new one.
  for (let i = 0; i < 4; i++) await box.event({ student: 17, mentors: [3, 4], attempt: 700 + i });
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, round.sent], [false, 2]);
  assert.deepEqual([box.contents(three).length, box.contents(four).length], [2, 2]);
  assert.ok((await box.logs()).every((row) => row.status === "sent" && row.zulip !== null));
  const texts = await box.db.sql<{ erased: boolean; n: number }[]>`
    select content = '(erased)' as erased, count(*)::int as n from lmsmon.messages group by 1 order by 1`;
  assert.deepEqual(texts.map(({ erased, n }) => [erased, n]), [[false, 2], [true, 2]]);
});

outboxTest("P4: a backup of four days ago tells nothing twice: the guard reads since it was made", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await box.round(box.notifier());
  const [fact] = await box.db.sql<{ value: string }[]>`select value::text from lmsmon.facts where name = 'bot'`;
  box.clock.advance(2 * HOUR_MS);
  // Told after the backup was made, and by the poll after its restoration found again.
  for (const attempt of [701, 702]) await box.event({ student: 17, mentors: [3], attempt });
  await box.round(box.notifier());
  await forget(box);
  await box.db.sql`insert into lmsmon.facts (source, name, value) values (${SOURCE}, 'bot', ${
    fact?.value ?? ""
  }::text::jsonb)`;
  box.clock.advance(4 * 24 * HOUR_MS);
  await box.event({ student: 17, mentors: [3], attempt: 702 });
  const told = box.contents(three).length;

  const notifier = box.notifier();
  const first = await box.round(notifier);
  assert.deepEqual([first.guarded, first.sent], [true, 0]);
  assert.match(first.trouble ?? "", /sent 2 notifications in the last 5 days that this state does not know/);
  const deps = { db: box.db, zulip: box.zulip(), clock: box.clock };
  const since = lookBackSince(await readBotFact(box.db, SOURCE), box.clock.now());
  assert.equal((await reconcile(deps, { since, dryRun: true })).known, 1);

  // The others are found again, too. A process that starts meanwhile goes as far back.
  for (const attempt of [700, 701, 703]) await box.event({ student: 17, mentors: [3], attempt });
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, round.sent], [false, 1]);
  assert.equal(box.contents(three).length, told + 1);
  assert.ok(((await readBotFact(box.db, SOURCE))?.read_from ?? 0) > since);
});

outboxTest("what nobody answers the guard for grows old while it asks, and is forgotten in the end", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await box.round(box.notifier());
  await forget(box);
  await box.event({ student: 17, mentors: [3], attempt: 701 });
  const notifiers = [box.notifier(), box.notifier()];
  for (let hours = 0; hours < 36; hours += 6) {
    for (const notifier of notifiers) assert.equal((await box.round(notifier)).guarded, true, `after ${hours} h`);
    box.clock.advance(6 * HOUR_MS);
  }
  box.clock.advance(HOUR_MS);
  assert.deepEqual([(await box.round(notifiers[0] ?? box.notifier())).guarded, box.contents(three).length], [false, 2]);
});

outboxTest("round() refuses to send while the bot has recent messages that this state does not know", async (box) => {
  goToNoon(box);
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await box.round(box.notifier());
  await forget(box);
  await box.db.sql`insert into lmsmon.facts (source, name, value) values ('', 'state_epoch', '{"epoch": "before"}')`;
  const epochs = new Set(["before"]);
  await box.event({ student: 17, mentors: [3], attempt: 701 });
  const notifier = box.notifier();
  for (const _ of [1, 2]) {
    const round = await box.round(notifier);
    assert.deepEqual([round.guarded, round.sent, round.waiting, round.circuit], [true, 0, 1, "closed"]);
    assert.match(round.trouble ?? "", /sent 1 notification.*--take-over/s);
    box.clock.advance(11_000);
    epochs.add(await stateEpoch(box.db));
  }
  assert.equal(epochs.size, 2, "the state went back: another epoch, and not again for the same message");
  assert.equal(box.contents(three).length, 1);
  assert.equal(box.lines.filter((line) => line.level === "error").length, 1);
  assert.match(box.contents(box.standIn.owner.id)[0] ?? "", /nothing is sent: the bot sent 1/);
  assert.equal(box.contents(box.standIn.owner.id).length, 1);

  // Its event is found again: everything is known, nothing is sent twice.
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  const round = await box.round(notifier);
  assert.deepEqual([round.guarded, round.sent, round.trouble], [false, 1, null]);
  assert.equal(box.contents(three).length, 2);
});

outboxTest(
  "--take-over accepts what the bot sent so far, for later processes too, and notices what comes after",
  async (box) => {
    const three = await box.mentor(3);
    await box.event({ student: 17, mentors: [3], attempt: 700 });
    await box.round(box.notifier());
    await forget(box);
    await box.event({ student: 17, mentors: [3], attempt: 701 });
    assert.equal((await box.round(box.notifier())).guarded, true);
    assert.equal((await box.round(box.notifier({ takeOver: true }))).sent, 1);
    await box.event({ student: 17, mentors: [3], attempt: 702 });
    const notifier = box.notifier();
    assert.deepEqual([(await box.round(notifier)).guarded, box.contents(three).length], [false, 3]);
    // Another lmsmon begins to use the bot.
    const foreign = box.zulip();
    await foreign.send(
      { type: "direct", userId: String(three) },
      "📋 news [attempt](https://x.example/a#n=abcdefghabcdefgh)",
    );
    await box.event({ student: 17, mentors: [3], attempt: 703 });
    assert.equal((await box.round(notifier)).guarded, false, "looked at hourly");
    box.clock.advance(3_601_000);
    await box.event({ student: 17, mentors: [3], attempt: 704 });
    assert.equal((await box.round(notifier)).guarded, true);
  },
);

outboxTest("the guard reads little while all is well", async (box) => {
  await box.mentor(3);
  for (let i = 0; i < 30; i++) await box.event({ student: 17, mentors: [3] });
  await box.round(box.notifier());
  await box.event({ student: 17, mentors: [3] });
  const asked = box.standIn.requestCount;
  await box.round(box.notifier());
  assert.ok(box.standIn.requestCount - asked <= 6, `${box.standIn.requestCount - asked} requests`);
}, { notify: { digestAbove: 50 } });

outboxTest(
  "reconcile() marks what Zulip has, whatever the state believed, and changes nothing in a dry run",
  async (box) => {
    await box.mentor(3);
    for (let i = 0; i < 5; i++) await box.event({ student: 17, mentors: [3], attempt: 700 + i });
    await box.round(box.notifier());
    await forget(box);
    for (let i = 0; i < 4; i++) await box.event({ student: 17, mentors: [3], attempt: 700 + i });
    await box.db.sql`update lmsmon.lms_event_logs set status = 'held', reason = 'fuse' where event_id = 7`;
    await box.db.sql`update lmsmon.lms_event_logs set status = 'waiting', reason = 'digest' where event_id = 8`;
    const deps = { db: box.db, zulip: box.zulip(), clock: box.clock };
    const since = box.clock.now() - 36 * 3_600_000_000;
    const expected = { marked: 1, known: 4, reconciled: 4, foreign: 1 };
    const { newestForeign, ...dry } = await reconcile(deps, { since, dryRun: true });
    assert.deepEqual(dry, expected);
    assert.equal(newestForeign, String(box.standIn.messages[0]?.id));
    assert.deepEqual(new Set((await box.logs()).map((row) => row.status)), new Set(["pending", "held", "waiting"]));
    const { newestForeign: _, ...wet } = await reconcile(deps, { since, dryRun: false });
    assert.deepEqual(wet, expected);
    assert.deepEqual(await box.states(), [6, 7, 8, 9].map((id) => `${id} mentor:3 sent`));
    const [message] = await box.db
      .sql`select kind, state, zulip_message_id::int as id, recipient, content from lmsmon.messages`;
    assert.deepEqual([message?.["kind"], message?.["state"], message?.["id"], message?.["recipient"]], [
      "digest",
      "sent",
      box.standIn.messages[0]?.id,
      "mentor:3",
    ]);
    assert.equal((await reconcile(deps, { since, dryRun: false })).reconciled, 0);
  },
);

outboxTest("reconcile() revives messages that are in doubt, or were given up, when Zulip has them", async (box) => {
  await box.mentor(3);
  await box.mentor(4);
  await box.event({ student: 17, mentors: [3, 4] });
  await box.round(box.notifier());
  await box.db.sql`
    update lmsmon.messages set state = case recipient when 'mentor:3' then 'unknown' else 'dead' end, look_up_at = now(),
           reason = 'x', zulip_message_id = null`;
  await box.db.sql`
    update lmsmon.lms_event_logs set status = case recipient when 'mentor:3' then 'unknown' else 'dead' end, reason = 'x',
           notification_message_id = null`;
  const tally = await reconcile({ db: box.db, zulip: box.zulip(), clock: box.clock }, { since: 0, dryRun: false });
  assert.equal(tally.reconciled, 2);
  assert.deepEqual(await box.states(), ["1 mentor:3 sent", "1 mentor:4 sent"]);
  assert.equal((await box.round(box.notifier())).sent, 0);
});

outboxTest("round() says in the log when admin.to is no Zulip user, and nobody hears of the trouble", async (box) => {
  await box.poll("held");
  const notifier = box.notifier({ adminTo: "nobody@institute.example" });
  for (const _ of [1, 2]) await box.round(notifier);
  const warnings = box.lines.filter((line) => /admin\.to names no visible Zulip user/.test(line.message));
  assert.equal(warnings.length, 1);
  assert.equal(box.standIn.messages.length, 0);
});

outboxTest(
  "a message in doubt whose mentor was erased meanwhile is the state's own: it holds nothing up for anybody else",
  async (box) => {
    await box.mentor(3);
    const four = await box.mentor(4);
    await box.event({ student: 17, mentors: [3] });
    box.standIn.fault({ kind: "500_after_commit" });
    await box.round(box.notifier());
    await erase(box.db, { role: "mentor", source: SOURCE, id: "3" }, { reasonCode: "art17", dryRun: false });
    assert.match((await box.states()).join(), /^1 erased:\w+ dead erased$/);
    await box.event({ student: 18, mentors: [4] });
    const round = await box.round(box.notifier());
    assert.deepEqual([round.guarded, round.sent], [false, 1]);
    assert.equal(box.contents(four).length, 1);
    // What Zulip has was sent, to whomever.
    assert.match((await box.states()).join(), /^1 erased:\w+ sent,2 mentor:4 sent$/);
  },
);
