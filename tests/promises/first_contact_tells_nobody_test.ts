import assert from "node:assert/strict";
import type { Config } from "../../lib/config/config.ts";
import { atEveryPlace, atOnePlace } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = () => ({ state: "Completed", result: "Pass", score: 80, percentage: 80, date: utcNow() });

atEveryPlace(
  "P10: first contact stores history and tells nobody, whatever its age; then news is told",
  {},
  async (bench) => {
    const { student, zulipId } = await bench.pair();
    await bench.writer.attempt({ id: 1, user_id: student, ...passed() });
    await bench.writer.attempt({ id: 2, user_id: student, date: utcNow() });
    const first = await bench.poll();
    assert.deepEqual(first.firstContact, ["exam", "content"]);
    await bench.deliver();
    assert.equal(bench.standIn.messages.length, 0);
    assert.deepEqual((await bench.events()).map((e) => [e.origin, e.suppressed]), [
      ["backfill", "first_contact"],
      ["backfill", "first_contact"],
    ]);
    await bench.writer.updateAttempt(2, passed());
    assert.deepEqual((await bench.poll()).firstContact, []);
    await bench.deliver();
    assert.equal(bench.standIn.dmsTo(zulipId).length, 1);
  },
);

atOnePlace(
  "P10: a first pass that dies in the middle goes on as first contact, each kind for itself",
  {},
  async (bench) => {
    const { student, zulipId } = await bench.pair();
    await bench.writer.insert(
      "attempts",
      Array.from({ length: 10_005 }, (_, i) => ({ id: i + 1, user_id: student, state: "Running" })),
    );
    const source = await bench.source();
    const dies = (kind: string, after: (id: string | null) => boolean) =>
      wrappedSource(source, {
        rowsAfter: (k, after_, limit) =>
          k === kind && after(after_) ? Promise.reject(new Error("killed")) : source.rowsAfter(k, after_, limit),
      });
    const done = async () => {
      const rows = await bench.db.sql`select kind from lmsmon.streams where first_contact_completed_at is not null`;
      return rows.map(({ kind }) => kind);
    };
    // The second page of the exams: what the first one held is stored.
    await assert.rejects(bench.poll({ source: dies("exam", (after) => after !== null) }));
    assert.deepEqual(await done(), []);
    const stored = (await bench.events()).length;
    assert.ok(stored >= 1000 && stored < 10_005, `${stored} stored`);
    // Finished between the two tries: still history, as no whole pass was stored.
    await bench.writer.updateAttempt(5, passed());
    await assert.rejects(bench.poll({ source: dies("content", () => true) }));
    assert.deepEqual(await done(), ["exam"]);
    assert.deepEqual(await bench.db.sql`select 1 from lmsmon.lms_event_logs`.then((rows) => rows.length), 0);
    // Exams are news from here on, contents are not yet.
    await bench.writer.updateAttempt(6, passed());
    assert.deepEqual((await bench.poll()).firstContact, ["content"]);
    await bench.deliver();
    assert.equal(bench.standIn.dmsTo(zulipId).length, 1);
    const [{ n } = { n: 0 }] = await bench.db.sql<{ n: number }[]>`
    select count(*)::int as n from lmsmon.lms_activity_events where origin = 'live'`;
    assert.equal(n, 1);
  },
);

atOnePlace(
  "P10: --notify-history tells the past, within notify.max_age",
  { notify: { maxAgeMs: 72 * 3_600_000 } },
  async (bench) => {
    const { student, zulipId } = await bench.pair();
    await bench.writer.attempt({ id: 1, user_id: student, ...passed() });
    await bench.writer.attempt({ id: 2, user_id: student, ...passed(), date: "2020-01-01 00:00:00" });
    await bench.poll({ notifyHistory: true });
    await bench.deliver();
    assert.equal(bench.standIn.dmsTo(zulipId).length, 1);
    assert.deepEqual((await bench.events()).map((e) => [e.origin, e.suppressed]), [["backfill", null], [
      "backfill",
      "too_old",
    ]]);
  },
);

atOnePlace("P10: a kind that is watched later has a first contact of its own", {}, async (bench) => {
  const { student } = await bench.pair();
  const source = await bench.source();
  const examsOnly = wrappedSource(source, { kinds: ["exam"] });
  assert.deepEqual((await bench.poll({ source: examsOnly })).firstContact, ["exam"]);
  const course = await bench.writer.course();
  const chapter = await bench.writer.chapter({ course_id: course });
  const content = await bench.writer.content({ course_id: course });
  await bench.writer.contentAttempt({
    user_id: student,
    course_id: course,
    chapter_id: chapter,
    chapter_content_id: content,
  });
  assert.deepEqual((await bench.poll()).firstContact, ["content"]);
  assert.deepEqual((await bench.events()).map((e) => e.suppressed), ["first_contact"]);
});

atOnePlace("P10: notifications switched on later start from there", { notify: { enabled: false } }, async (bench) => {
  const { student, zulipId } = await bench.pair();
  await bench.firstContact();
  await bench.writer.attempt({ id: 1, user_id: student, ...passed() });
  await bench.poll();
  const on: Config = { ...bench.config, notify: { ...bench.config.notify, enabled: true } };
  await bench.poll({ config: on });
  await bench.writer.attempt({ id: 2, user_id: student, ...passed() });
  await bench.poll({ config: on });
  await bench.notifier(on).round({ stop: new AbortController().signal });
  assert.equal(bench.standIn.dmsTo(zulipId).length, 1);
  assert.deepEqual((await bench.events()).map((e) => e.suppressed), ["notifications_off", null]);
});
