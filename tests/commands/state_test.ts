import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { runState } from "../../lib/app/state.ts";
import { inOrder } from "../../lib/app/state_dump.ts";
import type { StateOptions } from "../../lib/app/command_options.ts";
import { createOutput } from "../../lib/base/output.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { PLACES, type PollBench, withBench } from "../poll/poll_bench.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { PROGRAM, START } from "../support/program.ts";
import { createServerDatabase } from "../support/state/server_state.ts";
import { serverTest } from "../support/state/with_state.ts";
import { SOURCE, testConfig } from "../tell/outbox_fixture.ts";

/** What a command over the state at `url` says, and its exit code; `json`: parsed. */
async function run(bench: PollBench, url: string, options: Partial<StateOptions>) {
  let text = "";
  const writeSync = (chunk: Uint8Array) => {
    text += new TextDecoder().decode(chunk);
    return chunk.length;
  };
  const signal = new AbortController().signal;
  const context = {
    config: { ...testConfig(bench.standIn), state: { url, password: null } },
    stop: { soft: signal, hard: signal },
    clock: systemClock,
    out: createOutput({ writeSync, write: (c: Uint8Array) => Promise.resolve(writeSync(c)), isTerminal: () => false }),
    log: getLogger(["lmsmon", "test"]),
  };
  const code = await runState(context, { action: "check", path: "", dryRun: false, json: false, ...options });
  return { code, text };
}

type Contents = Record<string, string[]>;

