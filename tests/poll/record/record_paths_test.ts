import assert from "node:assert/strict";
import fc from "fast-check";
import { acquireLease, type Lease } from "../../../lib/state/leases.ts";
import { LeaseLostError } from "../../../lib/base/errors.ts";
import type { RowState } from "../../../lib/model/attempt.ts";
import type { RowChange } from "../../../lib/poll/record/batch.ts";
import { openState } from "../../../lib/state/open_state.ts";
import { recordBatch } from "../../../lib/poll/record/record_batch.ts";
import { StaleBatchError } from "../../../lib/poll/record/recording.ts";
import { bucketSums, statesByKeys } from "../../../lib/poll/record/row_states.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { forEachState, withState } from "../../support/state/with_state.ts";
import { attempt, batch, change, hashOf, history, options, person, told } from "./batches.ts";
import { startPolling } from "./start_polling.ts";

/** Awkward text in every column that takes text, ids beyond 2^53, nulls. */
function awkwardRows(count: number) {
  const nasty = ["a\tb\nc\r\\N", '"quoted" \\ {curly, NULL}', "ünï 🎓 ", "", "NULL", "\\.", "'; drop table x; --"];
  return Array.from({ length: count }, (_, i) => {
    const text = nasty[i % nasty.length] ?? null;
    return attempt(String(9_007_199_254_740_990n + BigInt(i)), {
      hash: hashOf(String(i)),
      studentId: i % 5 === 0 ? null : String(i % 40),
      studentUsername: text,
      result: text,
      state: i % 3 === 0 ? null : text,
      score: i % 4 === 0 ? null : i / 7,
      percentage: i % 4 === 0 ? null : -0.1 * i,
      contentType: text,
      activity: i % 6 === 0 ? null : { ...attempt("1").activity, id: "133", title: text, course: text } as never,
      finishedAt: i,
    });
  });
}

async function tables(db: StateDb) {
  const events = await db.sql`
    select e.*, e::text as whole from lmsmon.lms_activity_events e order by attempt_id`;
  const states = await db.sql`select r.*, r::text as whole from lmsmon.row_states r order by row_key`;
  const buckets = await db.sql`select * from lmsmon.row_buckets order by bucket`;
  const links = await db.sql`select source, student_id, mentor_ids::text from lmsmon.mentor_links order by 2`;
  return { events: [...events], states: [...states], buckets: [...buckets], links: [...links] };
}

/** As they would be computed; then takes them away, as in a state from before, whose lines are the same. */
async function pseudonymsAreKept(db: StateDb): Promise<void> {
  const lines = () => db.sql`select line, attempt_pseudonym from lmsmon.export_v2 order by event_id`;
  const kept = [...await lines()];
  const [wrong] = await db.sql`
    select count(*)::int as n from lmsmon.lms_activity_events e, lmsmon.secrets k
     where e.attempt_pseudonym is distinct from
           lmsmon.attempt_pseudonym(k.inner_pad, k.outer_pad, e.source, e.kind, e.attempt_id, e.incarnation)`;
  assert.equal(wrong?.["n"], 0);
  await db.sql`update lmsmon.lms_activity_events set attempt_pseudonym = null`; // each state has a key of its own
  assert.deepEqual([...await lines()], kept);
}

