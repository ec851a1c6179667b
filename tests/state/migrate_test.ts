import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import {
  compareMigrations,
  migrate,
  readMigrationStatus,
  refuseForeignMigrations,
  refuseOldServer,
  requireMigrated,
} from "../../lib/state/migrate.ts";
import { MigrationError } from "../../lib/base/errors.ts";
import { openMemory, openState } from "../../lib/state/open_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { type Migration, migrations } from "../../sql/state/migrations/manifest.ts";
import { createServerDatabase, onServer } from "../support/state/server_state.ts";
import { forEachState, serverTest, withEmptyState } from "../support/state/with_state.ts";

const FIRST: Migration = {
  version: 1,
  name: "0001_first",
  sql: "create table lmsmon.a (x int); insert into lmsmon.a values (1);",
};
const SECOND: Migration = { version: 2, name: "0002_second", sql: "alter table lmsmon.a add y text default '%s';" };

Deno.test("migrations name every file of their folder, in order, without gaps", async () => {
  const folder = fileURLToPath(new URL("../../sql/state/migrations/", import.meta.url));
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".sql")) files.push(name);
  assert.deepEqual(migrations.map(({ name }) => `${name}.sql`), files.sort());
  for (const [index, { version, name, sql }] of migrations.entries()) {
    assert.equal(version, index + 1);
    assert.match(name, new RegExp(`^${String(version).padStart(4, "0")}_[a-z0-9_]+$`));
    assert.equal(sql, await Deno.readTextFile(`${folder}/${name}.sql`));
  }
});

const embeddedTest = (name: string, work: () => Promise<void>) => Deno.test(`${name} [embedded]`, work);

for (const kind of ["embedded", "server"] as const) {
  const test = kind === "server" ? serverTest : embeddedTest;

  test(`migrate() applies what is pending, once, and records it`, () =>
    withEmptyState(kind, async ({ sql }) => {
      assert.deepEqual((await readMigrationStatus(sql, [FIRST])).pending, [FIRST]);
      assert.deepEqual(await migrate(sql, [FIRST]), [FIRST]);
      assert.deepEqual(await migrate(sql, [FIRST, SECOND]), [SECOND]);
      assert.deepEqual(await migrate(sql, [FIRST, SECOND]), []);
      assert.deepEqual([...await sql`select x, y from lmsmon.a`], [{ x: 1, y: "%s" }]);
      const { applied, pending } = await readMigrationStatus(sql, [FIRST, SECOND]);
      assert.deepEqual(applied.map(({ name }) => name), ["0001_first", "0002_second"]);
      assert.ok(applied[0]?.appliedAt instanceof Temporal.Instant);
      assert.deepEqual(pending, []);
    }));

  test(`migrate() keeps nothing of a migration that fails, and names it`, () =>
    withEmptyState(kind, async ({ sql }) => {
      const broken = { version: 2, name: "0002_broken", sql: "create table lmsmon.b (x int); select 1/0;" };
      await assert.rejects(migrate(sql, [FIRST, broken]), (error: Error) => {
        assert.ok(error instanceof MigrationError);
        assert.match(error.message, /^Cannot apply migration 0002_broken: division by zero$/);
        return true;
      });
      assert.deepEqual((await readMigrationStatus(sql, [FIRST, broken])).pending, [broken]);
      assert.deepEqual([...await sql`select to_regclass('lmsmon.b') as b`], [{ b: null }]);
    }));

  test(`migrate() refuses a newer database and an edited migration, naming them`, () =>
    withEmptyState(kind, async ({ sql }) => {
      await migrate(sql, [FIRST, SECOND]);
      await assert.rejects(migrate(sql, [FIRST]), (error: Error) => {
        assert.ok(error instanceof MigrationError);
        assert.equal(error.exitCode, 3);
        assert.match(error.message, /newer than this program.*0002_second/);
        return true;
      });
      const edited = { ...FIRST, sql: `${FIRST.sql} -- edited` };
      await assert.rejects(migrate(sql, [edited, SECOND]), /migration 0001_first was another text when it ran/);
    }));
}

