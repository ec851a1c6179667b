import assert from "node:assert/strict";
import { cameSinceTold, mentionsBefore } from "../../sql/state/letters.ts";
import { releasePoll } from "../../lib/poll/record/release.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { begin, resume } from "./pauses_by_hand.ts";
import { letterDay } from "../../lib/tell/write_letters.ts";
import { codePoints } from "../../lib/format/escape_text.ts";
import { letterMarker, markersIn } from "../../lib/model/marker.ts";
import { fromInstant } from "../../lib/model/time.ts";
import { goTo, HOUR_US, type Outbox, outboxTest, SOURCE, testConfig } from "./outbox_fixture.ts";
import { explainAnswer } from "../../lib/app/explain.ts";
import { missedDeadline, writeLetter } from "./letters_fixture.ts";

/** Status and reason of each delivery that is no event's. */
async function letters({ db }: Outbox): Promise<string[]> {
  const rows = await db.sql<{ recipient: string; status: string; reason: string | null }[]>`
    select l.recipient, l.status, l.reason from lmsmon.lms_event_logs l join lmsmon.letters t on t.letter_id = l.event_id
     order by t.day, l.recipient`;
  return rows.map(({ recipient, status, reason }) =>
    [recipient, status, ...(reason === null ? [] : [reason])].join(" ")
  );
}

async function leftOut({ db }: Outbox): Promise<string[]> {
  const rows = await db.sql<{ student: number; reason: string | null }[]>`
    select student_id::int as student, left_out as reason from lmsmon.namings order by letter_id, student_id`;
  return rows.map(({ student, reason }) => `${student} ${reason ?? "told"}`);
}

async function students(box: Outbox, mentor: number, ...ids: number[]): Promise<void> {
  for (const id of ids) {
    await box.person("student", id);
    await box.link(id, [mentor]);
  }
}

outboxTest(
  "a weekly message goes out once, after the news, and says who, why, since when and what was last",
  async (box) => {
    const three = await box.mentor(3);
    await students(box, 3, 17, 18);
    await box.event({ student: 17, mentors: [3], title: "Mock 3" });
    const pattern = await missedDeadline(box, 17, "2026-11-10");
    await writeLetter(box, 3, [{ student: 17, patternIds: [pattern] }, { student: 18 }]);
    const notifier = box.notifier();
    const { sent, messages } = await box.round(notifier);
    assert.deepEqual([sent, messages], [2, 2]);
    const [news = "", weekly = "", ...more] = box.contents(three);
    assert.match(news, /Mock 3/);
    assert.deepEqual(more, []);
    const lines = weekly.split("\n");
    assert.equal(lines[0], "📞 **Student 17** and **Student 18** may be glad of a call");
    assert.deepEqual(lines.slice(2, 5), [
      "**Student 17**, Physics",
      "- why: 1 of 3 due exams not handed in (course median: 0)",
      "- since: work due on 10 Nov",
    ]);
    assert.match(lines[5] ?? "", /^- \d+ \w{3}, Mock 3: passed, 23 %$/);
    assert.ok(
      weekly.includes(
        "**Student 18**, Physics\n- why: 1 of 3 due exams not handed in (course median: 0)\n- since: last active on 7 Nov\n\n",
      ),
    );
    const marker = letterMarker({ source: SOURCE, day: "2026-11-23", recipient: "mentor:3" });
    assert.deepEqual(markersIn(weekly).map((mark) => marker.startsWith(mark)), [true]);
    assert.deepEqual([await letters(box), await leftOut(box)], [["mentor:3 sent"], ["17 told", "18 told"]]);
    assert.deepEqual((await box.messages()).map(({ kind }) => kind), ["single", "weekly"]);
    box.clock.advance(3_600_000);
    assert.equal((await box.round(notifier)).messages, 0);
  },
);