/** Every value of every table, but for what belongs to a place. */
async function contents({ sql }: Pick<StateDb, "sql">): Promise<Contents> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'lmsmon' and tablename not in ('leases', 'migrations', 'audit')
     order by 1`;
  const found: Record<string, string[]> = {};
  for (const { name } of tables) {
    const rows = await sql.unsafe<{ row: string }[]>(
      `select to_jsonb(x)::text as row from lmsmon.${name} x order by 1`,
    );
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}

const isEpoch = (fact: string) => fact.includes('"state_epoch"');
const withoutEpoch = (rows: Contents) => ({ ...rows, facts: rows.facts?.filter((fact) => !isEpoch(fact)) });
const epochsOf = (rows: Contents) => rows.facts?.filter(isEpoch).map((fact) => JSON.parse(fact).value.epoch);

/** A state in which most tables have something, with letters of everywhere. */
async function lived(bench: PollBench): Promise<void> {
  const { writer, db } = bench;
  const { student } = await bench.pair();
  await writer.update("students", student, { display_name: 'Ünï "cödé" \\ 学生 \u{1F393}\n#' });
  const exam = await writer.exam({ title: "Rank Test – 12\t#" });
  const attempt = (values: Record<string, string | number>) =>
    writer.attempt({ user_id: student, exam_id: exam, date: "2026-11-20 09:00:00", ...values });
  await attempt({ state: "Completed", result: "Pass", score: 0.1 + 0.2, percentage: 17.25 });
  await bench.firstContact();
  await attempt({ state: "Completed", result: "Fail", score: 12, percentage: 7 });
  await attempt({ state: "Running" });
  await writer.attempt({ user_id: Number(await writer.student()), state: "Running", date: "2026-11-20 09:00:00" });
  await bench.poll();
  await bench.deliver();
  await db.sql`
    insert into lmsmon.audit (source, who, host, command, effect) values (${SOURCE}, 'root', 'here', 'pause', 'everything paused')`;
}

for (const place of PLACES.slice(0, 1)) {
  serverTest("a dump fills an empty state with all there was, from a server to an embedded one and back", async () => {
    const folder = await Deno.makeTempDir({ prefix: "lmsmon_dump_" });
    try {
      await withBench(place, {}, async (bench) => {
        await lived(bench);
        const before = await contents(bench.db);
        const file = `${folder}/state.dump.gz`;
        const { text } = await run(bench, bench.stateUrl, { action: "dump", path: file });
        assert.match(text, /^Dumped to .*rows \(4 events, .*personal data/);
        assert.equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);

        const embedded = `pglite:${folder}/embedded`;
        assert.match(
          (await run(bench, embedded, { action: "restore", path: file, dryRun: true })).text,
          /^Would restore/,
        );
        assert.match(
          (await run(bench, embedded, { action: "restore", path: file })).text,
          /^Restored .*4 events.*\n.*reconcile/,
        );
        await assert.rejects(run(bench, embedded, { action: "restore", path: file }), /this state is not empty/);
        assert.equal((await run(bench, embedded, { action: "check" })).code, 0);

        // A copy of the embedded one is a state, too, and its dump is as good.
        await run(bench, embedded, { action: "copy", path: `${folder}/copy` });
        await assert.rejects(run(bench, embedded, { action: "copy", path: `${folder}/copy` }), /there is one already/);
        await assert.rejects(run(bench, bench.stateUrl, { action: "copy", path: `${folder}/other` }), /on a server/);
        await run(bench, `pglite:${folder}/copy`, { action: "dump", path: `${folder}/again.zst` });
        assert.deepEqual([...(await Deno.readFile(`${folder}/again.zst`)).slice(0, 4)], [0x28, 0xb5, 0x2f, 0xfd]);
        const back = await createServerDatabase(true);
        await run(bench, back.url, { action: "restore", path: `${folder}/again.zst` });
        {
          await using db = await openState({ url: back.url, password: null });
          const after = await contents(db);
          assert.deepEqual(withoutEpoch(after), withoutEpoch(before));
          // What was exported since the dump was made nobody knows: event ids are of another sequence from here on.
          assert.notDeepEqual(epochsOf(after), epochsOf(before));
          const acts = await db.sql<{ command: string }[]>`select command from lmsmon.audit order by audit_id`;
          assert.deepEqual(acts.map(({ command }) => command), ["pause", "state restore", "state restore"]);
          await assert.rejects(async () => await db.sql`delete from lmsmon.audit`, /only ever added/);
          const [next] = await db.sql<{ id: number }[]>`select nextval('lmsmon.event_ids')::int as id`;
          assert.ok((next?.id ?? 0) > 4);
        }
        await back.drop();
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  serverTest("what is no whole dump changes nothing, and check names what does not fit together", async () => {
    const folder = await Deno.makeTempDir({ prefix: "lmsmon_dump_" });
    try {
      await withBench(place, {}, async (bench) => {
        await lived(bench);
        const file = `${folder}/dump`; // a name that says nothing
        await run(bench, bench.stateUrl, { action: "dump", path: file });
        for (const name of ["x.json", "x.CSV", "x.sql", "x.tar"]) {
          const dump = run(bench, bench.stateUrl, { action: "dump", path: `${folder}/${name}` });
          await assert.rejects(dump, /Cannot dump to .*: a dump is no \.\w+ file/, name);
        }
        await run(bench, bench.stateUrl, { action: "dump", path: `${folder}/whole.zst` });
        const zstd = await Deno.readFile(`${folder}/whole.zst`);
        const bytes = await Deno.readFile(file);
        const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
        const packed = (lines: string) =>
          new Response(new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
        const lines = text.trimEnd().split("\n");
        const broken: Record<string, [Uint8Array, RegExp]> = {
          cut: [bytes.slice(0, bytes.length - 40), /no whole dump/],
          "cut.zst": [zstd.slice(0, zstd.length - 40), /no whole dump/],
          empty: [new Uint8Array(), /no whole dump/],
          unended: [await packed(`${lines.slice(0, -1).join("\n")}\n`), /its end is missing/],
          short: [
            await packed(`${lines.filter((line) => !line.includes('"cödé')).join("\n")}\n`),
            /has \d+ rows of \d+/,
          ],
          newer: [await packed(text.replace(/"schema":\d+/, '"schema":9999')), /of state schema 9999/],
          garbled: [
            await packed(text.replace('#{"table"', '#{"tabel"')),
            /no whole dump \(a line is neither a table's nor the end\)/,
          ],
          other: [await packed("id,name\n1,a\n"), /does not begin like one/],
          plain: [new TextEncoder().encode(text), /no whole dump/],
        };
        const empty = await createServerDatabase(true);
        for (const [name, [content, error]] of Object.entries(broken)) {
          await Deno.writeFile(`${folder}/${name}`, content);
          await assert.rejects(run(bench, empty.url, { action: "restore", path: `${folder}/${name}` }), error, name);
        }
        await assert.rejects(
          run(bench, empty.url, { action: "restore", path: `${folder}/none` }),
          /none: there is no such file$/,
        );
        await assert.rejects(run(bench, empty.url, { action: "restore", path: folder }), /: it is a directory$/);
        {
          await using db = await openState({ url: empty.url, password: null });
          const { people, lms_activity_events: events, audit } = await contents(db);
          assert.deepEqual([people, events, audit], [[], [], undefined]);
        }
        await empty.drop();

        assert.equal((await run(bench, bench.stateUrl, { action: "check" })).code, 0);
        await bench.db.sql`update lmsmon.row_buckets set hash_xor = hash_xor # 1`;
        await bench.db.sql`delete from lmsmon.messages`;
        const { code, text: said } = await run(bench, bench.stateUrl, { action: "check", json: true });
        assert.equal(code, 1);
        const wrong = (JSON.parse(said).checks as { status: string; message: string }[])
          .filter(({ status }) => status === "error");
        assert.match(
          wrong.map(({ message }) => message).join("\n"),
          /rows may be overlooked[^]*deliveries whose message is not there/,
        );
        await assert.rejects(run(bench, bench.stateUrl, { action: "check" }), /The state has \d faults/);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("inOrder() puts a table behind those it refers to", () => {
  const table = (name: string, ...refers_to: string[]) => ({ name, columns: [], refers_to });
  const order = inOrder([table("a", "c"), table("b"), table("c", "b"), table("d")]).map(({ name }) => name);
  assert.deepEqual(order, ["b", "d", "c", "a"]);
  assert.throws(() => inOrder([table("a", "b"), table("b", "a")]), /circle/);
});

