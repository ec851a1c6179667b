import assert from "node:assert/strict";
import fc from "fast-check";
import { exportLine } from "./schema_1_line.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { formatUtc, fromInstant } from "../../lib/model/time.ts";
import { forEachState, withState } from "../support/state/with_state.ts";
import { isServerReachable } from "../support/state/server_state.ts";
import { type EventRow, eventRow, exportedText, insertPeople, insertRows, METADATA } from "./_events.ts";

forEachState("export_v1 gives the contract's line", async (db) => {
  const mentors = await insertPeople(db);
  await insertRows(db, [eventRow({ mentor_set_id: mentors })]);
  const text = await exportedText(db);
  assert.equal(text.split("\n").length, 2);
  // The metadata comes as jsonb keeps it, in an order of its own; the rest in the contract's order.
  const metadata = /"metadata":(\{.*\}),"processed_for_ai"/.exec(text)?.[1] ?? "";
  assert.deepEqual(JSON.parse(metadata), METADATA);
  assert.equal(
    text.replace(metadata, "…"),
    '{"schema":1,"event_id":42,"event_type":"exam_passed","occurred_at":"2026-11-20T09:15:00.000000Z",' +
      '"occurred_at_approximate":false,"detected_at":"2026-11-20T09:15:07.120500Z","source":"testpress","origin":"live",' +
      '"student":{"id":7713,"batch_ids":[4],"username":null,"email":null,"zulip_user_id":null},' +
      '"mentors":[{"id":3,"username":null,"email":null},{"id":"9007199254740993","username":null,"email":null}],' +
      '"activity":{"kind":"exam","id":133,"attempt_id":68701,"attempt_no":2,"title":"Rank Test 12 – Electrostatics",' +
      '"course_id":1,"course":"Physics","chapter_id":null,"chapter":null,"content_type":null},"metadata":…,' +
      '"processed_for_ai":false}\n',
  );
});

forEachState("P7: lines hold no names, usernames, addresses or Zulip ids unless identified", async (db) => {
  const mentors = await insertPeople(db);
  await insertRows(db, [eventRow({ mentor_set_id: mentors })]);
  assert.doesNotMatch(await exportedText(db), /secret|@|\b991\b/i);
  const { student, mentors: told } = exportLine.parse(JSON.parse(await exportedText(db, { identified: true })));
  assert.deepEqual(student, {
    id: 7713,
    batch_ids: [4],
    username: "secret_student",
    email: "secret@student.example",
    zulip_user_id: 991,
  });
  assert.deepEqual(told, [
    { id: 3, username: "secret_mentor", email: null },
    { id: "9007199254740993", username: null, email: null },
  ]);
});

forEachState("export_v1 has every key when nothing is known, identified or not", async (db) => {
  const nothing = {
    student_id: null,
    student_username: null,
    student_batch_ids: null,
    activity_id: null,
    activity_title: null,
    attempt_no: null,
    course_id: null,
    course: null,
    zulip_user_id: null,
  };
  await insertRows(db, [eventRow(nothing)]);
  const line = exportLine.parse(JSON.parse(await exportedText(db)));
  assert.deepEqual(line, exportLine.parse(JSON.parse(await exportedText(db, { identified: true }))));
  assert.deepEqual(line.mentors, []);
  assert.equal(line.student.batch_ids, null);
});

forEachState("export_v1 writes ids above 2^53 as text", async (db) => {
  const big = "9007199254740993";
  await insertRows(db, [
    eventRow({ event_id: big, attempt_id: big, student_id: big, activity_id: big, student_batch_ids: ["4", big] }),
    eventRow({ event_id: "9007199254740992", activity_id: "-9007199254740993" }),
  ]);
  const [exact, above] = (await exportedText(db)).trim().split("\n").map((line) => exportLine.parse(JSON.parse(line)));
  assert.deepEqual([exact?.event_id, exact?.activity.id], [9007199254740992, "-9007199254740993"]);
  assert.deepEqual(
    [above?.event_id, above?.student.id, above?.activity.id, above?.activity.attempt_id, above?.student.batch_ids],
    [big, big, big, big, [4, big]],
  );
});

