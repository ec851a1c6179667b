import assert from "node:assert/strict";
import { commands } from "../../commands/commands.ts";
import { commandJson } from "../../lib/app/command_json.ts";
import { sampleJson } from "../../lib/app/preset.ts";

const DOCS = Deno.readTextFileSync(new URL("../../docs/json.md", import.meta.url));

Deno.test("every command that takes --json is documented, and begins its result alike", async () => {
  const names: string[] = [];
  for (const { name, load } of commands) {
    if ((await load()).options.some((option) => option.long === "--json")) names.push(name);
  }
  assert.deepEqual(names.toSorted(), [
    "audit",
    "config",
    "consumers",
    "doctor",
    "explain",
    "history",
    "init",
    "insights",
    "map-users",
    "migrate",
    "notify-test",
    "pause",
    "poll-once",
    "preview",
    "reconcile",
    "release",
    "reload",
    "report",
    "resume",
    "retry",
    "schema",
    "stats",
    "version",
  ]);
  for (const name of names) assert.match(DOCS, new RegExp(`^### ${name}$`, "m"), name);
  assert.deepEqual(Object.keys(commandJson("stats", { a: 1 })), ["schema", "command", "a"]);
});

Deno.test("a sample of preset check has the words and the ids of every result", () => {
  const said = { type: "exam_passed", student_id: "7013", activity_id: "c0ffee-1", activity: "Optics" } as const;
  const sample = sampleJson({ ...said, occurred_at: "2026-11-20T09:15:00.000000Z", score: 137, percentage: 76 });
  assert.deepEqual([sample.event_type, sample.student_id, sample.activity_id], ["exam_passed", 7013, "c0ffee-1"]);
  assert.equal(
    sampleJson({ ...said, student_id: "007", occurred_at: "", score: null, percentage: null }).student_id,
    "007",
  );
});
