import assert from "node:assert/strict";
import { join } from "node:path";
import { statement as faultsOf } from "@learninglocker/xapi-validation/dist/factory.js";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { z } from "zod";
import { columnsOf, flatten } from "../../lib/export/flat.ts";
import { eventLine, jsonSchemaOf, LINE_SCHEMAS, type LineKind } from "../../lib/export/line_schemas.ts";
import { aggregateLines, exportAggregates } from "../../lib/export/export_aggregates.ts";
import { exportPatterns } from "../../lib/export/export_patterns.ts";
import { exportEvents } from "../../lib/export/export_events.ts";
import { csvFormat } from "../../lib/export/csv_format.ts";
import { parquetFormat } from "../../lib/export/parquet_format.ts";
import type { ExportView } from "../../lib/export/part_format.ts";
import program from "../../deno.json" with { type: "json" };
import { statementsOf, uuid5, type XapiEvent, xapiFormat } from "../../lib/export/xapi_format.ts";
import { xapiStatement } from "../support/xapi_schema.ts";
import { repseudonymiser } from "../../lib/export/repseudonymise.ts";
import type { EventLine, ExportLine, StudentLine, WeekLine } from "../../lib/export/line_schemas.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { forEachState, withState } from "../support/state/with_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { EVERYTHING, exportedText, insertPeople, insertRows, manyRows, MemorySink, METADATA } from "./_events.ts";

const NEVER = new AbortController().signal;
const TWO = { schema: 2 } as const;

/** Events of every type, with what an LMS may leave out, and an erasure among them. */
async function fill(db: StateDb): Promise<void> {
  const mentors = await insertPeople(db);
  await insertRows(
    db,
    manyRows(60, (i) => ({
      event_type: EVENT_TYPES[i % EVENT_TYPES.length] ?? "exam_passed",
      kind: EVENT_TYPES[i % EVENT_TYPES.length]?.startsWith("exam") ? "exam" : "content",
      attempt_id: String(1000 + (i >> 1)),
      student_id: i % 9 === 8 ? null : i % 3 === 0 ? "7713" : String(8000 + i % 5),
      mentor_set_id: i % 2 === 0 ? mentors : null,
      activity_title: i % 4 === 0 ? null : `=HYPERLINK("x", "${i}"),\n"quoted"`,
      student_batch_ids: i % 3 === 0 ? null : i % 3 === 1 ? [] : ["4", "9007199254740993"],
      activity_metadata: i % 5 === 0
        ? {
          ...METADATA,
          time_taken_s: i === 10 ? 1e22 : 7920.5,
          revision: 2,
          supersedes: i + 1,
          previous: { verdict: "fail", score: 3, percentage: 1.5 },
        }
        : { ...METADATA, score: null, percentage: null, verdict: null, graded: false, started_at: null },
      timestamp: `2026-11-${String(1 + i % 28).padStart(2, "0")}T09:15:00.12345Z`,
    })),
  );
  await db.sql`
    insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
    values (61, 'student', 'testpress', ${"ab".repeat(16)}, 'art17', '2026-11-21T00:00:00Z')`;
  const values = {
    idle_days: 15,
    course_idle_days: 1.5,
    active_days: 1,
    usual_active_days: 3.5,
    ranks: [0.5, 0.25],
    slope: -0.25,
  };
  await db.sql`
    insert into lmsmon.patterns
      (source, student_id, course_id, type, day, since, found_at, history, event_ids, activity_ids, evidence, ended_day)
    values ('testpress', 7713, 4, 'gone_quiet', '2026-11-20', '2026-11-05', '2026-11-21T06:00:00Z', false, '{7}', '{12}',
      ${JSON.stringify(values)}::text::jsonb, '2026-11-25')`;
}

async function linesOf(db: StateDb, kind: LineKind): Promise<ExportLine[]> {
  if (kind === "pattern") {
    const sink = new MemorySink();
    await exportPatterns(db, EVERYTHING, sink, NEVER);
    return parsed(sink.text);
  }
  if (kind === "student" || kind === "week") {
    const sink = new MemorySink();
    const view = kind === "student" ? "students" : "weeks";
    await exportAggregates(db, { ...EVERYTHING, view, timezone: "Asia/Kolkata" }, sink, NEVER);
    return parsed(sink.text);
  }
  const lines = parsed(await exportedText(db, { ...TWO, latest: kind === "latest" }));
  return lines.filter((line) => ("kind" in line) === (kind === "erasure"));
}

