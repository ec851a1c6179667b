import assert from "node:assert/strict";
import { atEveryPlace, type PollBench } from "../poll/poll_bench.ts";

const PASSED = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
const HIGHEST = 9_223_372_036_854_775_807n;
const BEYOND = 18_446_744_073_709_551_615n;
const REASON = "is beyond the largest id that can be kept (64 bits with a sign)";

/** Makes id columns as wide as this database has them: bigint unsigned, or numeric. */
async function widen({ lms, writer }: PollBench, columns: readonly (readonly [string, string])[]): Promise<void> {
  const postgres = writer.dialect === "postgres";
  const keys = [
    ["content_attempts", "assessment_id"],
    ["attempts", "user_id"],
    ["attempts", "exam_id"],
    ["_MentorToStudent", "A"],
    ["_MentorToStudent", "B"],
    ["_BatchToStudent", "A"],
    ["_BatchToStudent", "B"],
  ];
  for (const [table, column] of keys) {
    await lms.execute(
      postgres
        ? `alter table "${table}" drop constraint "${table}_${column}_fkey"`
        : `alter table \`${table}\` drop foreign key \`${table}_${column}_fkey\``,
    );
  }
  if (!postgres) {
    // A column that another one refers to keeps its type.
    const [left] = await lms.execute(
      "select table_name as t, constraint_name as c from information_schema.table_constraints" +
        " where table_schema = database() and constraint_type = 'FOREIGN KEY'",
    ) as [{ t: string; c: string }[]];
    for (const { t, c } of left) await lms.execute(`alter table \`${t}\` drop foreign key \`${c}\``);
  }
  for (const [table, column] of columns) {
    await lms.execute(
      postgres
        ? `alter table "${table}" alter "${column}" type numeric`
        : `alter table \`${table}\` modify \`${column}\` bigint unsigned${column === "id" ? " not null" : ""}`,
    );
  }
}

async function oddKeys({ db }: PollBench): Promise<Record<string, string>> {
  const rows = await db.sql<{ row_key: string; reason: string }[]>`
    select row_key, reason from lmsmon.quarantined_keys order by 1`;
  return Object.fromEntries(rows.map(({ row_key, reason }) => [row_key, reason]));
}

for (const mode of ["quick", "full"] as const) {
  atEveryPlace(
    `P9: a row whose key is beyond 64 bits is quarantined under its key by a ${mode} poll, and all others are told`,
    {},
    async (bench) => {
      await widen(bench, [["attempts", "id"]]);
      if (mode === "full" && bench.writer.dialect === "mysql") {
        await bench.lms.execute("alter table attempts modify id decimal(20, 0) not null");
      }
      const { student } = await bench.pair();
      await bench.writer.attempt({ id: 1, user_id: student });
      await bench.writer.attempt({ id: HIGHEST + 1n, user_id: student, ...PASSED });
      await bench.firstContact();
      await bench.writer.attempt({ id: BEYOND, user_id: student, ...PASSED });
      await bench.writer.attempt({ id: HIGHEST, user_id: student, ...PASSED });
      await bench.writer.attempt({ id: HIGHEST - 1n, user_id: student, ...PASSED });
      await bench.writer.updateAttempt(1, PASSED);
      const { tally } = await bench.poll({ mode });
      assert.equal(tally.quarantined, 2);
      assert.deepEqual(await bench.told(), [
        "1 exam_passed 1",
        "1 exam_started 1",
        `${HIGHEST - 1n} exam_passed 1`,
        `${HIGHEST} exam_passed 1`,
      ]);
      assert.deepEqual(await oddKeys(bench), {
        [String(BEYOND)]: `attempts.id: ${REASON}`,
        [String(HIGHEST + 1n)]: `attempts.id: ${REASON}`,
      });
      assert.equal((await bench.deliver()).sent, 3);

      // The highest of all ids is compared like any other, in the bucket of which there is a part only.
      await bench.lms.execute(`update attempts set result = 'Fail' where id = ${HIGHEST}`);
      await bench.lms.execute(`delete from attempts where id = ${HIGHEST - 1n} or id = ${BEYOND}`);
      const again = await bench.poll();
      assert.deepEqual([again.tally.events, again.tally.rowsMissing], [1, 1]);
      assert.equal((await bench.poll()).tally.rowsRead, 0);
      assert.deepEqual(Object.keys(await oddKeys(bench)), [String(HIGHEST + 1n)], "what is gone leaves the quarantine");
    },
  );
}

atEveryPlace(
  "P9: an id beyond 64 bits in any column of a row puts that row alone into quarantine",
  {},
  async (bench) => {
    await widen(bench, [["attempts", "user_id"], ["attempts", "exam_id"]]);
    const { student } = await bench.pair();
    await bench.firstContact();
    await bench.writer.attempt({ id: 1, user_id: BEYOND, ...PASSED });
    await bench.writer.attempt({ id: 2, user_id: student, exam_id: HIGHEST + 1n, ...PASSED });
    await bench.writer.attempt({ id: 3, user_id: student, exam_id: HIGHEST, ...PASSED });
    assert.equal((await bench.poll()).tally.quarantined, 2);
    assert.deepEqual(await bench.quarantine(), {
      "1": `attempts.user_id: ${REASON}`,
      "2": `attempts.exam_id: ${REASON}`,
    });
    assert.deepEqual(await bench.told(), ["3 exam_passed 1"]);
    await bench.writer.updateAttempt(1, { user_id: student });
    await bench.poll();
    assert.deepEqual(await bench.told(), ["1 exam_passed 1", "3 exam_passed 1"]);
  },
);

atEveryPlace(
  "P4: a mentor or a batch whose id is beyond 64 bits keeps no other mentor from being told, and is counted",
  {},
  async (bench) => {
    await widen(bench, [["_MentorToStudent", "A"], ["_BatchToStudent", "A"], ["mentors", "id"], ["students", "id"]]);
    const { student, mentor } = await bench.pair();
    await bench.firstContact();
    await bench.writer.insert("_MentorToStudent", [{ A: BEYOND, B: student }]);
    await bench.writer.insert("_BatchToStudent", [{ A: BEYOND, B: student }]);
    await bench.writer.insert("mentors", [{
      ...{ id: BEYOND, username: "beyond", created: "2026-01-01 00:00:00" },
      ...{ students_count: 0, hierarchy: "mentor" },
    }]);
    await bench.writer.attempt({ id: 1, user_id: student, ...PASSED });
    const { tally } = await bench.poll();
    assert.equal(tally.unusableLinks, 2);
    assert.equal((await bench.deliver()).sent, 1);
    const found = [];
    for await (const page of (await bench.source()).allPeople("mentor")) found.push(...page.map(({ id }) => id));
    assert.deepEqual(found, [String(mentor)]);
  },
);

atEveryPlace(
  "P9: a key that is no whole number is quarantined under its key where a database has such",
  {},
  async (bench) => {
    if (bench.writer.dialect !== "postgres") return;
    await widen(bench, [["attempts", "id"]]);
    const { student } = await bench.pair();
    await bench.firstContact();
    await bench.lms.execute(
      `insert into attempts (id, user_id, state) values (1.5, ${student}, 'Running'), ('NaN', ${student}, 'Running')`,
    );
    await bench.writer.attempt({ id: 2, user_id: student, ...PASSED });
    await bench.poll();
    assert.deepEqual(await bench.told(), ["2 exam_passed 1"]);
    assert.deepEqual(await oddKeys(bench), {
      "1.5": "attempts.id: is no whole number",
      "NaN": "attempts.id: is no whole number",
    });
    assert.equal((await bench.poll()).tally.rowsRead, 0);
  },
);
