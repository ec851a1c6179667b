import assert from "node:assert/strict";
import { StateError } from "../../../lib/base/errors.ts";
import { EVENT_TYPES, factsOf } from "../../../lib/model/event_types.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { quarantinedRows } from "../../../lib/poll/record/quarantine.ts";
import { forEachState } from "../../support/state/with_state.ts";
import { attempt, batch, change, options, told } from "./batches.ts";
import { startPolling } from "./start_polling.ts";

forEachState("every event type can be stored", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const changes = EVENT_TYPES.map((type, i) => {
    const row = attempt(String(i + 1), { kind: factsOf(type).kind });
    return change(row, told(row, { type, stage: factsOf(type).stage }));
  });
  await recordBatch(db, lease, batch(stream, pollId, changes), options);
  const stored = await db.sql`select event_type from lmsmon.lms_activity_events order by attempt_id`;
  assert.deepEqual(stored.map((row) => row.event_type), EVENT_TYPES);
});

forEachState(
  "a type that no migration has added is an error that names the rule, not a row in quarantine",
  async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    await db.sql.unsafe(
      "alter table lmsmon.lms_activity_events drop constraint lms_activity_events_type, " +
        "add constraint lms_activity_events_type check (event_type <> 'exam_passed')",
    );
    const row = attempt("1");
    await assert.rejects(
      recordBatch(db, lease, batch(stream, pollId, [change(row, told(row))]), options),
      (error) => {
        assert.ok(error instanceof StateError);
        assert.match(error.message, /rule "lms_activity_events_type" of table "lms_activity_events"/);
        assert.match(error.hint ?? "", /lmsmon migrate --status/);
        return true;
      },
    );
    assert.deepEqual(await quarantinedRows(db, stream), []);
    assert.equal((await db.sql`select from lmsmon.row_states`).length, 0);
  },
);