const parsed = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line) as ExportLine);

forEachState("every line of schema 2 is what `lmsmon schema` says, and no mutated one is", async (db) => {
  await fill(db);
  let refused = 0;
  for (const kind of Object.keys(LINE_SCHEMAS) as LineKind[]) {
    const lines = await linesOf(db, kind);
    assert.ok(lines.length > 0, kind);
    for (const line of lines) LINE_SCHEMAS[kind].parse(line);
    for (let i = 0; i < 25; i++) {
      const mutant = mutated(structuredClone(lines[i % lines.length]) as unknown as Json, i);
      assert.ok(!LINE_SCHEMAS[kind].safeParse(mutant).success, `${kind} ${i}: ${JSON.stringify(mutant)}`);
      refused++;
    }
  }
  assert.ok(refused >= 100);
  const identified = parsed(await exportedText(db, { ...TWO, identified: true }));
  for (const line of identified) if (!("kind" in line)) eventLine.parse(line);
});

Deno.test("the schemas of lines take no time, day or week that is none, and no student's line without the student", async () => {
  await withState("embedded", async (db) => {
    await fill(db);
    const wrong: Readonly<Record<string, readonly string[]>> = {
      occurred_at: ["2026-13-01", "2026-00-01", "2026-01-32", "2026-01-00"].map((day) => `${day}T09:15:00.000000Z`)
        .concat(["24:00:00", "09:60:00", "09:15:61"].map((time) => `2026-11-20T${time}.000000Z`)),
      day: ["2026-13-01", "2026-11-32", "26-11-01"],
      week: ["2026-W00", "2026-W54", "2026-47"],
    };
    for (const kind of ["event", "student", "week", "pattern"] as const) {
      const [line = {}] = await linesOf(db, kind) as unknown as Json[];
      for (const key of Object.keys(wrong).filter((key) => key in line)) {
        const isTaken = (value: string) => LINE_SCHEMAS[kind].safeParse({ ...line, [key]: value }).success;
        assert.deepEqual(wrong[key]?.filter(isTaken), [], `${kind} ${key}`);
      }
      const nobody = { ...line, student: { ...line.student as Json, id: null } };
      assert.equal(LINE_SCHEMAS[kind].safeParse(nobody).success, kind === "event");
    }
  });
});

type Json = Record<string, unknown>;

