import assert from "node:assert/strict";
import { findDeliveries } from "../../lib/tell/known_marks.ts";
import { markersIn, shortMarker } from "../../lib/model/marker.ts";
import { type Outbox, outboxTest, SOURCE } from "./outbox_fixture.ts";

const lastLine = (content: string) => content.split("\n").at(-1) ?? "";

async function markers(box: Outbox): Promise<string[]> {
  const rows = await box.db.sql<{ marker: string }[]>`
    select l.marker from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e using (event_id) order by e.attempt_id`;
  return rows.map((row) => row.marker);
}

/** As if the recipe had given this attempt's delivery such a marker. */
async function setMarker(box: Outbox, attempt: number, marker: string): Promise<void> {
  await box.db.sql`
    update lmsmon.lms_event_logs l set marker = ${marker} from lmsmon.lms_activity_events e
     where e.event_id = l.event_id and e.attempt_id = ${attempt}`;
}

async function forget({ db }: Outbox): Promise<void> {
  await db
    .sql`truncate lmsmon.lms_event_logs, lmsmon.messages, lmsmon.recipients, lmsmon.facts, lmsmon.lms_activity_events`;
}

outboxTest("six events without links have their ref in one line of a phone", async (box) => {
  const three = await box.mentor(3);
  for (let i = 0; i < 6; i++) await box.event({ student: 17, mentors: [3], attempt: 700 + i });
  await box.round(box.notifier());
  const [content = ""] = box.contents(three);
  const line = lastLine(content).replaceAll("`", "");
  assert.ok(line.length <= 40, line);
  assert.deepEqual(markersIn(content).toSorted(), (await markers(box)).map(shortMarker).toSorted());
});

outboxTest("a marker that begins like another one of the same recipient is written whole", async (box) => {
  const [three, four] = [await box.mentor(3), await box.mentor(4)];
  const [first, alike] = ["abcdefghijkmnpqr", "abcde23456789abc"];
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await setMarker(box, 700, first);
  await box.round(box.notifier());
  assert.equal(lastLine(box.contents(three)[0] ?? ""), "`ref abcde`");
  await box.event({ student: 17, mentors: [3], attempt: 701 });
  await setMarker(box, 701, alike);
  await box.event({ student: 18, mentors: [4], attempt: 702 });
  await setMarker(box, 702, "abcdezzzzzzzzzzz");
  await box.round(box.notifier());
  assert.equal(lastLine(box.contents(three)[1] ?? ""), `\`ref ${alike}\``);
  assert.equal(lastLine(box.contents(four)[0] ?? ""), "`ref abcde`", "of another recipient");
});

outboxTest("five signs that fit two deliveries of a lost past count for none: sending is held back", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await setMarker(box, 700, "abcdefghijkmnpqr");
  await box.round(box.notifier());
  await forget(box);
  for (const [attempt, marker] of [[700, "abcdefghijkmnpqr"], [701, "abcde23456789abc"]] as const) {
    await box.event({ student: 17, mentors: [3], attempt });
    await setMarker(box, attempt, marker);
  }
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, round.sent, box.contents(three).length], [true, 0, 1]);
  assert.match(round.trouble ?? "", /--take-over/);
  assert.deepEqual((await box.logs()).map((row) => row.status), ["pending", "pending"]);
  // A person says that the past is to be let be: both are told, and the loop ends.
  const accepted = box.notifier({ takeOver: true });
  for (const _ of [1, 2, 3]) await box.round(accepted);
  assert.deepEqual((await box.logs()).map((row) => row.status), ["sent", "sent"]);
  assert.equal(box.contents(three).length, 2);
});

outboxTest("five signs that fit several deliveries count for the one that was sent", async (box) => {
  const three = await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  await setMarker(box, 700, "abcdefghijkmnpqr");
  await box.round(box.notifier());
  await box.event({ student: 17, mentors: [3], attempt: 701 });
  await setMarker(box, 701, "abcde23456789abc");
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, round.sent], [false, 1]);
  assert.equal(box.contents(three).length, 2);
});

outboxTest("whole markers of a ref line with commas, as 0.1.1 sent them, are still known", async (box) => {
  const three = await box.mentor(3);
  for (const attempt of [700, 701]) await box.event({ student: 17, mentors: [3], attempt });
  const content = `Earlier news\n\`ref ${(await markers(box)).join(", ")}\``;
  await box.zulip().send({ type: "direct", userId: String(three) }, content);
  const round = await box.round(box.notifier());
  assert.deepEqual([round.guarded, round.sent], [false, 0]);
  assert.deepEqual((await box.logs()).map((row) => row.status), ["sent", "sent"]);
});

outboxTest(
  "a mark counts only where the mentor's account reads it, whatever id the LMS's key has here",
  async (box) => {
    await box.mentor(3);
    await box.event({ student: 17, mentors: [3], attempt: 700 });
    await setMarker(box, 700, "abcdefghijkmnpqr");
    // A text as key, the largest id, and a pair of whole numbers.
    for (const id of ["4611686018427387905", "9223372036854775807", "-9223372032559808505"]) {
      await box.db.sql`update lmsmon.lms_event_logs set recipient = ${`mentor:${id}`}`;
      await box.db.sql`delete from lmsmon.user_links`;
      await box.db.sql`
      insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status)
      values (${SOURCE}, 'mentor', ${id}, 41, 'matched')`;
      const find = await findDeliveries(box.db.sql, ["abcde"]);
      const message = { zulipMessageId: "900", timestampS: 0, content: "`ref abcde`" };
      assert.equal(find("abcde", { ...message, to: ["41"] })?.recipient, `mentor:${id}`);
      assert.equal(find("abcde", { ...message, to: ["42"] }), null, id);
    }
  },
);
