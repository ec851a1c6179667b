import assert from "node:assert/strict";
import { CommandError } from "../../lib/base/errors.ts";
import { pseudonyms } from "../../lib/privacy/pseudonyms.ts";
import { textId } from "../../lib/model/key_space.ts";
import type { Role } from "../../lib/model/person.ts";
import { findPeople, findPerson } from "../../lib/people/find_person.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { withState } from "../support/state/with_state.ts";

const BY_TEXT = textId("student", "u-1");

Deno.test("findPerson() takes an id, the LMS's own text, a pseudonym or a username, and names nobody in what it refuses", async () => {
  await withState("embedded", async (db) => {
    const { sql } = db;
    const people = [
      ["one", "student", "7", "anna"],
      ["one", "student", "70", "7"],
      ["one", "student", BY_TEXT, "Bob"],
      ["one", "student", "8", "eve"],
      ["one", "student", "9", "Eve"],
      ["one", "student", "10", "twin"],
      ["one", "student", "11", "twin"],
      ["one", "mentor", "7", "anna"],
      ["one", "mentor", "12", "maria.garcia"],
      ["two", "student", "7", "anna"],
    ];
    for (const [source, role, id, username] of people) {
      await sql`insert into lmsmon.people (source, role, id, username) values (${source}, ${role}, ${id}, ${username})`;
    }
    await sql`
      insert into lmsmon.enrolments (source, student_id, scope, scope_id, seen_at, active) values ('one', 55, 'site', 0, now(), true)`;
    const of = await pseudonyms(sql);
    const find = (asked: string, role: Role = "student") => findPerson(sql, "one", role, asked);
    const found: [string, string][] = [
      ["7", "7"],
      [" 007 ", "7"],
      ["u-1", BY_TEXT],
      [BY_TEXT, BY_TEXT],
      ["anna", "7"],
      ["ANNA", "7"],
      ["bob", BY_TEXT],
      ["eve", "8"],
      ["Eve", "9"],
      ["55", "55"],
      [of("student", "one", "7"), "7"],
      [of("student", "one", BY_TEXT), BY_TEXT],
      [of("student", "one", "55"), "55"],
    ];
    for (const [asked, id] of found) assert.equal(await find(asked), id, asked);
    assert.equal(await find(of("mentor", "one", "12"), "mentor"), "12");
    assert.deepEqual((await findPeople(sql, "anna", {})).map(({ role, source }) => `${role} ${source}`), [
      "mentor one",
      "student one",
      "student two",
    ]);

    const refused = async (asked: string, role: Role, message: RegExp, hint: RegExp) => {
      await assert.rejects(find(asked, role), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.message, message);
        assert.match(error.hint ?? "", hint);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /anna|garci|twin/);
        return true;
      });
    };
    await refused("annna", "student", /^Cannot find student of that username in one$/, /Did you mean student 7\?/);
    await refused("79", "student", /^Cannot find student 79 in one$/, /Did you mean student 70 or 7 /);
    await refused("maria.garcia", "student", /of that username/, /^mentor 12 has it/);
    await refused("maria.garci", "mentor", /Cannot find mentor of that username/, /Did you mean mentor 12\?/);
    await refused("twin", "student", /several have that username/, /10, 11/);
    await refused(of("student", "two", "7"), "student", /^Cannot find student [0-9a-f]{32} in one$/, /pseudonym/);
    for (const asked of ["", "'; drop schema lmsmon", "99999999999999999999", "%", "a\0b"]) {
      await assert.rejects(find(asked), CommandError);
    }

    const { pseudonym } = await erase(db, { role: "student", source: "one", id: "7" }, {
      reasonCode: "art17",
      dryRun: false,
    });
    await refused(pseudonym, "student", /this student was erased$/, /art17/);
    assert.deepEqual(await findPeople(sql, pseudonym, {}), []);
  });
});
