import assert from "node:assert/strict";
import { exportLine } from "./schema_1_line.ts";
import { migrations } from "../../sql/state/migrations/manifest.ts";
import { forEachState } from "../support/state/with_state.ts";
import { eventRow, exportedText, insertRows, METADATA } from "./_events.ts";

const IN_METADATA = [
  ["2026-11-20T07:02:59Z", "2026-11-20T07:02:59.000000Z"],
  ["2026-11-20T07:02:59.5Z", "2026-11-20T07:02:59.500000Z"],
  ["2026-11-20T07:02:59.12345Z", "2026-11-20T07:02:59.123450Z"],
  ["2026-11-20T07:02:59.000001Z", "2026-11-20T07:02:59.000001Z"],
  ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"],
  ["12026-01-01T00:00:00.25Z", "12026-01-01T00:00:00.250000Z"],
  [null, null],
] as const;

forEachState("times in exports have six digits, those of events stored before too", async (db) => {
  await insertRows(
    db,
    IN_METADATA.map(([before], i) =>
      eventRow({
        event_id: String(i + 1),
        timestamp: ["2026-11-20T09:15:00Z", "2026-11-20T09:15:00.25Z"][i % 2] ?? "",
        activity_metadata: { ...METADATA, started_at: before },
      })
    ),
  );
  const sixDigits = migrations.find(({ name }) => name === "0007_six_digit_times");
  await db.sql.unsafe(sixDigits?.sql ?? "");
  const lines = (await exportedText(db)).trim().split("\n").map((line) => exportLine.parse(JSON.parse(line)));
  assert.deepEqual(lines.map(({ metadata }) => metadata.started_at), IN_METADATA.map(([, after]) => after));
  assert.deepEqual(lines.slice(0, 2).map((line) => line.occurred_at), [
    "2026-11-20T09:15:00.000000Z",
    "2026-11-20T09:15:00.250000Z",
  ]);
  assert.deepEqual(
    lines.map(({ metadata }) => ({ ...metadata, started_at: null })),
    lines.map(() => ({ ...METADATA, started_at: null })),
  );
});