outboxTest(
  "whoever must not be named is left out, and is no mention: another's student, an excluded one, a paused one",
  async (box) => {
    const three = await box.mentor(3);
    await students(box, 3, 17, 18, 19, 20);
    await box.link(18, [4]);
    await box.db.sql`update lmsmon.people set active = false where role = 'student' and id = 19`;
    await begin(box, "student", "20");
    await writeLetter(box, 3, [17, 18, 19, 20].map((student) => ({ student })));
    await box.round(box.notifier());
    assert.equal(box.contents(three).length, 1);
    assert.match(box.contents(three)[0] ?? "", /^📞 \*\*Student 17\*\* may be glad of a call\n/);
    assert.doesNotMatch(box.contents(three)[0] ?? "", /Student (18|19|20)/);
    const told = ["17 told", "18 no_longer_mentor", "19 student_excluded", "20 paused"];
    assert.deepEqual(await leftOut(box), told);
    const mentions = await mentionsBefore(box.db.sql, SOURCE, "2026-11-30", false);
    assert.deepEqual(mentions.map(({ student_id, day }) => [student_id, day]), [["17", "2026-11-23"]]);
    // With nobody left there is no message, and that is said.
    await writeLetter(box, 3, [{ student: 18 }], { day: "2026-11-30" });
    box.clock.advance(1000);
    await box.round(box.notifier());
    assert.equal(box.contents(three).length, 1);
    assert.deepEqual(await letters(box), ["mentor:3 sent", "mentor:3 suppressed nobody_named"]);
    const { lines } = await explainAnswer(
      { db: box.db, config: testConfig(box.standIn), source: SOURCE, now: box.clock.now() },
      { about: { kind: "mentor", who: "3" }, since: null, limit: 1 },
    );
    assert.match(
      lines.join("\n"),
      /1 delivery suppressed \(nobody_named\).*: a weekly message had nobody left to name to mentor 3: .*\. Nothing: next week/,
    );
  },
);

outboxTest(
  "a pause, quiet hours and a missing account put the weekly message off; of two weeks one message comes",
  async (box) => {
    const notifier = box.notifier();
    await students(box, 3, 17, 18);
    await box.person("mentor", 3);
    await writeLetter(box, 3, [{ student: 17 }]);
    await box.round(notifier);
    assert.deepEqual(await letters(box), ["mentor:3 waiting no_account"]);
    const three = await box.mentor(3);
    await begin(box, "all", null, box.clock.now() + 5 * HOUR_US);
    box.clock.advance(4_000_000);
    await box.round(notifier);
    assert.deepEqual(await letters(box), ["mentor:3 waiting paused"]);
    await writeLetter(box, 3, [{ student: 17, course: 2 }, { student: 18 }], { day: "2026-11-30" });
    await box.round(notifier);
    await resume(box, "all", null);
    await box.round(notifier);
    assert.deepEqual(await letters(box), ["mentor:3 sent", "mentor:3 sent"]);
    assert.equal(box.contents(three).length, 1);
    assert.deepEqual(await leftOut(box), ["17 named_twice", "17 told", "18 told"]);
    assert.equal(markersIn(box.contents(three)[0] ?? "").length, 2);

    // "All day" has a minute that is not quiet.
    goTo(box, 12 * 60, "Pacific/Kiritimati");
    await writeLetter(box, 3, [{ student: 18 }], { day: "2026-12-07" });
    const allDay = box.notifier({ notify: { quiet: { from: 0, to: 1439 }, timezone: "Pacific/Kiritimati" } });
    await box.round(allDay);
    assert.equal((await letters(box))[2], "mentor:3 waiting quiet");
  },
);

outboxTest("after the account grace the weekly message ends, and goes to no channel", async (box) => {
  box.standIn.addChannel("mentors");
  await students(box, 3, 17);
  await box.person("mentor", 3);
  await writeLetter(box, 3, [{ student: 17 }]);
  box.clock.advance(7 * 24 * 3_600_000 + 1000);
  await box.round(box.notifier());
  assert.deepEqual(await letters(box), ["mentor:3 suppressed no_account"]);
  assert.equal(box.standIn.messages.length, 0);
}, { notify: { fallback: { channel: "mentors", topic: "x" } } });

for (const [kind, copies] of [["500_after_commit", 1], ["reset_before_commit", 0]] as const) {
  outboxTest(
    `P5: a weekly message whose outcome is unknown (${kind}) is looked up before it is sent again`,
    async (box) => {
      const three = await box.mentor(3);
      await students(box, 3, 17);
      await writeLetter(box, 3, [{ student: 17 }]);
      box.standIn.fault({ kind });
      const notifier = box.notifier();
      assert.equal((await box.round(notifier)).unknown, 1);
      assert.deepEqual([await letters(box), box.contents(three).length], [["mentor:3 unknown"], copies]);
      box.clock.advance(91_000);
      for (let i = 0; i < 3; i++) await box.round(notifier);
      assert.deepEqual([await letters(box), box.contents(three).length], [["mentor:3 sent"], 1]);
    },
  );
}

