import assert from "node:assert/strict";
import type { StandInChannel } from "../../lib/stand_in/zulip_stand_in_types.ts";
import { goToNoon, type Outbox, outboxTest } from "./outbox_fixture.ts";

const TO = { channel: "Staff", topic: "unmatched mentors" };
const RECIPIENT = "channel:Staff/unmatched mentors";
/** Mentors without an account are told in the channel at once. */
const FALLBACK = { notify: { accountGraceMs: 0, fallback: TO } };
const OWNER = 8;
const BOT = 9;
/** Longer than `settle`. */
const SETTLED_MS = 91_000;

function staff(box: Outbox, kind: "public" | "private", who: number[], historyPublic = false): StandInChannel {
  return box.standIn.addChannel(TO.channel, { isPrivate: kind === "private", subscribers: who, historyPublic });
}

/** Something to tell to a mentor who has no account. */
async function news(box: Outbox, attempt: number): Promise<void> {
  await box.person("mentor", 3, { email: "nobody@inst.example" });
  await box.event({ student: 17, mentors: [3], attempt });
}

const inChannel = (box: Outbox) => box.standIn.messages.filter((message) => message.channel !== null);
const toOwner = (box: Outbox) => box.contents(box.standIn.owner.id);
const delivery = async (box: Outbox) =>
  (await box.logs()).filter((row) => row.recipient === RECIPIENT).map((row) => [row.status, row.reason]);

async function rounds(box: Outbox, notifier: ReturnType<Outbox["notifier"]>, advanceMs: readonly number[]) {
  for (const ms of advanceMs) {
    box.clock.advance(ms);
    await box.round(notifier);
  }
}

outboxTest(
  "a private channel that only the bot's owner is subscribed to gets nothing until the bot is: its deliveries wait, the administrator is told once",
  async (box) => {
    goToNoon(box);
    staff(box, "private", [OWNER]);
    await news(box, 700);
    const notifier = box.notifier();
    await rounds(box, notifier, [0, 1000, 61_000]);
    assert.deepEqual(await delivery(box), [["waiting", "channel_not_readable"]]);
    assert.equal(inChannel(box).length, 0);
    assert.deepEqual(toOwner(box).map((text) => /nothing is sent to the channel Staff.*Subscribe the bot/.test(text)), [
      true,
    ]);
    box.standIn.realm.subscribe(BOT, TO.channel);
    await rounds(box, notifier, [61_000, 1000]);
    assert.deepEqual(await delivery(box), [["sent", null]]);
    assert.equal(inChannel(box).length, 1);
    assert.equal(toOwner(box).length, 1);
  },
  FALLBACK,
);

outboxTest(
  "an unknown send to a public channel is looked up without a subscription, also after its topic was resolved or renamed",
  async (box) => {
    staff(box, "public", []);
    await news(box, 700);
    const notifier = box.notifier();
    box.standIn.fault({ kind: "500_after_commit" });
    await rounds(box, notifier, [0, 3000]);
    assert.deepEqual(await delivery(box), [["unknown", null]]);
    box.standIn.realm.resolveTopic(TO.channel, TO.topic);
    await rounds(box, notifier, [SETTLED_MS, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["sent", null]], 1]);
    await news(box, 701);
    box.standIn.fault({ kind: "reset_after_commit" });
    await rounds(box, notifier, [0, 3000]);
    box.standIn.realm.renameTopic(TO.channel, TO.topic, "people without an account");
    await rounds(box, notifier, [SETTLED_MS, 3000]);
    assert.equal(inChannel(box).length, 2);
    // What never arrived is sent again.
    await news(box, 702);
    box.standIn.fault({ kind: "reset_before_commit" });
    await rounds(box, notifier, [0, 3000, SETTLED_MS, 3000]);
    assert.equal(inChannel(box).length, 3);
    assert.deepEqual(new Set((await delivery(box)).map(([status]) => status)), new Set(["sent"]));
  },
  FALLBACK,
);

outboxTest(
  "a bot that lost its subscription after an unknown send believes no empty look-up: the message waits until the channel can be read",
  async (box) => {
    goToNoon(box);
    staff(box, "private", [OWNER, BOT], true);
    await news(box, 700);
    const notifier = box.notifier();
    box.standIn.fault({ kind: "500_after_commit" });
    await rounds(box, notifier, [0, 3000]);
    box.standIn.realm.unsubscribe(BOT, TO.channel);
    await rounds(box, notifier, [SETTLED_MS, 3000, 61_000, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["unknown", null]], 1]);
    assert.equal((await box.messages())[0]?.reason, "channel_not_readable");
    assert.equal(toOwner(box).length, 1);
    box.standIn.realm.subscribe(BOT, TO.channel);
    await rounds(box, notifier, [61_000, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["sent", null]], 1]);
  },
  FALLBACK,
);

outboxTest(
  "a send from before the bot's subscription to a channel with protected history is never repeated: it ends visibly",
  async (box) => {
    staff(box, "public", []);
    await news(box, 700);
    const notifier = box.notifier();
    box.standIn.fault({ kind: "500_after_commit" });
    await rounds(box, notifier, [0, 3000]);
    // Made private, a channel keeps what was said to those who got a copy.
    box.standIn.realm.setPrivate(TO.channel);
    box.standIn.realm.subscribe(BOT, TO.channel);
    await rounds(box, notifier, [SETTLED_MS, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["dead", "unseen"]], 1]);
    // What comes after it is not held up.
    await news(box, 701);
    await rounds(box, notifier, [1000, 3000]);
    assert.equal(inChannel(box).length, 2);
  },
  FALLBACK,
);

outboxTest(
  "a channel that was renamed after an unknown send is followed by its id; one that is not there any more is not an empty one",
  async (box) => {
    const { id } = staff(box, "public", []);
    await news(box, 700);
    const notifier = box.notifier();
    box.standIn.fault({ kind: "500_after_commit" });
    await rounds(box, notifier, [0, 3000]);
    const { realm } = box.standIn;
    realm.channels.delete(TO.channel.toLowerCase());
    await rounds(box, notifier, [SETTLED_MS, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["unknown", null]], 1]);
    realm.addChannel(TO.channel, { id: 77 });
    realm.addChannel("Colleagues", { id });
    realm.renameTopic(TO.channel, TO.topic, TO.topic, { toChannel: "Colleagues" });
    await rounds(box, notifier, [61_000, 3000]);
    assert.deepEqual([await delivery(box), inChannel(box).length], [[["sent", null]], 1]);
  },
  FALLBACK,
);

outboxTest("a fallback channel that is archived, or never was, refuses as ever", async (box) => {
  await news(box, 700);
  const notifier = box.notifier();
  await rounds(box, notifier, [0, 31_000]);
  staff(box, "public", []).isArchived = true;
  await rounds(box, notifier, [61_000, 300_000]);
  assert.deepEqual(await delivery(box), [["dead", "refused"]]);
  assert.equal(inChannel(box).length, 0);
}, FALLBACK);

outboxTest("the guard finds in the channel what a restored state does not know as sent", async (box) => {
  staff(box, "public", []);
  await news(box, 700);
  await rounds(box, box.notifier(), [0, 1000]);
  assert.equal(inChannel(box).length, 1);
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
  await news(box, 700);
  const notifier = box.notifier();
  await rounds(box, notifier, [0, 11_000, 11_000]);
  assert.deepEqual([await delivery(box), inChannel(box).length], [[["sent", null]], 1]);
}, FALLBACK);
