import { createHash } from "node:crypto";
import program from "../../deno.json" with { type: "json" };
import { type Migration, migrations as allMigrations } from "../../sql/state/migrations/manifest.ts";
import {
  type AppliedMigrationRow,
  createMigrationsTable,
  createSchema,
  insertMigration,
  lockMigrations,
  renewIdentity,
  restampMigrations,
  runMigrationText,
  selectAppliedMigrations,
  selectMigrationsTable,
  selectServerVersion,
  type ServerVersionRow,
} from "../../sql/state/migrations.ts";
import { MigrationError } from "../base/errors.ts";
import { failPoint } from "../base/fail_point.ts";
import type { Queryable, Sql, Transaction } from "./state_db.ts";

const programVersion = program.version;
const OLDEST_SERVER = 14;
/** The migration that makes the key of the pseudonyms. */
const PSEUDONYMS = 9;
const INSUFFICIENT_PRIVILEGE = "42501";

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
  readonly appliedAt: Temporal.Instant;
  readonly programVersion: string;
}

export interface MigrationStatus {
  /** As recorded in the database, by version. */
  readonly applied: readonly AppliedMigration[];
  /** What this program would still run, in order. */
  readonly pending: readonly Migration[];
  /** Recorded ones that this program does not have: a newer program was here. */
  readonly unknown: readonly AppliedMigration[];
  /** Recorded ones whose text is another one than this program's. */
  readonly edited: readonly AppliedMigration[];
}

/** Where a database stands; changes nothing. Refuses servers that are too old. */
export async function readMigrationStatus(
  sql: Queryable,
  known: readonly Migration[] = allMigrations,
): Promise<MigrationStatus> {
  await checkServerVersion(sql);
  const [table] = await selectMigrationsTable(sql);
  const rows = table?.has_table ? await selectAppliedMigrations(sql) : [];
  return compareMigrations(rows.map(fromRow), known);
}

export function compareMigrations(
  applied: readonly AppliedMigration[],
  known: readonly Migration[],
): MigrationStatus {
  const recorded = new Map(applied.map((migration) => [migration.version, migration]));
  const ours = new Map(known.map((migration) => [migration.version, migration]));
  return {
    applied,
    pending: known.filter(({ version }) => !recorded.has(version)),
    unknown: applied.filter(({ version }) => !ours.has(version)),
    edited: applied.filter(({ version, sha256: recordedHash }) => {
      const mine = ours.get(version);
      return mine !== undefined && sha256(mine.sql) !== recordedHash;
    }),
  };
}

/** Throws when the database is newer than the program, or was made by another text under the same number. */
export function refuseForeignMigrations(status: MigrationStatus): void {
  const newest = status.unknown.at(-1);
  if (newest !== undefined) {
    throw new MigrationError(
      `Cannot use the state database: it is newer than this program (migration ${newest.name} by lmsmon ` +
        `${newest.programVersion}, this is ${programVersion})`,
      { hint: "use a newer lmsmon, or restore the state database from a backup made before the upgrade" },
    );
  }
  const edited = status.edited[0];
  if (edited !== undefined) {
    throw new MigrationError(
      `Cannot use the state database: migration ${edited.name} was another text when it ran (by lmsmon ` +
        `${edited.programVersion}, at ${edited.appliedAt})`,
      { hint: "use the lmsmon that made this database; migrations never change after a release" },
    );
  }
}

/** Throws unless the database is exactly at this program's version. */
export function requireMigrated(status: MigrationStatus): void {
  refuseForeignMigrations(status);
  if (status.pending.length === 0) return;
  const what = status.applied.length === 0 ? "it is not migrated" : `${countOf(status.pending)} not applied`;
  throw new MigrationError(`Cannot use the state database: ${what}`, { hint: "run `lmsmon migrate`" });
}

/**
 * Brings the database to this version: each migration in a transaction of its own, under a lock, so that any number of
 * runners may run at once and each migration runs once. Returns what this call applied. An abort of `signal` is thrown between two.
 */
export async function migrate(
  sql: Sql,
  known: readonly Migration[] = allMigrations,
  { signal, onApplied }: { readonly signal?: AbortSignal; readonly onApplied?: (migration: Migration) => void } = {},
): Promise<readonly Migration[]> {
  await checkServerVersion(sql);
  const applied: Migration[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const next = await sql.begin((tx) => applyNext(tx, known));
    if (next === null) return applied;
    onApplied?.(next);
    failPoint("migrate.between");
    applied.push(next);
  }
}

/** For a state that was just made from the template: what it came with counts as applied now. Returns that. */
export async function adoptTemplate(
  sql: Sql,
  known: readonly Migration[] = allMigrations,
): Promise<readonly Migration[]> {
  await restampMigrations(sql, programVersion);
  const applied = new Set((await selectAppliedMigrations(sql)).map(({ version }) => version));
  // Every state is made of the same template: two of them must not share a key.
  if (applied.has(PSEUDONYMS)) await renewIdentity(sql);
  return known.filter(({ version }) => applied.has(version));
}

async function applyNext(tx: Transaction, known: readonly Migration[]): Promise<Migration | null> {
  await lockMigrations(tx);
  await prepareSchema(tx);
  const status = compareMigrations((await selectAppliedMigrations(tx)).map(fromRow), known);
  refuseForeignMigrations(status);
  const next = status.pending[0];
  if (next === undefined) return null;
  try {
    await runMigrationText(tx, next.sql);
    await insertMigration(tx, { ...next, sha256: sha256(next.sql), programVersion });
    failPoint("migrate.before_commit");
  } catch (error) {
    throw new MigrationError(`Cannot apply migration ${next.name}: ${(error as Error).message}`, {
      cause: error,
      hint: "nothing of it was kept; fix the cause and run `lmsmon migrate` again",
    });
  }
  return next;
}

async function prepareSchema(tx: Transaction): Promise<void> {
  const [found] = await selectMigrationsTable(tx);
  if (found === undefined || found.has_table) return;
  try {
    if (!found.has_schema) await createSchema(tx);
    await createMigrationsTable(tx);
  } catch (error) {
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new MigrationError(
      `Cannot migrate the state database: role "${found.role}" may not create ` +
        (found.has_schema ? `tables in schema lmsmon` : `schema lmsmon in database "${found.database}"`),
      {
        cause: error,
        hint: found.has_schema
          ? `run as its owner: ALTER SCHEMA lmsmon OWNER TO "${found.role}"`
          : `run as the database's owner: GRANT CREATE ON DATABASE "${found.database}" TO "${found.role}" ` +
            `(or CREATE SCHEMA lmsmon AUTHORIZATION "${found.role}")`,
      },
    );
  }
}

async function checkServerVersion(sql: Queryable): Promise<void> {
  const [server] = await selectServerVersion(sql);
  if (server !== undefined) refuseOldServer(server);
}

export function refuseOldServer(server: ServerVersionRow): void {
  if (server.server_version_num >= OLDEST_SERVER * 10_000) return;
  throw new MigrationError(
    `Cannot use the state database: PostgreSQL ${server.server_version} is too old, ${OLDEST_SERVER} or newer is needed`,
    { hint: "upgrade the server, or use the embedded state (state.url: pglite:./lmsmon-state)" },
  );
}

function fromRow(row: AppliedMigrationRow): AppliedMigration {
  return {
    version: row.version,
    name: row.name,
    sha256: row.sha256,
    appliedAt: row.applied_at,
    programVersion: row.program_version,
  };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const countOf = (pending: readonly Migration[]) =>
  pending.length === 1 ? `migration ${pending[0]?.name} is` : `${pending.length} migrations are`;
