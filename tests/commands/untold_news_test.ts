import assert from "node:assert/strict";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");

Deno.test(
  { ignore, name: "notify.enabled: false: poll-once and watch say how many events will never be told" },
  async () => {
    await using place = await makePlace();
    const { student, zulipId } = await place.pair();
    const exam = await place.lms.writer.exam();
    const news = (id: number) =>
      place.lms.writer.attempt({ id, user_id: student, exam_id: exam, date: utcNow(), ...PASSED });
    for (const id of [1, 2, 3]) await news(id);
    await place.configure({ notify: { enabled: false } });
    const first = await place.home.run("poll-once");
    assert.match(
      first.out,
      /: 0 events of this poll will never be told, 0 events in all\./,
      "history is told to nobody anyway",
    );

    await place.configure({});
    await news(4);
    const kept = await place.home.run("poll-once", "--no-notify");
    assert.match(kept.out, /^Nothing is sent \(--no-notify\): 1 delivery kept pending$/m);

    await place.configure({ notify: { enabled: false } });
    for (const id of [5, 6]) await news(id);
    const { not_told: json } = JSON.parse((await place.home.run("poll-once", "--json")).out);
    assert.deepEqual(json, { why: "off", never_told: 2, never_told_in_all: 2, pending: 1 });
    await news(7);
    const text = await place.home.run("poll-once");
    assert.match(
      text.out,
      /^Notifications are off \(notify\.enabled: false\): 1 event of this poll will never be told, 3 events in all; 1 delivery of before wait.*--no-notify$/m,
    );
    {
      await using watcher = place.home.start("watch", "--interval", "1s");
      await watcher.said(/Notifications are off[^]*will never be told, 3 events so far/);
      await news(8);
      await watcher.said(/Never told: 1 of these events/);
      assert.equal((await watcher.stop()).code, 0);
    }
    await place.configure({});
    assert.match((await place.home.run("poll-once")).out, /^Told: 1 delivery in 1 message$/m);
    assert.equal(place.zulip.dmsTo(zulipId).length, 1, "what --no-notify kept, and nothing else");
  },
);

Deno.test({ ignore, name: "watch --no-notify says at its start what it keeps pending" }, async () => {
  await using place = await makePlace();
  await using watcher = place.home.start("watch", "--no-notify", "--interval", "1s");
  await watcher.said(/Nothing is sent \(--no-notify\): 0 deliveries kept pending/);
  assert.equal((await watcher.stop()).code, 0);
});