// What PostgreSQL can hold: well-formed and without NUL, which the LMS side has taken out before.
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."\n\r\t\\\"'\u0001\u0002\u007f\u0085\u2028\u2029\ufeff,{}\\N"), maxLength: 20 }),
  fc.constantFrom("\\.", "\\N", "x\\", "a\nb", "വിദ്യാർത്ഥി 👩‍🔬", ""),
).map((s) => s.toWellFormed().replaceAll("\0", ""));
const maybe = fc.option(text, { nil: null });
const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const micros = fc.integer({ min: 0, max: 4_000_000_000 }).chain((s) =>
  fc.integer({ min: 0, max: 999_999 }).map((us) =>
    Temporal.Instant.fromEpochMilliseconds(s * 1000).add({ microseconds: us }).toString()
  )
);
const row = fc.record({
  kind: fc.constantFrom("exam" as const, "content" as const),
  event_type: fc.constantFrom(...EVENT_TYPES),
  source: fc.constantFrom("testpress", "a 'b' \\ \"c\""),
  attempt_id: id,
  student_id: fc.option(id, { nil: null }),
  student_batch_ids: fc.option(fc.array(id, { maxLength: 3 }), { nil: null }),
  activity_id: fc.option(id, { nil: null }),
  activity_title: maybe,
  attempt_no: fc.option(fc.integer({ min: 1, max: 99 }), { nil: null }),
  course: maybe,
  chapter: maybe,
  content_type: maybe,
  timestamp: micros,
  timestamp_approximate: fc.boolean(),
  created_at: micros,
  origin: fc.constantFrom("live" as const, "backfill" as const),
  activity_metadata: fc.record({
    result: maybe,
    state: maybe,
    score: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null }),
    previous: fc.option(fc.record({ verdict: fc.constant(null), score: fc.integer(), percentage: fc.constant(null) }), {
      nil: null,
    }),
  }).map((some) => ({ ...METADATA, ...some })),
});
const asId = (value: string | null) =>
  value === null ? null : Math.abs(Number(value)) < 2 ** 53 || value === String(2 ** 53) ? Number(value) : value;

function assertSame(line: string, given: EventRow): void {
  const parsed = exportLine.parse(JSON.parse(line));
  assert.deepEqual(parsed.activity, {
    kind: given.kind,
    id: asId(given.activity_id),
    attempt_id: asId(given.attempt_id),
    attempt_no: given.attempt_no,
    title: given.activity_title,
    course_id: 1,
    course: given.course,
    chapter_id: null,
    chapter: given.chapter,
    content_type: given.content_type,
  });
  assert.equal(parsed.source, given.source);
  assert.equal(parsed.occurred_at, formatUtc(fromInstant(Temporal.Instant.from(given.timestamp))));
  assert.equal(parsed.detected_at, formatUtc(fromInstant(Temporal.Instant.from(given.created_at))));
  assert.deepEqual(parsed.student.batch_ids, given.student_batch_ids?.map(asId) ?? null);
  assert.deepEqual(parsed.metadata.result, given.activity_metadata["result"]);
}

Deno.test({
  name: "export_v1 gives the same bytes on both databases, lines of the schema, for whatever titles and times",
  ignore: !(await isServerReachable()),
  fn: async () => {
    const samples = fc.sample(row, { numRuns: 400, seed: 7 });
    const rows = samples.map((sample, i) => eventRow({ ...sample, event_id: String(i + 1) }));
    const embedded = await withState("embedded", async (db) => {
      await insertRows(db, rows);
      return await exportedText(db);
    });
    const server = await withState("server", async (db) => {
      await insertRows(db, rows);
      return await exportedText(db);
    });
    assert.equal(server, embedded);
    const lines = server.split("\n");
    assert.equal(lines.pop(), "");
    assert.equal(lines.length, rows.length);
    lines.forEach((line, i) => assertSame(line, rows[i] ?? eventRow()));
  },
});