/** A key less, a key more, or a value of another kind: somewhere in the line. */
function mutated(line: Json, i: number): Json {
  const places = [line, ...Object.values(line).filter((value) => isObject(value))] as Json[];
  const place = places[i % places.length] ?? line;
  const keys = Object.keys(place);
  const key = keys[i % keys.length] ?? "";
  if (i % 3 === 0) delete place[key];
  else if (i % 3 === 1) place[`${key}_more`] = null;
  else place[key] = { not: "this" };
  return line;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

Deno.test("jsonSchemaOf() is JSON Schema 2020-12: every key required, none beside them", () => {
  for (const kind of Object.keys(LINE_SCHEMAS) as LineKind[]) {
    const schema = jsonSchemaOf(kind);
    assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
    const visit = (node: unknown): void => {
      if (!isObject(node)) return Array.isArray(node) ? node.forEach(visit) : undefined;
      if (node.type === "object") {
        assert.equal(node.additionalProperties, false, JSON.stringify(node));
        assert.deepEqual(node.required, Object.keys(node.properties as Json));
      }
      Object.values(node).forEach(visit);
    };
    visit(schema);
  }
  assert.ok(z.toJSONSchema(eventLine).properties);
});

forEachState("schema 2 has ids as text, and pseudonyms that are the same in every line", async (db) => {
  await fill(db);
  const lines = (await linesOf(db, "event")) as EventLine[];
  const [first] = lines;
  assert.match(first?.student.id ?? "", /^[0-9a-f]{32}$/);
  assert.match(first?.activity.attempt_id ?? "", /^[0-9a-f]{32}$/);
  assert.match(first?.mentors[0]?.id ?? "", /^[0-9a-f]{32}$/);
  assert.equal(new Set(lines.map((line) => line.student.id)).size, 7);
  assert.deepEqual(lines[2]?.student.batch_ids, ["4", "9007199254740993"]);
  const identified = parsed(await exportedText(db, { ...TWO, identified: true })) as EventLine[];
  assert.equal(identified[0]?.student.id, "7713");
  assert.equal(identified[0]?.activity.attempt_id, "1000");
  assert.equal(identified[0]?.student.username, "secret_student");
});

forEachState("the view latest has the last event of each attempt, as of --until", async (db) => {
  await insertRows(db, manyRows(4000, (i) => ({ attempt_id: String(i >> 1) })));
  const latest = parsed(await exportedText(db, { ...TWO, latest: true })) as EventLine[];
  assert.deepEqual(latest.map((line) => line.event_id), Array.from({ length: 2000 }, (_, i) => 2 * i + 2));
  const until = { ...EVERYTHING.filter, until: "2026-11-20T10:00:03Z" };
  const before = parsed(await exportedText(db, { ...TWO, latest: true, filter: until })) as EventLine[];
  assert.deepEqual(before.map((line) => line.event_id), [2, 3]);
});

Deno.test("CSV and Parquet hold what the JSON lines hold, row for row", () =>
  withState("embedded", async (db) => {
    await fill(db);
    for (
      const [view, kinds] of [["events", ["event", "erasure"]], ["students", ["student"]], ["weeks", ["week"]], [
        "patterns",
        ["pattern"],
      ]] as const
    ) {
      const lines = (await Promise.all(kinds.map((kind) => linesOf(db, kind)))).flat();
      const columns = columnsOf(view);
      const expected = lines.map((line) => flatten(line, columns));
      const csv = csvFormat(view);
      const text = new TextDecoder().decode(csv.begin()) + new TextDecoder().decode(csv.rows(lines));
      const rows = parseCsv(text);
      assert.deepEqual(rows[0], columns.map(({ name }) => name));
      assert.deepEqual(
        rows.slice(1),
        expected.map((cells) => cells.map((cell) => cell === null ? "" : guarded(String(cell)))),
      );
      const read = await parquetRows(view, lines);
      assert.deepEqual(
        read.map((row) =>
          columns.map(({ name, type }) => {
            const value = row[name] ?? null;
            if (value === null) return null;
            if (value instanceof Date) return value.toISOString().slice(0, 10);
            return type === "time" ? microsText(value) : typeof value === "bigint" ? Number(value) : value;
          })
        ),
        expected.map((cells) => cells.map((cell) => cell ?? null)),
      );
    }
  }));

const guarded = (text: string) => /^=/.test(text) ? `'${text}` : text;
const microsText = (value: unknown) =>
  new Temporal.Instant(BigInt(String(value)) * 1000n).toString({ fractionalSecondDigits: 6 });

async function parquetRows(view: ExportView, lines: readonly ExportLine[]) {
  const folder = await Deno.makeTempDir();
  try {
    const format = parquetFormat(view);
    const path = join(folder, "x.parquet");
    const pieces = [format.begin(), format.rows(lines.slice(0, 7)), format.rows(lines.slice(7)), format.end()];
    await Deno.writeFile(path, new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
    const file = await asyncBufferFromFile(path);
    const { schema } = await parquetMetadataAsync(file);
    const time = schema.find(({ name }) => name.endsWith("occurred_at"));
    if (time !== undefined) assert.equal(time.logical_type?.type ?? time.converted_type, "TIMESTAMP");
    const parsers = { timestampFromMicroseconds: (micros: bigint) => micros };
    return await parquetReadObjects({ file, parsers: parsers as never }) as Record<string, unknown>[];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** RFC 4180, for the test alone. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/gy;
  for (let match = cells.exec(text); match !== null && cells.lastIndex <= text.length; match = cells.exec(text)) {
    rows.at(-1)?.push(match[1] === undefined ? match[2] ?? "" : match[1].replaceAll('""', '"'));
    if (match[3] === "\n") rows.push([]);
    if (match[3] === "" || cells.lastIndex === text.length) break;
  }
  return rows.filter((row) => row.length > 0);
}

Deno.test("xAPI statements are of lmsmon's schema in both versions, and a correction voids what it corrects", () =>
  withState("embedded", async (db) => {
    await fill(db);
    const sink = new MemorySink();
    await exportEvents(db, { ...EVERYTHING, ...TWO, xapi: true }, sink, NEVER);
    const events = sink.text.trim().split("\n").map((line) => JSON.parse(line) as XapiEvent);
    for (const version of ["1.0.3", "2.0.0"] as const) {
      const options = { version, homeOf: () => "https://inst.example", change: null };
      const statements = events.flatMap((event) => statementsOf(event, options));
      for (const statement of statements) {
        xapiStatement.parse(statement);
        if (version === "1.0.3") assert.deepEqual(faultsOf(statement, ["statement"]).map(String), []);
      }
      assert.ok(
        !JSON.stringify(statements).includes(program.version),
        "a known id has the same content in the next release",
      );
      const ids = statements.map(({ id }) => id);
      const voided = statements.filter(({ object }) => (object as Json).objectType === "StatementRef");
      assert.ok(voided.length > 0);
      assert.ok(ids.length > 40);
      const text = new TextDecoder().decode(xapiFormat(options).rows(events as unknown as ExportLine[]));
      assert.equal(text.trim().split("\n").length, statements.length);
    }
    const identified = new MemorySink();
    await exportEvents(db, { ...EVERYTHING, ...TWO, xapi: true, identified: true }, identified, NEVER);
    const options = { version: "1.0.3", homeOf: () => "https://inst.example", change: null } as const;
    const ids = (of: readonly XapiEvent[]) => of.flatMap((event) => statementsOf(event, options)).map(({ id }) => id);
    const named = identified.text.trim().split("\n").map((line) => JSON.parse(line) as XapiEvent);
    assert.deepEqual(ids(named), ids(events));
  }));

Deno.test("uuid5() is RFC 4122's, in lmsmon's own namespace, for ever", () => {
  assert.equal(uuid5("testpress|exam|x|1|finished|1"), GOLDEN);
});
const GOLDEN = "8ce6ef2e-9f31-5845-889a-79dcb07a2147";

Deno.test("repseudonymiser() makes HMACs of the stored pseudonyms, in erasures too", () => {
  const change = repseudonymiser(new TextEncoder().encode("0123456789abcdef"));
  const erasure = change({
    schema: 2,
    kind: "erasure",
    event_id: 1,
    erased_at: "",
    source: "a",
    role: "student",
    pseudonym: "ab".repeat(16),
    reason_code: "r",
  });
  assert.match("pseudonym" in erasure ? erasure.pseudonym : "", /^[0-9a-f]{32}$/);
  assert.notEqual("pseudonym" in erasure && erasure.pseudonym, "ab".repeat(16));
});

Deno.test("the views students and weeks count as ungraded only what has no result: a mark without a pass mark is one", () =>
  withState("embedded", async (db) => {
    const completed = (graded: boolean) => ({ ...METADATA, graded, verdict: null, percentage: graded ? 70 : null });
    await insertRows(
      db,
      manyRows(3, (i) => ({
        event_type: i === 2 ? "exam_passed" : "exam_completed",
        activity_metadata: i === 2 ? METADATA : completed(i === 0),
      })),
    );
    for (const view of ["students", "weeks"] as const) {
      const sink = new MemorySink();
      await exportAggregates(db, { view, ...EVERYTHING, timezone: "UTC" }, sink, NEVER);
      const { exams } = JSON.parse(sink.text);
      assert.deepEqual(exams, {
        attempts: 3,
        finished: 3,
        passed: 1,
        failed: 0,
        ungraded: 1,
        pass_rate: 1,
        mean_percentage: 76,
      });
    }
  }));

Deno.test("the views students and weeks end with what was stored when they began, on their last page, too", () =>
  withState("embedded", async (db) => {
    const more = (from: number, id: (i: number) => number) =>
      manyRows(250, (i) => ({
        event_id: String(from + i),
        attempt_id: String(from + i),
        student_id: String(id(i)),
      }));
    await insertRows(db, more(1, (i) => i + 1));
    for (const [view, from] of [["students", 1000], ["weeks", 2000]] as const) {
      const lines: (StudentLine | WeekLine)[] = [];
      for await (const page of aggregateLines(db, { ...EVERYTHING, view, timezone: "UTC" })) {
        if (lines.length === 0) await insertRows(db, more(from, (i) => i + 1));
        lines.push(...page);
      }
      assert.deepEqual(new Set(lines.map(({ events }) => events)), new Set([view === "students" ? 1 : 2]));
      assert.equal(lines.length, 250);
    }
  }));
