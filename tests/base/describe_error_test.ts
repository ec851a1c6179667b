import assert from "node:assert/strict";
import { describeError, errorChain } from "../../lib/base/describe_error.ts";
import { LmsError, MigrationError, UsageError } from "../../lib/base/errors.ts";

Deno.test("describeError() gives each class its code and exit code", () => {
  const cases: [unknown, string, number][] = [
    [new UsageError("x"), "usage", 2],
    [new MigrationError("x"), "migration", 3],
    [new LmsError("unreachable", "x"), "lms", 4],
    [new LmsError("schema", "x"), "lms", 1],
    [new TypeError("x"), "internal", 1],
    ["thrown text", "internal", 1],
    [new Deno.errors.NotCapable("Requires read access, run again with the --allow-read flag"), "permission", 1],
  ];
  for (const [error, code, exitCode] of cases) {
    const report = describeError(error);
    assert.deepEqual([report.code, report.exitCode], [code, exitCode], String(error));
  }
});

Deno.test("errorChain() ends at cycles and takes the first of an AggregateError", () => {
  const a = new Error("a");
  a.cause = new Error("b", { cause: a });
  assert.deepEqual(errorChain(a).map((link) => link.message), ["a", "b"]);
  assert.deepEqual(errorChain(new AggregateError([new Error("one")], "all")).map((link) => link.message), [
    "all",
    "one",
  ]);
});