Deno.test("recordBatch() writes the same tables by COPY, by unnest and on the embedded database", async () => {
  const rows = awkwardRows(700);
  const links = new Map(Array.from({ length: 40 }, (_, i) => [String(i), i % 3 === 0 ? [] : [String(i % 7), "5"]]));
  const people = [...links.keys()].map((id) => person("student", id, { name: 'O\'N "x" \\' }));
  const results: unknown[] = [];
  for (const [kind, copy] of [["server", true], ["server", false], ["embedded", false]] as const) {
    await withState(kind, async (db) => {
      const { lease, stream, pollId } = await startPolling(db);
      const changes = rows.map((row) => change(row, history(row)));
      await recordBatch({ sql: db.sql, copy }, lease, batch(stream, pollId, changes, { links, people }), {
        ...options,
      });
      await pseudonymsAreKept(db);
      const written = await tables(db);
      assert.equal(written.events.length, 700);
      results.push(written);
    });
  }
  // attempt_no and all else included: event ids are the same, too.
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

forEachState("bucket sums always equal the sums over the known rows", async (db) => {
  const { lease, stream, pollId } = await startPolling(db);
  const key = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom(999, 1000, 1001, 2500, -1, -1000, -1001));
  const step = fc.record({ key, hash: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), gone: fc.boolean() });
  const batches = fc.array(fc.uniqueArray(step, { selector: (s) => s.key, minLength: 1, maxLength: 6 }), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(batches, async (steps) => {
      for (const list of steps) {
        const before = await statesByKeys(db, stream, list.map((s) => String(s.key)));
        const changes = list.map(({ key, hash, gone }): RowChange => {
          const row = attempt(String(key), { hash: String(hash) });
          const known: RowState | null = before.get(row.id) ?? null;
          return change(row, null, known, { hash: gone ? null : row.hash });
        });
        await recordBatch(db, lease, batch(stream, pollId, changes, { people: [], links: new Map() }), options);
      }
      const recomputed = await db.sql<{ bucket: number; count: number; xor: string }[]>`
        select floor(row_key / 1000.0)::int as bucket, count(*)::int as count, bit_xor(hash)::text as xor
          from lmsmon.row_states where hash is not null group by 1 order by 1`;
      assert.deepEqual(
        await bucketSums(db, stream, -10n, 10n),
        recomputed.map((sum) => ({ ...sum, bucket: BigInt(sum.bucket) })),
      );
    }),
    { numRuns: 15 },
  );
});

Deno.test("P2: recordBatch() leaves nothing behind when its connection is cut before the commit", async () => {
  await withState("server", async (direct, url) => {
    const { lease, stream, pollId } = await startPolling(direct);
    const rows = Array.from({ length: 600 }, (_, i) => attempt(String(i + 1)));
    const work = batch(stream, pollId, rows.map((row) => change(row, told(row))));
    for (const cutAt of ["pg_advisory_xact_lock", "copy lmsmon.lms_activity_events", "update lmsmon.poll_runs"]) {
      await using proxy = cuttingProxy(url, cutAt);
      await using db = await openState({ url: proxy.url, password: null }, { migrate: "skip" });
      await assert.rejects(recordBatch(db, lease, work, options), /CONNECTION|ECONNRESET|closed/i, cutAt);
      assert.equal(proxy.cut(), true, cutAt);
      for (const table of ["row_states", "row_buckets", "lms_activity_events", "lms_event_logs", "people"]) {
        assert.equal((await direct.sql`select 1 from lmsmon.${direct.sql(table)}`).length, 0, `${table}, ${cutAt}`);
      }
    }
    assert.equal((await recordBatch(direct, lease, work, options)).events, 600);
  });
});

Deno.test("P1: recordBatch() cut at the commit is safe to do again", async () => {
  await withState("server", async (direct, url) => {
    const { lease, stream, pollId } = await startPolling(direct);
    // Its set of mentors is known then: the first commit that follows is that of the events.
    await recordBatch(direct, lease, batch(stream, pollId, [change(attempt("2"), told(attempt("2")))]), options);
    const row = attempt("1");
    const work = batch(stream, pollId, [change(row, told(row))]);
    await using proxy = cuttingProxy(url, "commit\0", { deliver: true });
    await using db = await openState({ url: proxy.url, password: null }, { migrate: "skip" });
    await assert.rejects(recordBatch(db, lease, work, options), /CONNECTION|ECONNRESET|closed/i);
    // The commit arrived, its answer did not. Doing it again waits for the server to be done with the first.
    await assert.rejects(recordBatch(direct, lease, work, options), StaleBatchError);
    assert.equal((await direct.sql`select 1 from lmsmon.lms_activity_events`).length, 2);
  });
});

/** Until it has it: who finds the row locked waits for it for some seconds only. */
async function takeOver(db: StateDb, { source, holder }: Lease): Promise<void> {
  while ((await acquireLease(db, source, "h:2:b", 60_000, holder)).lease === null);
}

