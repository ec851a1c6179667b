import assert from "node:assert/strict";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const passed = (score: number) => ({ state: "Completed", result: "Pass", score, percentage: 80, date: utcNow() });
const failed = (score: number) => ({ state: "Completed", result: "Fail", score, percentage: 6, date: utcNow() });

for (const state of ["embedded", "server"] as const) {
  Deno.test({
    ignore,
    name: `P12: poll-once tells of an id used again, of a missing row only when it is back [${state}]`,
  }, async () => {
    await using place = await makePlace({ state });
    const { writer } = place.lms;
    const [first, second] = [await place.pair(), await place.pair()];
    const exams = [await writer.exam({ title: "Algebra" }), await writer.exam({ title: "Botany" })] as const;
    const read = (whose: { zulipId: number }) => place.zulip.dmsTo(whose.zulipId).map(({ content }) => content);
    const poll = async (...flags: string[]) => {
      const { code, err, out } = await place.home.run("poll-once", ...flags);
      assert.equal(code, 0, err);
      assert.doesNotMatch(err, /"level":"(warning|error)"/);
      return out;
    };
    await poll();
    await writer.attempt({ id: 2, user_id: first.student, exam_id: exams[0], ...passed(85) });
    await poll();
    assert.match(read(first)[0] ?? "", /passed.*Algebra.*85/s);

    await writer.remove("attempts", 2);
    await writer.attempt({ id: 2, user_id: second.student, exam_id: exams[1], ...failed(11) });
    assert.doesNotMatch(await poll("--dry-run"), /revision|\b85\b/);
    await poll();
    assert.equal(read(second).length, 1);
    assert.match(read(second)[0] ?? "", /failed.*Botany.*11/s);
    assert.doesNotMatch(read(second)[0] ?? "", /\b85\b|now failed|you were told/);
    assert.equal(read(first).length, 1);

    const exported = (await place.home.run("export-ai", "--schema", "1")).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual(
      exported.map((
        { student, activity, metadata: m },
      ) => [student.id, activity.attempt_id, activity.attempt_no, m.revision, m.supersedes, m.previous]),
      [[first.student, 2, 1, 1, null, null], [second.student, 2, 1, 1, null, null]],
    );

    // A row that leaves the LMS before it is told.
    const row = { id: 9, user_id: first.student, exam_id: exams[1], ...passed(71) };
    await writer.attempt(row);
    await poll("--no-notify");
    await writer.remove("attempts", 9);
    await poll();
    await poll();
    assert.equal(read(first).length, 1);
    assert.match((await place.home.run("stats")).out, /waiting.*row_missing/);
    await writer.attempt(row);
    await poll();
    await poll();
    assert.equal(read(first).length, 2);
    assert.match(read(first)[1] ?? "", /71/);
  });
}
