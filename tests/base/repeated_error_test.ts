import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { LmsError } from "../../lib/base/errors.ts";
import { logger, setUpLogging, tearDownLogging } from "../../lib/base/log.ts";
import { RepeatedError } from "../../lib/base/repeated_error.ts";

Deno.test("RepeatedError says a trouble once, again when it turns into another, and once when it ends", () => {
  const lines: string[] = [];
  setUpLogging({ level: "info", format: "json", write: (line) => lines.push(JSON.parse(line).message) });
  try {
    const trouble = new RepeatedError("Polling", logger("test"), systemClock);
    trouble.succeeded();
    for (const port of [1, 2, 3]) trouble.failed(new LmsError("unreachable", `Cannot reach port ${port}`));
    for (let i = 0; i < 3; i++) trouble.failed(new LmsError("identity", "Cannot poll: exchanged"));
    trouble.succeeded();
    trouble.failed(new LmsError("identity", "Cannot poll: exchanged"));
    assert.deepEqual(lines, [
      "Polling is in trouble, trying again until it works",
      "Polling is in trouble, trying again until it works",
      "Polling works again",
      "Polling is in trouble, trying again until it works",
    ]);
  } finally {
    tearDownLogging();
  }
});
