import assert from "node:assert/strict";
import { atEveryPlace, atOnePlace } from "../poll/poll_bench.ts";
import { wrappedSource } from "../poll/wrapped_source.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };

atEveryPlace(
  "P9: a row in an unknown state waits in quarantine, blocks no other row, and leaves it when it is known",
  {},
  async (bench) => {
    const { student } = await bench.pair();
    await bench.writer.attempt({ id: 1, user_id: student, state: "Teleported" });
    await bench.writer.attempt({ id: 2, user_id: student });
    await bench.firstContact();
    assert.deepEqual(await bench.quarantine(), { "1": 'unknown state "Teleported" of this exam attempt' });
    await bench.writer.attempt({ id: 3, user_id: student, ...PASSED });
    for (const mode of ["quick", "full"] as const) {
      const { tally } = await bench.poll({ mode });
      assert.equal(tally.quarantined, 1, `${mode}: retried and counted`);
    }
    assert.deepEqual(await bench.told(), ["2 exam_started 1", "3 exam_passed 1"]);
    await bench.writer.updateAttempt(1, PASSED);
    await bench.poll({ mode: "quick" });
    assert.deepEqual(await bench.quarantine(), {});
    assert.equal((await bench.told())[0], "1 exam_passed 1");
  },
);

for (const mode of ["quick", "full"] as const) {
  atOnePlace(
    `P9: a ${mode} poll lets a row go whose value can be read again though its hash is the same`,
    {},
    async (bench) => {
      const { student } = await bench.pair();
      await bench.writer.attempt({ id: 1, user_id: student });
      await bench.writer.attempt({ id: 2, user_id: student, ...PASSED });
      await bench.writer.attempt({ id: 3, user_id: student });
      await bench.firstContact();
      const source = await bench.source();
      // A value that cannot be read, outside of what the hash covers: broken and repaired, the hash stays.
      const broken = new Set(["1", "2", "3"]);
      const spoilt = wrappedSource(source, {
        rowsByIds: async (kind, ids) => {
          const { rows, bad } = await source.rowsByIds(kind, ids);
          return {
            rows: rows.filter(({ id }) => !broken.has(id)),
            bad: [
              ...bad,
              ...rows.filter(({ id }) => broken.has(id)).map(({ id, hash }) => ({
                kind,
                id,
                hash: hash ?? "0",
                reason: "attempts.date: is no time",
              })),
            ],
          };
        },
      });
      await bench.lms.execute("update attempts set score = 1");
      const failing = await bench.poll({ source: spoilt });
      assert.equal(failing.tally.quarantined, 3);
      assert.deepEqual(Object.keys(await bench.quarantine()), ["1", "2", "3"]);
      assert.equal((await bench.poll({ source: spoilt, mode })).tally.quarantined, 3);
      broken.delete("1");
      broken.delete("2");
      await bench.lms.execute("delete from attempts where id = 3");
      await bench.poll({ source: spoilt, mode });
      assert.deepEqual(await bench.quarantine(), {});
      assert.deepEqual(await bench.told(), [
        "1 exam_started 1",
        "2 exam_passed 1",
        "2 exam_passed 2",
        "3 exam_started 1",
      ]);
      assert.equal((await bench.poll({ mode: "full" })).tally.rowsRead, 0);
    },
  );
}

atOnePlace(
  "P9: a row that the state database refuses is alone in quarantine, and leaves it when the LMS drops it",
  {},
  async (bench) => {
    const { student } = await bench.pair();
    await bench.firstContact();
    for (let id = 1; id <= 5; id++) await bench.writer.attempt({ id, user_id: student, ...PASSED });
    const source = await bench.source();
    const huge = wrappedSource(source, {
      rowsByIds: async (kind, ids) => {
        const { rows, bad } = await source.rowsByIds(kind, ids);
        return { rows: rows.map((row) => row.id === "3" ? { ...row, activityId: "99999999999999999999" } : row), bad };
      },
    });
    const { tally } = await bench.poll({ source: huge });
    assert.equal(tally.quarantined, 1);
    assert.deepEqual((await bench.told()).map((text) => text[0]), ["1", "2", "4", "5"]);
    assert.match((await bench.quarantine())["3"] ?? "", /the state database refuses the row: a number is out of range/);
    await bench.lms.execute("delete from attempts where id = 3");
    await bench.poll();
    assert.deepEqual(await bench.quarantine(), {});
  },
);
