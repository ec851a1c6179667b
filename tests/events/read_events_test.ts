import assert from "node:assert/strict";
import { readEvents } from "../../lib/events/read_events.ts";
import type { EventFilter } from "../../sql/state/event_filter.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { forEachState } from "../support/state/with_state.ts";
import { eventRow, EVERYTHING, exportedText, insertPeople, insertRows, manyRows } from "../export/_events.ts";

async function idsOf(db: StateDb, filter: Partial<EventFilter>, options = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const event of readEvents(db, { ...EVERYTHING.filter, ...filter }, options)) found.push(event.eventId);
  return found;
}

forEachState("readEvents() gives the events that an export has, typed, in the same order", async (db) => {
  const mentorSet = await insertPeople(db);
  await insertRows(db, manyRows(2300, (i) => ({ student_id: i % 7 === 0 ? null : "7713", mentor_set_id: mentorSet })));
  const lines = (await exportedText(db, { identified: true })).trimEnd().split("\n").map((line) => JSON.parse(line));
  let i = 0;
  for await (const event of readEvents(db, EVERYTHING.filter)) {
    const line = lines[i++];
    assert.equal(event.eventId, String(line.event_id));
    assert.equal(event.type, line.event_type);
    assert.deepEqual(event.metadata, line.metadata);
    assert.deepEqual(event.mentorIds, line.mentors.map((mentor: { id: unknown }) => String(mentor.id)));
    assert.equal(event.student.id, line.student.id === null ? null : String(line.student.id));
    assert.equal(event.student.email, line.student.email);
    assert.equal(event.activity.title, line.activity.title);
  }
  assert.equal(i, 2300);
});

forEachState("readEvents() selects, begins after an event, and ends at a limit or when it is stopped", async (db) => {
  await insertPeople(db);
  await insertRows(db, [...manyRows(6), eventRow({ event_id: "9007199254740993", source: "elsewhere" })]);
  assert.deepEqual(await idsOf(db, {}, { after: "4" }), ["5", "6", "9007199254740993"]);
  assert.deepEqual(await idsOf(db, {}, { limit: 2 }), ["1", "2"]);
  assert.deepEqual(await idsOf(db, { students: [{ source: "elsewhere", id: "7713" }] }), ["9007199254740993"]);
  assert.deepEqual(await idsOf(db, { types: ["exam_failed"] }), []);
  await assert.rejects(idsOf(db, {}, { signal: AbortSignal.abort(new Error("stopped")) }), /stopped/);
});
