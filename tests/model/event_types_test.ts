import assert from "node:assert/strict";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { migrations } from "../../sql/state/migrations/manifest.ts";

Deno.test("the newest rule of the schema about event types names each of them", () => {
  const rule = /lms_activity_events_type check \(event_type in \(([^)]+)\)/g;
  const rules = migrations.flatMap(({ sql }) => [...sql.matchAll(rule)]);
  const named = [...(rules.at(-1)?.[1] ?? "").matchAll(/'(\w+)'/g)].map(([, type]) => type ?? "");
  assert.deepEqual(named.sort(), [...EVENT_TYPES].sort());
});