outboxTest("a state that was set back and judges the week anew, naming others, tells nothing again", async (box) => {
  const three = await box.mentor(3);
  await students(box, 3, 17, 18);
  await writeLetter(box, 3, [{ student: 17 }]);
  await box.round(box.notifier());
  assert.equal(box.contents(three).length, 1);
  await box.db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.letters, lmsmon.namings`;
  await writeLetter(box, 3, [{ student: 18 }]);
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, box.contents(three).length], [false, 1]);
  assert.deepEqual(await letters(box), ["mentor:3 sent"]);
});

outboxTest("a trial gets the weekly message in the mentor's place, and the mentor never", async (box) => {
  const boss = box.standIn.addUser({ email: "boss@inst.example", fullName: "Boss" }).id;
  const three = await box.mentor(3, { name: "Anita Rao" });
  await students(box, 3, 17);
  await writeLetter(box, 3, [{ student: 17 }]);
  await box.round(box.notifier());
  assert.match(
    box.contents(boss)[0] ?? "",
    /^↪️ Redirected, meant for \*\*Anita Rao\*\*, mentor 3 .*:\n\n📞 \*\*Student 17\*\*/,
  );
  assert.deepEqual([box.contents(three).length, await letters(box)], [0, ["mentor:3 suppressed redirected"]]);
  const mentions = (trial: boolean) => mentionsBefore(box.db.sql, SOURCE, "2026-11-30", trial);
  assert.deepEqual([(await mentions(true)).length, (await mentions(false)).length], [1, 0]);
}, { notify: { redirectTo: "boss@inst.example" } });

outboxTest("what the fuse holds waits for a person, and leaves when it is released", async (box) => {
  const three = await box.mentor(3);
  await students(box, 3, 17);
  await writeLetter(box, 3, [{ student: 17 }], { held: "2001 weekly messages, more than 2000" });
  const notifier = box.notifier();
  await box.round(notifier);
  assert.deepEqual([await letters(box), box.contents(three).length], [["mentor:3 held fuse"], 0]);
  const [run] = await box.db.sql<{ poll_id: string }[]>`select poll_id from lmsmon.poll_runs where mode = 'weekly'`;
  assert.equal(await releasePoll(box.db, SOURCE, run?.poll_id ?? ""), true);
  await box.round(notifier);
  assert.deepEqual([await letters(box), box.contents(three).length], [["mentor:3 sent"], 1]);
});

outboxTest("a missed deadline that was told is said to be missing no more, once, to whom it was told", async (box) => {
  const three = await box.mentor(3);
  await box.mentor(4);
  await students(box, 3, 17, 18);
  const [told, untold] = [await missedDeadline(box, 17, "2026-11-10"), await missedDeadline(box, 18, "2026-11-10")];
  await writeLetter(box, 3, [{ student: 17, patternIds: [told] }]);
  const notifier = box.notifier();
  const came = async () =>
    (await cameSinceTold(box.db.sql, SOURCE, false)).map((row) => [row.mentor_id, row.pattern_ids]);
  await box.db
    .sql`update lmsmon.patterns set ended_day = '2026-11-25', withdrawn_day = '2026-11-25' where pattern_id = ${untold}`;
  assert.deepEqual(await came(), []);
  await box.db
    .sql`update lmsmon.patterns set ended_day = '2026-11-25', withdrawn_day = '2026-11-25' where pattern_id = ${told}`;
  assert.deepEqual(await came(), [], "not told yet: then the message does not speak of it");
  await box.round(notifier);
  assert.doesNotMatch(box.contents(three)[0] ?? "", /work due/);
  assert.deepEqual(await came(), [["3", [told]]]);
  await writeLetter(box, 3, [{ student: 17, about: "came", patternIds: [told] }], { day: "2026-11-30" });
  assert.deepEqual(await came(), []);
  await box.round(notifier);
  const [, second = ""] = box.contents(three);
  assert.match(
    second,
    /^✅ \*\*No longer missing\*\*, of what was named before\n- \*\*Student 17\*\*, Physics: work due on 10 Nov\n`ref /,
  );
  assert.deepEqual(await came(), []);
});

