import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { DEFAULT_CONSTANTS } from "../../lib/insights/score.ts";
import { courseOf, studentOf, viewOf } from "../../lib/mcp/view.ts";
import { textId } from "../../lib/model/key_space.ts";
import { findStudents } from "../../sql/state/agent.ts";
import { withState } from "../support/state/with_state.ts";

const SOURCE = "lms";
const UUID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

Deno.test("an agent that may know pseudonyms alone is not led to one by a key or a username that looks like one", () =>
  withState("embedded", async (db) => {
    const id = textId("student", UUID);
    const username = UUID.replaceAll("0", "9");
    await db.sql`insert into lmsmon.lms_keys (id, sort, key) values (${id}, 'student', ${UUID})`;
    await db.sql`
      insert into lmsmon.people (source, role, id, username, name) values
        (${SOURCE}, 'student', ${id}, 'asha', 'Asha'), (${SOURCE}, 'student', 7, ${username}, 'Binu')`;
    const settings = {
      source: SOURCE,
      timezone: "UTC",
      mentor: null,
      constants: DEFAULT_CONSTANTS,
      clock: systemClock,
    };
    const view = await viewOf({ ...settings, identified: false }, db.sql);
    for (const asked of [UUID, username, "asha", "7"]) {
      await assert.rejects(studentOf(view, asked), /no such pseudonym/, asked);
    }
    assert.equal(await studentOf(view, view.called("student", id)), id);

    const identified = await viewOf({ ...settings, identified: true }, db.sql);
    assert.equal(await studentOf(identified, UUID), id);
    assert.equal(await studentOf(identified, username), "7");
    const found = async (start: string) => {
      const search = { students: null, start, identified: true, course: null, after: null, limit: 9 };
      return (await findStudents(db.sql, SOURCE, search)).map((row) => identified.called("student", row.id));
    };
    assert.deepEqual(await found(UUID.slice(0, 8)), [UUID], "by the LMS's own key, as it is shown");
    assert.deepEqual(await found(id.slice(0, 8)), [], "not by the number that stands for it");
  }));

Deno.test("courseOf() takes a title as answers show it: on one line, short, between its signs", () => {
  const titles = ["Physik «Übung»\nzwei", "x".repeat(200), "Chemie", `${"y".repeat(90)}1`, `${"y".repeat(90)}2`];
  const courses = titles.map((title, i) => ({ course_id: String(i), course_key: String(i), title }));
  assert.equal(courseOf("«Physik 'Übung' zwei»", courses).course_id, "0");
  assert.equal(courseOf(`«${"x".repeat(79)}…»`, courses).course_id, "1");
  assert.equal(courseOf("chemie", courses).course_id, "2");
  assert.throws(() => courseOf(`«${"y".repeat(79)}…»`, courses), /Cannot find course/);
});
