import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { StateError } from "../../lib/base/errors.ts";
import { logger, type LoggingOptions, setUpLogging, tearDownLogging } from "../../lib/base/log.ts";
import { RepeatedError } from "../../lib/base/repeated_error.ts";

/** Runs `work` with logging into a list of lines. */
function linesOf(options: Partial<LoggingOptions>, work: () => void): string[] {
  const lines: string[] = [];
  setUpLogging({ level: "info", format: "json", isTerminal: false, write: (line) => lines.push(line), ...options });
  try {
    work();
  } finally {
    tearDownLogging();
  }
  return lines;
}

Deno.test("log writes one JSON object a line with its properties and the chain of causes", () => {
  const error = new StateError("Cannot open the state", { hint: "Start it", cause: new TypeError("refused\nhere") });
  const [line = ""] = linesOf(
    {},
    () => logger("store").warning("Poll {poll} failed", { poll: 7n, message: "x", error }),
  );
  assert(line.endsWith("\n") && !line.trimEnd().includes("\n"));
  const { time, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: "warning",
    logger: "lmsmon.store",
    message: "Poll 7 failed",
    poll: 7,
    message_: "x",
    error: {
      name: "StateError",
      message: "Cannot open the state",
      code: "state",
      hint: "Start it",
      causes: [{ name: "TypeError", message: "refused\nhere" }],
    },
  });
});

Deno.test("log writes for people without control characters, and stacks only at debug", () => {
  const work = () =>
    logger("zulip").error("Cannot reach {site}", { site: "a\u001b[31m", tries: 2, error: new Error("no\nway") });
  const [line = ""] = linesOf({ format: "pretty" }, work);
  assert.match(line, /^\d\d:\d\d:\d\d\.\d{3}Z error {3}zulip {3}Cannot reach a\ufffd\[31m: no\ufffdway tries=2\n$/);
  assert(linesOf({ format: "pretty", level: "debug" }, work).join("").includes("log_test.ts"));
});

Deno.test("log leaves out what is below its level, and is pretty or JSON by the terminal when auto", () => {
  assert.equal(linesOf({ level: "warning" }, () => logger().info("x")).length, 0);
  assert(linesOf({ format: "auto", isTerminal: false }, () => logger().info("x"))[0]?.startsWith("{"));
  assert(!linesOf({ format: "auto", isTerminal: true }, () => logger().info("x"))[0]?.startsWith("{"));
});

Deno.test("log keeps a line whose property cannot be printed", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const [line = ""] = linesOf({}, () => logger().info("Round", { cycle }));
  assert.equal(JSON.parse(line).message, "Round");
});

Deno.test("RepeatedError says a trouble once when it starts and once when it ends", () => {
  let ms = 0;
  const clock: Clock = { now: () => 0, monotonicMs: () => ms, sleep: () => Promise.resolve() };
  const lines = linesOf({}, () => {
    const trouble = new RepeatedError("Zulip", logger("zulip"), clock);
    trouble.succeeded();
    for (let i = 0; i < 5; i++) trouble.failed(new Error(`refused ${i}`));
    assert(trouble.inTrouble);
    ms = 90_000;
    trouble.succeeded();
    trouble.succeeded();
  }).map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((line) => [line.level, line.message]), [
    ["error", "Zulip is in trouble, trying again until it works"],
    ["info", "Zulip works again"],
  ]);
  assert.equal(lines[0].error.message, "refused 0");
  assert.equal(lines[1].lasted, "1m30s");
  assert.equal(lines[1].failures, 5);
});
