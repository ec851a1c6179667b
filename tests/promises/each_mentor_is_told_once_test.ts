import assert from "node:assert/strict";
import { TestClock } from "../tell/outbox_fixture.ts";
import { atEveryPlace, atOnePlace } from "../poll/poll_bench.ts";

const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = () => ({ state: "Completed", result: "Pass", score: 80, percentage: 80, date: utcNow() });

const clock = new TestClock();

atEveryPlace("P4: a student's first mentor may come after the event", { clock }, async (bench) => {
  await bench.pair();
  const student = Number(await bench.writer.student());
  await bench.firstContact();
  await bench.writer.attempt({ id: 1, user_id: student, ...passed() });
  await bench.poll();
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, 0);
  await bench.writer.link(1, student);
  await bench.poll({ mode: "quick" });
  clock.advance(3_600_000); // looking for first mentors takes a share of the time only, however long it took
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, 1);
  await bench.poll();
  await bench.deliver();
  assert.equal(bench.standIn.messages.length, 1);
  assert.deepEqual(await bench.logs(), { sent: 1 });
});

atOnePlace(
  "P4: all mentors are told; one who is no longer the mentor when it leaves is not",
  {},
  async (bench) => {
    const first = await bench.pair();
    const second = await bench.pair();
    await bench.writer.link(second.mentor, first.student);
    await bench.firstContact();
    await bench.writer.attempt({ id: 1, user_id: first.student, ...passed() });
    await bench.poll();
    await bench.deliver();
    const told = () => [first, second].map(({ zulipId }) => bench.standIn.dmsTo(zulipId).length);
    assert.deepEqual(told(), [1, 1]);
    await bench.writer.attempt({ id: 2, user_id: first.student, ...passed() });
    await bench.poll();
    await bench.writer.unlink(first.mentor, first.student);
    await bench.poll();
    await bench.deliver();
    assert.deepEqual(told(), [1, 2]);
  },
);
