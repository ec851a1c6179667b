import assert from "node:assert/strict";
import type { ByteSink } from "../../lib/export/byte_sink.ts";
import { exportEvents } from "../../lib/export/export_events.ts";
import { markProcessed } from "../../lib/export/mark_processed.ts";
import { erase } from "../../lib/privacy/erase.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { openState } from "../../lib/state/open_state.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";
import { startStateProcess } from "../support/state/state_process.ts";
import { forEachState } from "../support/state/with_state.ts";
import {
  eventRow,
  EVERYTHING,
  exportedIds,
  exportedText,
  insertPeople,
  insertRows,
  manyRows,
  MemorySink,
} from "./_events.ts";

const NEVER = new AbortController().signal;

async function processedIds(db: StateDb): Promise<number[]> {
  const rows = await db.sql<{ id: number }[]>`
    select event_id::int as id from lmsmon.lms_activity_events where processed_for_ai order by event_id`;
  return rows.map((row) => row.id);
}

forEachState("exportEvents() selects by every filter, ordered by event_id", async (db) => {
  await insertPeople(db);
  await insertRows(
    db,
    [
      ...manyRows(6, (i) => ({
        event_type: i % 2 === 0 ? "exam_passed" : "exam_failed",
        processed_for_ai: i < 2,
        student_id: i === 5 ? "9" : "7713",
      })),
      eventRow({ event_id: "7", source: "elsewhere", created_at: "2026-11-20T11:00:00Z" }),
    ].toReversed(),
  );
  assert.deepEqual(await exportedIds(db, {}), [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(await exportedIds(db, {}, 3), [1, 2, 3]);
  assert.deepEqual(await exportedIds(db, { types: ["exam_failed"] }), [2, 4, 6]);
  assert.deepEqual(await exportedIds(db, { types: ["exam_failed", "exam_passed"], unprocessed: true }), [
    3,
    4,
    5,
    6,
    7,
  ]);
  assert.deepEqual(await exportedIds(db, { since: "2026-11-20T10:00:02Z", until: "2026-11-20T10:00:04Z" }), [3, 4]);
  assert.deepEqual(await exportedIds(db, { students: [{ source: "testpress", id: "7713" }] }), [1, 2, 3, 4, 5]);
  assert.deepEqual(await exportedIds(db, { students: [] }), []);
  assert.deepEqual(await exportedIds(db, { types: ["it's \\ nothing"] }), []);
});

forEachState("exportEvents() writes thousands of lines and megabyte titles whole", async (db) => {
  const long = "த".repeat(400_000);
  await insertRows(db, manyRows(3000, (i) => i % 1000 === 7 ? { activity_title: long } : {}));
  const sink = new MemorySink();
  const exported = await exportEvents(db, EVERYTHING, sink, NEVER);
  assert.deepEqual(exported, { lines: 3000, first: "1", last: "3000" });
  const lines = sink.text.trimEnd().split("\n").map((line) => JSON.parse(line) as { event_id: number });
  assert.deepEqual(lines.map((line) => line.event_id), Array.from({ length: 3000 }, (_, i) => i + 1));
  assert.equal(sink.text.split(long).length, 4);
});

forEachState("exportEvents() of nothing writes nothing", async (db) => {
  const sink = new MemorySink();
  assert.deepEqual(await exportEvents(db, EVERYTHING, sink, NEVER), { lines: 0, first: null, last: null });
  assert.equal(sink.text, "");
});

forEachState(
  "exportEvents() leaves every connection in use, wherever a slow reader made the stream pause",
  async (db) => {
    await insertRows(db, manyRows(3_300));
    // Slower than the database, which has sent more than may wait long before.
    const slow: ByteSink = { write: () => new Promise<void>((resolve) => setTimeout(resolve, 4)) };
    // The beginning of the last pause moves through the stream's last hundred kilobytes.
    for (let limit = 2_400; limit <= 3_300; limit += 20) {
      const { lines } = await exportEvents(db, { ...EVERYTHING, limit }, slow, NEVER);
      assert.equal(lines, limit);
      const answers = Promise.all(Array.from({ length: 8 }, (_, i) => db.sql`select ${i}::int`));
      const deadline = Promise.withResolvers<never>();
      const timer = setTimeout(() => deadline.reject(new Error(`no answer after an export of ${limit} lines`)), 10_000);
      await Promise.race([answers, deadline.promise]).finally(() => clearTimeout(timer));
    }
  },
);

forEachState("P8: exportEvents() never hands a slow reader more than it takes", async (db) => {
  await insertRows(db, manyRows(4000));
  let underWay = 0;
  let size = 0;
  const slow: ByteSink = {
    write: async (bytes) => {
      assert.equal(++underWay, 1);
      size += bytes.length;
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      underWay--;
    },
  };
  await exportEvents(db, EVERYTHING, slow, NEVER);
  assert.equal(size, new TextEncoder().encode(await exportedText(db)).length);
});

forEachState("exportEvents() throws what writing threw and leaves the database usable", async (db) => {
  await insertRows(db, manyRows(20_000));
  const gone = new Error("gone");
  let writes = 0;
  const closing: ByteSink = { write: () => ++writes > 1 ? Promise.reject(gone) : Promise.resolve() };
  await assert.rejects(exportEvents(db, EVERYTHING, closing, NEVER), gone);
  assert.deepEqual(await exportedIds(db, {}, 2), [1, 2]);
  assert.deepEqual(await processedIds(db), []);
});

forEachState("exportEvents() ends with the signal's reason, also while a reader takes nothing", async (db) => {
  await insertRows(db, manyRows(5000));
  const stop = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const stuck: ByteSink = {
    write: () => {
      resolve();
      return new Promise(() => {});
    },
  };
  const exporting = exportEvents(db, EVERYTHING, stuck, stop.signal);
  await asked;
  const reason = new Error("stop");
  stop.abort(reason);
  await assert.rejects(exporting, reason);
  assert.deepEqual(await exportedIds(db, {}, 1), [1]);
});

forEachState("exportEvents() reports the database's error", async (db) => {
  await db.sql`alter table lmsmon.lms_activity_events drop column activity_title cascade`;
  await assert.rejects(exportEvents(db, EVERYTHING, new MemorySink(), NEVER), { code: "42P01" });
});

forEachState("markProcessed() marks exactly what was exported, in batches, and nothing recorded later", async (db) => {
  await insertRows(db, manyRows(25_000, (i) => ({ event_type: i % 5 === 0 ? "exam_failed" : "exam_passed" })));
  const filter = { ...EVERYTHING.filter, types: ["exam_passed"], since: "2026-11-20T10:00:10Z", unprocessed: true };
  const exported = await exportEvents(db, { ...EVERYTHING, filter, limit: 19_000 }, new MemorySink(), NEVER);
  await insertRows(db, [eventRow({ event_id: "30000", event_type: "exam_passed" })]);
  const expected = Array.from({ length: 25_000 }, (_, i) => i).filter((i) => i % 5 !== 0 && i >= 10).slice(0, 19_000);
  assert.equal(await markProcessed(db, filter, exported), 19_000);
  assert.deepEqual(await processedIds(db), expected.map((i) => i + 1));
  assert.equal(await markProcessed(db, filter, exported), 0);
});

forEachState("markProcessed() of an empty export marks nothing", async (db) => {
  await insertRows(db, manyRows(2));
  assert.equal(await markProcessed(db, EVERYTHING.filter, { lines: 0, first: null, last: null }), 0);
  assert.deepEqual(await processedIds(db), []);
});

forEachState("exportEvents() of the latest gives each attempt once, whatever is recorded meanwhile", async (db) => {
  await insertPeople(db);
  const [first, second, later] = [1, 3, 4].map((id) =>
    eventRow({ event_id: String(id), attempt_id: id === 3 ? "71" : "70" })
  );
  await insertRows(db, [first, second].filter((row) => row !== undefined));
  await db.sql`
    insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
    values (2, 'student', 'testpress', ${"a".repeat(32)}, 'art17', now())`;
  const sink = new MemorySink();
  let written = 0;
  const slow: ByteSink = {
    write: async (bytes) => {
      // The attempt of the first line goes on while the export runs.
      if (written++ === 0 && later !== undefined) await insertRows(db, [later]);
      await sink.write(bytes);
    },
  };
  const request = { ...EVERYTHING, schema: 2, latest: true } as const;
  const exported = await exportEvents(db, request, slow, NEVER);
  const ids = sink.text.trim().split("\n").map((line) => Number(JSON.parse(line).event_id));
  assert.deepEqual([ids, exported.erasures], [[1, 2, 3], ["2"]]);
  // Of one student no erasures are written, so none is said to be.
  const of = { ...EVERYTHING.filter, students: [{ source: "testpress", id: "7713" }] };
  assert.deepEqual((await exportEvents(db, { ...request, filter: of }, new MemorySink(), NEVER)).erasures, undefined);
});

forEachState(
  "exportEvents() has erasures in their places and asks for the latest once, whatever the limit",
  async (db) => {
    // Events 2, 4, 6, …, 240, two an attempt; erasures 1, 3, 9, 27, 81 and 243, behind them all.
    await insertRows(
      db,
      manyRows(120, (i) => ({ event_id: String(2 * i + 2), attempt_id: String(i >> 1) })),
    );
    const erasures = [1, 3, 9, 27, 81, 243];
    for (const id of erasures) {
      await db.sql`
      insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
      values (${id}, 'student', 'testpress', ${String(id).padStart(32, "0")}, 'art17', now())`;
    }
    for (const latest of [false, true]) {
      const events = Array.from({ length: 120 }, (_, i) => 2 * i + 2).filter((id) => !latest || id % 4 === 0);
      const all = [...events, ...erasures].toSorted((a, b) => a - b);
      for (
        const [limit, after] of [[null, null], [1, null], [2, null], [5, "2"], [100, "3"], [all.length, null], [
          3,
          "238",
        ]] as const
      ) {
        const sink = new MemorySink();
        const exported = await exportEvents(db, { ...EVERYTHING, schema: 2, latest, limit, after }, sink, NEVER);
        const ids = sink.text.split("\n").filter((line) => line !== "").map((line) =>
          Number(JSON.parse(line).event_id)
        );
        const expected = all.filter((id) => id > Number(after ?? 0)).slice(0, limit ?? Infinity);
        assert.deepEqual(ids, expected, `latest ${latest}, limit ${limit}, after ${after}`);
        assert.deepEqual(exported, {
          lines: expected.length,
          first: String(expected[0]),
          last: String(expected.at(-1)),
          ...expected.some((id) => id % 2 === 1) &&
            { erasures: expected.filter((id) => id % 2 === 1).map(String) },
        });
      }
    }
  },
);

forEachState("whoever counts on by the last id hears of an erasure that was made while lines were read", async (db) => {
  await insertPeople(db);
  await insertRows(db, manyRows(300));
  await db.sql`select setval('lmsmon.event_ids', 300)`;
  const sink = new MemorySink();
  let written = 0;
  const slow: ByteSink = {
    write: async (bytes) => {
      if (written++ === 0) {
        await erase(db, { role: "student", source: "testpress", id: "7713" }, { reasonCode: "art17", dryRun: false });
        await insertRows(db, manyRows(302).slice(301));
      }
      await sink.write(bytes);
    },
  };
  const first = await exportEvents(db, { ...EVERYTHING, schema: 2 }, slow, NEVER);
  const rest = await exportedText(db, { schema: 2, after: first.last });
  const lines = `${sink.text}${rest}`.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((line) => line.event_id), Array.from({ length: 302 }, (_, i) => i + 1));
  assert.equal(lines[300].kind, "erasure");
});

Deno.test("an export goes on when the process that had the state open is killed under it: each line once", () =>
  withStateDirectory(async (path) => {
    await using owner = await startStateProcess(`pglite:${path}`);
    await using db = await openState({ url: `pglite:${path}`, password: null });
    assert.equal(db.mode, "via_owner");
    const title = "x".repeat(5_000); // so that pages stay small
    await insertRows(db, manyRows(900, () => ({ activity_title: title })));
    const ids: number[] = [];
    let killed: Promise<unknown> | null = null;
    const sink: ByteSink = {
      write(bytes) {
        for (const line of new TextDecoder().decode(bytes).split("\n")) {
          if (line !== "") ids.push(JSON.parse(line).event_id);
        }
        if (ids.length > 200) killed ??= owner.kill("SIGKILL");
        return Promise.resolve();
      },
    };
    await exportEvents(db, EVERYTHING, sink, NEVER);
    await killed;
    assert.deepEqual(ids, Array.from({ length: 900 }, (_, i) => i + 1));
    assert.equal(db.mode, "embedded");
  }));
