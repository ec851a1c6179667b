import assert from "node:assert/strict";
import { requireOnce } from "../../commands/say_it_once.ts";
import { UsageError } from "../../lib/base/errors.ts";
import { buildProgram } from "../../main.ts";

const program = await buildProgram();

Deno.test("a flag that comes twice with two values is an error, not its last value", () => {
  for (
    const [line, said] of [
      ["release --poll 3 --poll 4", "--poll is given twice, with two values"],
      ["pause --mentor 1 --reason x --mentor=2", "--mentor is given twice, with two values"],
      ["retry --event=1 --event=2 --json", "--event is given twice, with two values"],
      ["--log-level debug privacy erase 7 --reason-code a --yes --reason-code b", "--reason-code is given twice"],
      ["insights --at 2026-10-01 evaluate --outcomes x --at 2026-11-01", "--at is given twice, with two values"],
    ] as const
  ) {
    const isThat = (error: unknown) => error instanceof UsageError && error.message.startsWith(said);
    assert.throws(() => requireOnce(program, line.split(" ")), isThat, line);
  }
  const hint = (error: unknown) => error instanceof UsageError && error.hint === "Several go behind one: --type A,B";
  assert.throws(() => requireOnce(program, "export-ai --type exam_passed --type exam_failed".split(" ")), hint);
});

Deno.test("what is the same twice, the program's own flags, and what only looks like a flag may come again", () => {
  for (
    const line of [
      ["stats", "--json", "--json"],
      ["--config", "a.yaml", "stats", "--config", "b.yaml"],
      ["export-ai", "--limit", "5", "--limit", "5"],
      ["pause", "--reason", "--mentor", "--mentor", "1"],
      ["history", "--since", "1d", "--", "--since", "2d"],
      ["explain", "student", "7", "--mentor", "1"],
    ]
  ) requireOnce(program, line);
});
