import assert from "node:assert/strict";
import { join } from "node:path";
import { migrations } from "../../sql/state/migrations/manifest.ts";
import { dropSchema } from "../../sql/state/migrations.ts";
import { StateError } from "../../lib/base/errors.ts";
import { PgliteEngine } from "../../lib/drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../../lib/drivers/pglite/pglite_socket.ts";
import { migrate, readMigrationStatus } from "../../lib/state/migrate.ts";
import { openState } from "../../lib/state/open_state.ts";
import { NEEDED_BYTES, requireMemory } from "../../lib/state/require_memory.ts";
import type { Sql } from "../../lib/state/state_db.ts";
import { embeddedPool } from "../../lib/state/state_pool.ts";
import { stateTemplate } from "../../lib/state/template.ts";
import { MemoryGroup } from "../chaos/harness/memory_group.ts";
import { embeddedImage } from "../support/state/embedded_state.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";

const MB = 1 << 20;
const ROOT = new URL("../../", import.meta.url).pathname;
const canLimit = Deno.build.os === "linux" && await MemoryGroup.enforces(64 * MB);

/** `lmsmon migrate` with a state that is not there yet, as a service runs it, in so much memory. */
async function migrateIn(bytes: number) {
  await using group = await MemoryGroup.make(bytes);
  assert.ok(group !== null);
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-test-" });
  try {
    await Deno.writeTextFile(`${folder}/config.yaml`, "lms: {url: 'postgres://nobody@127.0.0.1:1/lms'}\n");
    const run = [Deno.execPath(), "run", "-A", "--no-check", "--cached-only", `${ROOT}main.ts`];
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [...group.launch([...run, "--config", `${folder}/config.yaml`, "migrate"])],
    }).output();
    const out = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return { code, out, isMade: await Deno.stat(`${folder}/lmsmon-state/data`).then(() => true, () => false) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({ ignore: !canLimit, name: "a first embedded state is made within 384 MB of memory" }, async () => {
  const { code, out } = await migrateIn(384 * MB);
  assert.equal(code, 0, out);
  assert.match(out, /Applied 0001_initial\n/);
  assert.match(out, /up to date/);
});

Deno.test({
  ignore: !canLimit,
  name: "in less memory than an embedded state needs, lmsmon says so and ends with 1 before it makes one",
}, async () => {
  const { code, out, isMade } = await migrateIn(256 * MB);
  assert.equal(code, 1, out);
  assert.match(out, /an embedded state needs \d+ MB of memory, and this process may use 256 MB/);
  assert.match(out, /raise the limit .*PostgreSQL server/);
  assert.equal(isMade, false);
});

Deno.test("requireMemory() asks for nothing where no limit is known or reached", () => {
  requireMemory("/state", null);
  requireMemory("/state", { bytes: NEEDED_BYTES, by: "control group" });
  const failing = () => requireMemory("/state", { bytes: NEEDED_BYTES - MB, by: "machine" });
  assert.throws(failing, (error) => error instanceof StateError && /this machine has/.test(error.message));
});

Deno.test("the template is what PGlite and the migrations make: settings, catalog and schema, and no row more", async () => {
  const fresh = await describeDatabase({ pglite: (await embeddedImage("empty")).pglite ?? {} });
  const template = await describeDatabase({ pglite: { loadDataDir: await stateTemplate() } });
  assert.deepEqual(template.status.edited, []);
  assert.deepEqual(template.status.unknown, []);
  assert.deepEqual(template.catalog, fresh.catalog);
  assert.deepEqual(template.rows, fresh.rows);
});

async function describeDatabase(options: Parameters<typeof PgliteEngine.open>[1]) {
  const engine = await PgliteEngine.open(null, options);
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)));
  try {
    const status = await readMigrationStatus(sql);
    await migrate(sql);
    const catalog = await sql`
      select current_setting('server_encoding') as encoding, current_setting('data_checksums') as checksums,
             current_setting('TimeZone') as zone, (select catalog_version_no from pg_control_system()) as version,
             (select count(*)::int from pg_catalog.pg_proc) as functions,
             (select string_agg(table_name || '.' || column_name || ' ' || data_type, ',' order by table_name, ordinal_position)
                from information_schema.columns where table_schema = 'lmsmon') as columns,
             (select string_agg(conname || pg_get_constraintdef(oid), ',' order by conname) from pg_constraint
               where connamespace = 'lmsmon'::regnamespace) as constraints,
             (select string_agg(indexdef, ',' order by indexdef) from pg_indexes where schemaname = 'lmsmon') as indexes`;
    const tables = await sql<{ name: string }[]>`
      select relname as name from pg_class where relnamespace = 'lmsmon'::regnamespace and relkind = 'r' order by relname`;
    const rows: Record<string, unknown> = {};
    for (const { name } of tables) {
      if (name === "migrations") continue;
      rows[name] = (await sql.unsafe(`select count(*)::int as n from lmsmon.${name}`))[0]?.["n"];
    }
    return { status, catalog: [...catalog], rows };
  } finally {
    await sql.end();
    await engine.close();
  }
}

