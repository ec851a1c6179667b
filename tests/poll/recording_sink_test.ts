import assert from "node:assert/strict";
import { LeaseLostError } from "../../lib/base/errors.ts";
import { recordingSink } from "../../lib/poll/state_edges.ts";
import { attempt, batch, change, history, person, told } from "./record/batches.ts";
import { startPolling } from "./record/start_polling.ts";
import { forEachState } from "../support/state/with_state.ts";

/** More events than have their tries counted: such a batch is prepared while the one before is written. */
const MANY = 2_001;

const manyFrom = (first: number) => Array.from({ length: MANY }, (_, i) => attempt(String(first + i)));

forEachState("recordingSink() writes batches in order that were handed over at once", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const sink = recordingSink(db, lease, () => {});
  const mentors = new Map([["3", person("mentor", "3", { username: "third" })]]);
  const links = new Map([["7", ["3"]]]);
  const of = (first: number, people = [...mentors.values()]) =>
    batch(stream, pollId, manyFrom(first).map((row) => change(row, history(row))), { people, links, mentors });
  const last = attempt("9000");
  // The second batch brings nobody: the mentor is at hand only, since the first batch is not committed yet.
  await Promise.all([
    sink.record(of(1)),
    sink.record(of(3001, [])),
    sink.record(batch(stream, pollId, [change(last, told(last))], { people: [], links, mentors })),
  ]);
  const rows = await db.sql`
    select event_id, attempt_id, mentor_username, attempt_no from lmsmon.lms_activity_events order by event_id`;
  assert.deepEqual(rows.map((row) => Number(row["attempt_id"])), [
    ...manyFrom(1).map((row) => Number(row.id)),
    ...manyFrom(3001).map((row) => Number(row.id)),
    9000,
  ]);
  assert.ok(rows.every((row) => row["mentor_username"] === "third"));
  // Of the same student at the same exam, so the small batch waited for both large ones before it counted.
  assert.equal(rows.at(-1)?.["attempt_no"], 2 * MANY + 1);
});

forEachState("P2: recordingSink() writes nothing after a batch that failed", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const sink = recordingSink(db, { ...lease, token: String(BigInt(lease.token) + 1n) }, () => {});
  const of = (first: number) => batch(stream, pollId, manyFrom(first).map((row) => change(row, history(row))));
  const [one, two] = await Promise.allSettled([sink.record(of(1)), sink.record(of(3001))]);
  for (const result of [one, two]) {
    assert.ok(result?.status === "rejected" && result.reason instanceof LeaseLostError);
  }
  const [events] = await db.sql`select count(*)::int as count from lmsmon.lms_activity_events`;
  assert.equal(events?.["count"], 0);
});