outboxTest("P15: whoever is erased is in no weekly message that leaves afterwards, and in no naming", async (box) => {
  const three = await box.mentor(3);
  await students(box, 3, 17, 18);
  await writeLetter(box, 3, [{ student: 17 }, { student: 18 }]);
  // Composed, in doubt, and not arrived.
  box.standIn.fault({ kind: "reset_before_commit" });
  const notifier = box.notifier();
  await box.round(notifier);
  await writeLetter(box, 3, [{ student: 17 }], { day: "2026-11-30" });
  const erased = await erase(box.db, { role: "student", source: SOURCE, id: "17" }, {
    reasonCode: "art17",
    dryRun: false,
  });
  assert.equal(erased.messages, 1);
  assert.deepEqual(await leftOut(box), ["18 told"]);
  assert.deepEqual(await letters(box), ["mentor:3 unknown", "mentor:3 suppressed erased"]);
  box.clock.advance(91_000);
  for (let i = 0; i < 4; i++) await box.round(notifier);
  assert.equal(box.contents(three).length, 1);
  assert.match(box.contents(three)[0] ?? "", /^📞 \*\*Student 18\*\* may/);
  assert.deepEqual(await letters(box), ["mentor:3 sent", "mentor:3 suppressed erased"]);
  await erase(box.db, { role: "mentor", source: SOURCE, id: "3" }, { reasonCode: "art17", dryRun: false });
  assert.deepEqual(await letters(box), []);
  const texts = await box.db.sql<{ content: string }[]>`select content from lmsmon.messages where kind = 'weekly'`;
  assert.ok(texts.every(({ content }) => !content.includes("Student")));
});

outboxTest(
  "ten students with the longest names and titles fit one message, and nothing in them does anything",
  async (box) => {
    const three = await box.mentor(3);
    const name = `@**all** ](x) \`${"#".repeat(400)}`;
    const ids = Array.from({ length: 10 }, (_, i) => 100 + i);
    for (const student of ids) {
      for (let i = 0; i < 3; i++) {
        await box.event({
          student,
          studentName: name,
          title: `@**all**${"*".repeat(500)}`,
          status: "suppressed",
          reason: "x",
        });
      }
      await box.link(student, [3]);
    }
    await writeLetter(box, 3, ids.map((student) => ({ student })));
    await box.db.sql`update lmsmon.namings set course = ${"&".repeat(500)}`;
    await box.round(box.notifier());
    const [content = ""] = box.contents(three);
    const [stored] = await box.db.sql<{ content: string }[]>`select content from lmsmon.messages`;
    assert.equal(stored?.content, content, "Zulip cut nothing");
    assert.match(content, /`ref \w{5,}`$/);
    assert.match(content, /^📞 \*\*10 students of yours\*\*/);
    assert.ok(codePoints(content) <= 10_000, `${codePoints(content)} code points`);
    assert.doesNotMatch(content, /@\*\*|\]\(|^#/m);
  },
);

Deno.test("letterDay() is the weekday from its time on, and the three days after it, once", () => {
  const at = (time: string) => fromInstant(Temporal.ZonedDateTime.from(`${time}[Asia/Kolkata]`).toInstant());
  const due = (time: string, last: string | null = null) =>
    letterDay(at(time), last, { weekday: 1, at: 8 * 60, most: 2 }, "Asia/Kolkata");
  assert.equal(due("2026-11-23T07:59"), null);
  assert.equal(due("2026-11-23T08:00"), "2026-11-23");
  assert.equal(due("2026-11-26T23:59"), "2026-11-23");
  assert.equal(due("2026-11-27T00:00"), null);
  assert.equal(due("2026-11-23T08:00", "2026-11-16"), "2026-11-23");
  assert.equal(due("2026-11-24T08:00", "2026-11-23"), null);
  assert.equal(due("2026-11-23T08:00", "2026-11-30"), null, "a clock that was set back");
  assert.equal(letterDay(at("2026-11-29T08:00"), null, { weekday: 7, at: 0, most: 2 }, "Asia/Kolkata"), "2026-11-29");
});