serverTest("a dump through a pipe is whole: what the command says of it stands elsewhere", async () => {
  const state = await createServerDatabase(true);
  await using undo = new AsyncDisposableStack();
  undo.defer(state.drop);
  const home = undo.use(await LmsmonHome.make({ state: { url: state.url } }));
  const other = undo.use(await LmsmonHome.make({ state: { url: "pglite:./state" } }));
  const shell = async (folder: string, command: string) => {
    const lmsmon = [Deno.execPath(), ...START, PROGRAM, "state"].map((word) => `'${word}'`).join(" ");
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", command.replace("lmsmon state", lmsmon)],
      cwd: folder,
    }).output();
    const err = new TextDecoder().decode(stderr);
    assert.equal(code, 0, err);
    return { out: new TextDecoder().decode(stdout), err };
  };
  const { err } = await shell(home.folder, `lmsmon state dump - | cat > '${other.folder}/piped.gz'`);
  const { size } = await Deno.stat(`${other.folder}/piped.gz`);
  assert.match(err, /Dumped to \/dev\/stdout, 1 MB/);
  const { out: restored } = await shell(other.folder, "cat piped.gz | lmsmon state restore - --json");
  assert.equal(JSON.parse(restored).action, "restore");
  const again = await shell(home.folder, "mkfifo pipe; cat pipe > again.gz & lmsmon state dump pipe --json");
  // The moment of the dump is in it, so that its size may be another one by a few bytes.
  assert.ok(Math.abs(JSON.parse(again.out).bytes - size) < 20, again.out);
});
