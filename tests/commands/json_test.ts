import assert from "node:assert/strict";
import { commands } from "../../commands/commands.ts";
import { commandJson } from "../../lib/app/command_json.ts";

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
