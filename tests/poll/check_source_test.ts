import assert from "node:assert/strict";
import type { LmsIdentity } from "../../lib/lms/lms_source.ts";
import { judgeSource } from "../../lib/poll/check_source.ts";

const LMS: LmsIdentity = { dialect: "postgres", database: "lms", system: "1" };
const NONE = { known: 0, same: 0 };

Deno.test("judgeSource() knows an LMS again of which no row is known yet", () => {
  assert.equal(judgeSource(LMS, LMS, NONE), "known");
  const mysql: LmsIdentity = { dialect: "mysql", database: "lms", system: null };
  assert.equal(judgeSource(mysql, mysql, NONE), "known");
});

Deno.test("judgeSource() accepts the first LMS, and another one while no row is known", () => {
  assert.equal(judgeSource(null, LMS, NONE), "accept");
  assert.equal(judgeSource(LMS, { ...LMS, system: "2" }, NONE), "accept");
});

Deno.test("judgeSource() lets a moved LMS through when its rows are the same, and stops at another one", () => {
  assert.equal(judgeSource(LMS, { ...LMS, system: "2" }, { known: 20, same: 20 }), "accept");
  assert.equal(judgeSource(LMS, { ...LMS, system: "2" }, { known: 20, same: 3 }), "exchanged");
});
