import assert from "node:assert/strict";
import { mysqlDialect } from "../../sql/lms/dialects/mysql.ts";
import { postgresDialect } from "../../sql/lms/dialects/postgres.ts";
import { readMapping } from "../../lib/source/mapping.ts";
import { columnProblems } from "../../lib/source/mapping_check.ts";
import { mappingText } from "../support/presets/custom_lms.ts";

const MAPPING = `
people:
  student: {from: "select id, login as username from users"}
  mentor: {from: "select id, login as email from users"}
links: {from: "select id as mentor_id, id as student_id from users"}
kinds:
  exam:
    key: AttemptId
    rows: [{table: Tries, key: AttemptId}]
    from: select AttemptId, user_id as Student_Id, 1 as activity_id, word as state from Tries
    states: {done: finished}
`;

Deno.test("the key of a mapping may be written in letters of both sizes, as the LMS has it", () => {
  const preset = readMapping(mappingText(MAPPING), "school");
  const columns = (...names: readonly string[]) => names.map((name) => ({ name, type: "int" }));
  const problems = (dialect: typeof mysqlDialect, ...names: readonly string[]) =>
    columnProblems(preset, { what: "exam" }, columns(...names), dialect);
  assert.deepEqual(problems(mysqlDialect, "AttemptId", "Student_Id", "activity_id", "state"), []);
  assert.deepEqual(problems(mysqlDialect, "attemptid", "STUDENT_ID", "activity_id", "state"), []);
  assert.match(problems(mysqlDialect, "AttemptId", "student_id", "activity_id", "state", "wrong").join(), /"wrong"/);
  assert.match(problems(postgresDialect, "attemptid", "student_id", "activity_id", "state").join(), /"AttemptId"/);
});