forEachState("migrations create every table of the plan", async ({ sql }) => {
  requireMigrated(await readMigrationStatus(sql));
  const rows = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'lmsmon'`;
  const names = rows.map(({ name }) => name);
  for (const name of ["lms_activity_events", "lms_event_logs", "messages", "people", "row_states", "migrations"]) {
    assert.ok(names.includes(name), name);
  }
});

serverTest(
  "migrate() applies each migration once when 20 run at once",
  () =>
    withEmptyState("server", async (state, url) => {
      const openings = Array.from(
        { length: 20 },
        () => openState({ url, password: null }, { migrate: "skip", connections: 1 }),
      );
      const others = await Promise.all(openings);
      try {
        const applied = await Promise.all(others.map(({ sql }) => migrate(sql)));
        assert.deepEqual(applied.flat().toSorted((a, b) => a.version - b.version), migrations);
        requireMigrated(await readMigrationStatus(state.sql));
      } finally {
        await Promise.all(others.map((other) => other.close()));
      }
    }),
);

serverTest(
  "openState() says `lmsmon migrate` and ends with 3 when a server is not migrated",
  () =>
    withEmptyState("server", async (_state, url) => {
      await assert.rejects(openState({ url, password: null }), (error: Error) => {
        assert.ok(error instanceof MigrationError);
        assert.equal(error.exitCode, 3);
        assert.match(error.message, /not migrated/);
        assert.match(error.hint ?? "", /lmsmon migrate/);
        return true;
      });
      await using migrated = await openState({ url, password: null }, { migrate: "auto" });
      requireMigrated(await readMigrationStatus(migrated.sql));
    }),
);

serverTest(
  "migrate() names the GRANT when the role may not create the schema, and works in a schema given to it",
  async () => {
    const database = await createServerDatabase(false);
    const role = `lmsmon_role_${crypto.randomUUID().slice(0, 8)}`;
    const url = new URL(database.url);
    url.username = role;
    const owner = postgres(database.url, { max: 1, onnotice: () => {} });
    const state: StateDb = await onServer(async (sql) => {
      await sql.unsafe(`create role ${role} login`);
      return await openState({ url: url.href, password: null }, { migrate: "skip" });
    });
    try {
      await assert.rejects(migrate(state.sql), (error: Error) => {
        assert.ok(error instanceof MigrationError);
        assert.ok(error.hint?.includes(`GRANT CREATE ON DATABASE "${database.name}" TO "${role}"`), error.hint);
        return true;
      });
      await owner.unsafe(`create schema lmsmon`);
      await owner.unsafe(`grant usage on schema lmsmon to ${role}`);
      await assert.rejects(migrate(state.sql), (error: MigrationError) => {
        assert.ok(error.hint?.includes(`ALTER SCHEMA lmsmon OWNER TO "${role}"`), error.hint);
        return true;
      });
      await owner.unsafe(`alter schema lmsmon owner to ${role}`);
      assert.deepEqual(await migrate(state.sql), migrations);
    } finally {
      await state.close();
      await owner.end();
      await database.drop();
      await onServer((sql) => sql.unsafe(`drop role ${role}`));
    }
  },
);

Deno.test("compareMigrations() sorts what is recorded and what is known", () => {
  const status = compareMigrations([], [FIRST, SECOND]);
  assert.deepEqual(status.pending, [FIRST, SECOND]);
  assert.throws(() => requireMigrated(status), /not migrated/);
  refuseForeignMigrations(status);
});

Deno.test("refuseOldServer() refuses PostgreSQL before 14 and names the version", () => {
  refuseOldServer({ server_version_num: 140_000, server_version: "14.0" });
  assert.throws(
    () => refuseOldServer({ server_version_num: 130_014, server_version: "13.14" }),
    /PostgreSQL 13\.14 is too old/,
  );
});

Deno.test("openMemory() is migrated and gone when closed", async () => {
  await using state = await openMemory();
  assert.equal(state.mode, "embedded");
  assert.equal(state.copy, false);
  requireMigrated(await readMigrationStatus(state.sql));
});
