import assert from "node:assert/strict";
import { ADMIN_TOPICS, type Config } from "../../lib/config/config.ts";
import { isWanted } from "../../lib/tell/admin_notice.ts";
import { createNotifier } from "../../lib/tell/notifier.ts";
import { goToNoon, HOUR_US, type Outbox, outboxTest, SOURCE, testConfig } from "./outbox_fixture.ts";

function notifierWith(box: Outbox, changes: { admin?: Partial<Config["admin"]>; staleAfterMs?: number }) {
  const config = testConfig(box.standIn);
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return createNotifier({
    db: box.db,
    zulip: box.zulip(),
    config: {
      ...config,
      admin: { ...config.admin, ...changes.admin },
      source: { ...config.source, staleAfterMs: changes.staleAfterMs ?? null },
    },
    clock: box.clock,
    log,
    source: SOURCE,
  });
}

const notices = (box: Outbox) => box.contents(box.standIn.owner.id);

outboxTest(
  "the administrator gets one report a day, after report_at, with the numbers of the day before",
  async (box) => {
    box.clock.standStill();
    await box.mentor(3);
    await box.person("mentor", 4);
    const notifier = notifierWith(box, { admin: { reportAt: 0 } });
    await box.event({ student: 17, mentors: [3] });
    await box.event({ student: 18, mentors: [4] });
    await box.round(notifier);
    assert.match(notices(box)[0] ?? "", /^📊 lmsmon \(testpress\): Yesterday 0 events, 0 messages, 0 dead/);
    // A day and no more: whatever the hour of this test, one midnight is in it.
    for (let hour = 0; hour < 24; hour++) {
      box.clock.advance(3_600_000);
      await box.round(notifier);
    }
    assert.equal(notices(box).length, 2, "one a day");
    assert.match(
      notices(box)[1] ?? "",
      /Yesterday 2 events, 1 message, 0 dead, 1 mentor without account, 1 still to be told, newest LMS row \d{4}/,
    );
  },
);

outboxTest("the administrator hears of an LMS that shows nothing new, and of its end", async (box) => {
  goToNoon(box);
  await box.mentor(3);
  const notifier = notifierWith(box, { staleAfterMs: 26 * 3_600_000 });
  await box.event({ student: 17, mentors: [3], occurredAt: box.clock.now() - 27 * HOUR_US });
  for (let i = 0; i < 3; i++) {
    await box.round(notifier);
    box.clock.advance(61_000);
  }
  assert.equal(notices(box).length, 1);
  assert.match(notices(box)[0] ?? "", /nothing newer than .*1d3h ago \(lms\.stale_after: 1d2h\)/);
  await box.event({ student: 17, mentors: [3] });
  await box.round(notifier);
  await box.round(notifier);
  assert.match(notices(box)[1] ?? "", /^✅ .*new rows again/);
});

outboxTest(
  "the administrator hears when Zulip answers again after long, and only of what admin.on names",
  async (box) => {
    await box.mentor(3);
    const notifier = notifierWith(box, {});
    await box.event({ student: 17, mentors: [3] });
    await box.standIn.stop();
    for (let i = 0; i < 5; i++) {
      await box.round(notifier);
      box.clock.advance(300_000);
    }
    box.standIn.restart();
    await box.round(notifier);
    await box.round(notifier);
    assert.match(notices(box)[0] ?? "", /^✅ .*Zulip answers again, after 2\dm/);
  },
);

outboxTest("an outage is as long as is known: for how long nobody asked Zulip is said beside it", async (box) => {
  await box.mentor(3);
  const notifier = notifierWith(box, {});
  await box.event({ student: 17, mentors: [3] });
  await box.standIn.stop();
  for (let i = 0; i < 5; i++) {
    await box.round(notifier);
    box.clock.advance(300_000);
  }
  await box.db.sql`update lmsmon.recipients set next_due_at = next_due_at + interval '15 hours'`;
  await box.round(notifier);
  box.standIn.restart();
  box.clock.advance(16 * 3_600_000);
  await box.round(notifier);
  await box.round(notifier);
  assert.match(
    notices(box)[0] ?? "",
    /Zulip answers again, after 25m or more: it was not asked for 16h in between/,
  );
});

outboxTest("with poll-once by a timer, a report that was told today costs no question to Zulip", async (box) => {
  goToNoon(box);
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3] });
  await box.round(notifierWith(box, { admin: { reportAt: 0 } }));
  await box.round(notifierWith(box, { admin: { reportAt: 0 } }));
  assert.equal(notices(box).length, 1);
  const asked = box.standIn.requestCount;
  await box.round(notifierWith(box, { admin: { reportAt: 0 } }));
  assert.equal(box.standIn.requestCount, asked);
});

Deno.test("isWanted() knows every kind of notice by its topic", () => {
  for (
    const [key, topic] of [
      ["held:7", "fuse"],
      ["dead", "dead"],
      ["guard", "trouble"],
      ["channel:x", "trouble"],
      ["source:x", "trouble"],
      ["trouble:lms", "trouble"],
      ["stale", "stale"],
      ["recovered:lms", "recovered"],
    ] as const
  ) {
    assert.deepEqual(ADMIN_TOPICS.filter((one) => isWanted(key, [one])), [topic], key);
    assert.equal(isWanted(key, undefined), true);
  }
  assert.equal(isWanted("report", []), true);
});