Deno.test("P1: of two pollers that record the same rows at once one wins and the other writes nothing", async () => {
  await withState("server", async (db) => {
    const { lease, stream, pollId } = await startPolling(db);
    const rows = Array.from({ length: 50 }, (_, i) => attempt(String(i + 1)));
    const work = batch(stream, pollId, rows.map((row) => change(row, told(row))));
    const results = await Promise.allSettled([1, 2, 3].map(() => recordBatch(db, lease, work, options)));
    assert.deepEqual(results.map((r) => r.status).sort(), ["fulfilled", "rejected", "rejected"]);
    for (const r of results) if (r.status === "rejected") assert.ok(r.reason instanceof StaleBatchError, r.reason);
    assert.equal((await db.sql`select 1 from lmsmon.lms_activity_events`).length, 50);
    // Another poller takes over in the middle: it waits for the batch, and what comes after is fenced off.
    const [first, takeover, late] = await Promise.allSettled([
      recordBatch(db, lease, batch(stream, pollId, [change(attempt("900"), told(attempt("900")))]), options),
      takeOver(db, lease),
      recordBatch(db, lease, batch(stream, pollId, [change(attempt("901"), told(attempt("901")))]), options),
    ]);
    assert.equal(takeover.status, "fulfilled");
    for (const r of [first, late]) if (r.status === "rejected") assert.ok(r.reason instanceof LeaseLostError, r.reason);
    await assert.rejects(
      recordBatch(db, lease, batch(stream, pollId, [change(attempt("902"), told(attempt("902")))]), options),
      LeaseLostError,
    );
  });
});

Deno.test("event_id order is commit order, also with several sources", async () => {
  await withState("server", async (db) => {
    const polling = await Promise.all(["a", "b", "c"].map((source) => startPolling(db, source)));
    let seen = 0n;
    const record = async ({ lease, stream, pollId }: typeof polling[number]) => {
      for (let i = 0; i < 10; i++) {
        const rows = [attempt(String(2 * i)), attempt(String(2 * i + 1))];
        await recordBatch(db, lease, batch(stream, pollId, rows.map((row) => change(row, history(row)))), options);
        const [row] = await db.sql`select count(*) as n, max(event_id) as top from lmsmon.lms_activity_events`;
        // Whoever looks after a commit sees every lower id: nothing can appear behind an exporter's cursor.
        assert.equal(row?.n, row?.top);
        assert.ok(BigInt(row?.top) >= seen);
        seen = BigInt(row?.top);
      }
    };
    await Promise.all(polling.map(record));
    assert.equal(seen, 60n);
  });
});

/** A TCP proxy that cuts the first connection on which a client sends `text`; `deliver`: after passing it on. */
function cuttingProxy(url: string, text: string, { deliver = false } = {}) {
  const target = new URL(url);
  const upstreamAt = { hostname: target.hostname, port: Number(target.port || 5432) };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const close = (conn: Deno.Conn) => {
    if (open.delete(conn)) conn.close();
  };
  let cut = false;
  const pump = async (from: Deno.Conn, to: Deno.Conn, pair: { cut: boolean }, watched: boolean) => {
    const buffer = new Uint8Array(256 * 1024);
    let seen = "";
    try {
      while (true) {
        const n = await from.read(buffer);
        if (n === null) break;
        const data = buffer.subarray(0, n);
        seen = seen.slice(1 - text.length) + new TextDecoder().decode(data); // the text may come in two pieces
        if (!cut && watched && seen.includes(text)) cut = pair.cut = true;
        if (pair.cut && (!deliver || !watched)) break;
        for (let sent = 0; sent < n;) sent += await to.write(data.subarray(sent));
        if (pair.cut) break;
      }
    } catch {
      // One side was cut: the other follows.
    }
    // What was passed on is answered before the server notices the end; the answer goes nowhere.
    if (pair.cut && deliver && watched) await (to as Deno.TcpConn).closeWrite().catch(() => {});
    else close(to);
    close(from);
  };
  const serve = async () => {
    const pumps: Promise<void>[] = [];
    for await (const client of listener) {
      open.add(client);
      const upstream = await Deno.connect(upstreamAt);
      open.add(upstream);
      const pair = { cut: false };
      pumps.push(pump(client, upstream, pair, true), pump(upstream, client, pair, false));
    }
    await Promise.all(pumps);
  };
  const serving = serve();
  target.hostname = "127.0.0.1";
  target.port = String((listener.addr as Deno.NetAddr).port);
  return {
    url: target.href,
    cut: () => cut,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const conn of open) close(conn);
      await serving;
    },
  };
}