Deno.test("a new state's migrations count as applied when it was made, by this program", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-test-" });
  try {
    const before = Temporal.Now.instant();
    const applied: string[] = [];
    await using state = await openState(
      { url: `pglite:${folder}/state`, password: null },
      { onApplied: ({ name }) => void applied.push(name) },
    );
    assert.deepEqual(applied, migrations.map(({ name }) => name));
    const status = await readMigrationStatus(state.sql);
    for (const { appliedAt } of status.applied) assert.ok(Temporal.Instant.compare(appliedAt, before) >= 0);
    assert.deepEqual([...Deno.readDirSync(`${folder}/state`)].filter(({ name }) => /before/.test(name)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A closed state as the version before this one left it, with a row in it. */
async function makeOlder(path: string): Promise<void> {
  const engine = await PgliteEngine.open(join(path, "data"));
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)));
  await dropSchema(sql);
  await migrate(sql, migrations.slice(0, -1));
  await sql`create table public.kept as select 42 as n`;
  await sql.end();
  await engine.close();
}

const copiesIn = (path: string) =>
  [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => name.startsWith("data.")).sort();

Deno.test("before a migration an embedded state is copied beside itself, the last copy is kept, and one can go back to it", () =>
  withStateDirectory(async (path) => {
    await makeOlder(path);
    await Deno.mkdir(join(path, "data.before-0002"));
    const newest = migrations.at(-1)?.version ?? 0;
    const copy = `data.before-${String(newest).padStart(4, "0")}`;
    {
      await using state = await openState({ url: `pglite:${path}`, password: null });
      assert.equal((await readMigrationStatus(state.sql)).pending.length, 0);
      await state.sql`update public.kept set n = 43`;
    }
    assert.deepEqual(copiesIn(path), [copy]);
    // Going back, as the README says.
    await Deno.rename(join(path, "data"), join(path, "data.newer"));
    await Deno.rename(join(path, copy), join(path, "data"));
    const engine = await PgliteEngine.open(join(path, "data"));
    const sql: Sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)));
    const status = await readMigrationStatus(sql);
    const [kept] = await sql`select n from public.kept`;
    await sql.end();
    await engine.close();
    assert.deepEqual(status.pending.map(({ version }) => version), [newest]);
    assert.equal(kept?.["n"], 42);
  }));

Deno.test("a state that is at this version is not copied, nor by a dry run", () =>
  withStateDirectory(async (path) => {
    await openState({ url: `pglite:${path}`, password: null }).then((state) => state.close());
    assert.deepEqual(copiesIn(path), []);
    await makeOlder(path);
    await assert.rejects(openState({ url: `pglite:${path}`, password: null }, { dryRun: true }), /not applied/);
    assert.deepEqual(copiesIn(path), []);
  }));
