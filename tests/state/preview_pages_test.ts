import assert from "node:assert/strict";
import { eventsToPreview } from "../../sql/state/preview.ts";
import { insertRows, manyRows } from "../export/_events.ts";
import { forEachState } from "../support/state/with_state.ts";

const micros = (iso: string) => Temporal.Instant.from(iso).epochMilliseconds * 1000;

forEachState("pages of a day to preview have each event once, also those of one moment", async (db) => {
  const hours = ["09", "11", "10", "10", "10", "10", "08", "23"];
  await insertRows(db, manyRows(hours.length, (i) => ({ timestamp: `2026-11-20T${hours[i]}:00:00Z` })));
  const until = micros("2026-11-20T20:00:00Z");
  const read = async (limit: number) => {
    const ids: number[] = [];
    let [since, after] = [micros("2026-11-20T08:30:00Z"), "0"];
    for (let more = true; more;) {
      const rows = await eventsToPreview(db.sql, "testpress", { since, until, after, limit });
      for (const row of rows) [since, after] = [Number(row.occurred_us), row.event_id];
      ids.push(...rows.map((row) => Number(row.event_id)));
      more = rows.length === limit;
    }
    return ids;
  };
  for (const limit of [1, 2, 3, 100]) assert.deepEqual(await read(limit), [1, 3, 4, 5, 6, 2], `${limit} a page`);
});
