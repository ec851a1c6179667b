import { z } from "zod";
import { bool, int4, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** One lock for all runners of a database; the number is arbitrary and for ever. */
const LOCK = "7160461180294516";

export const ServerVersionRow = z.object({ server_version_num: neverNull(int4), server_version: neverNull(text) });
export type ServerVersionRow = z.infer<typeof ServerVersionRow>;

export const selectServerVersion = (sql: Queryable) =>
  sql<ServerVersionRow[]>`
    select current_setting('server_version_num')::int as server_version_num,
           current_setting('server_version') as server_version`;

export const lockMigrations = (sql: Queryable) => sql`select pg_advisory_xact_lock(${LOCK}::bigint)`;

export const MigrationsTableRow = z.object({
  has_schema: neverNull(bool),
  has_table: neverNull(bool),
  role: neverNull(text),
  database: neverNull(text),
});
export type MigrationsTableRow = z.infer<typeof MigrationsTableRow>;

/** Asks the catalog: `create … if not exists` wants the right to create even where nothing is left to do. */
export const selectMigrationsTable = (sql: Queryable) =>
  sql<MigrationsTableRow[]>`
    select exists (select from pg_catalog.pg_namespace where nspname = 'lmsmon') as has_schema,
           exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = 'lmsmon' and c.relname = 'migrations') as has_table,
           current_user::text as role, current_database()::text as database`;

export const createSchema = (sql: Queryable) => sql`create schema lmsmon`;

export const createMigrationsTable = (sql: Queryable) =>
  sql`
    create table lmsmon.migrations (
      version         integer primary key,
      name            text not null,
      sha256          text not null,
      applied_at      timestamptz not null default now(),
      program_version text not null
    )`;

export const AppliedMigrationRow = z.object({
  version: int4,
  name: text,
  sha256: text,
  applied_at: timestamptz,
  program_version: text,
});
export type AppliedMigrationRow = z.infer<typeof AppliedMigrationRow>;

export const selectAppliedMigrations = (sql: Queryable) =>
  sql<AppliedMigrationRow[]>`
    select version, name, sha256, applied_at, program_version from lmsmon.migrations order by version`;

/** A migration's own text: several statements, so the simple protocol. */
export const runMigrationText = (
  sql: Queryable & { unsafe(text: string): { simple(): Promise<unknown> } },
  text: string,
) => sql.unsafe(text).simple();

export const insertMigration = (
  sql: Queryable,
  row: { readonly version: number; readonly name: string; readonly sha256: string; readonly programVersion: string },
) =>
  sql`
    insert into lmsmon.migrations (version, name, sha256, program_version)
    values (${row.version}, ${row.name}, ${row.sha256}, ${row.programVersion})`;

/** A state that came from the template was made now, and by this program. */
export const restampMigrations = (sql: Queryable, programVersion: string) =>
  sql`update lmsmon.migrations set applied_at = now(), program_version = ${programVersion}`;

/** Of a state just made from the template: a key of its own for its pseudonyms, and an epoch of its own. */
export const renewIdentity = (sql: Queryable) =>
  sql`
    with key as (select lmsmon.new_pseudonym_key())
    update lmsmon.facts set value = jsonb_set(value, '{epoch}', to_jsonb(gen_random_uuid()))
     where source = '' and name = 'state_epoch' and exists (select from key)`;

/** What the template holds besides an empty database. */
export const dropSchema = (sql: Queryable) => sql`drop schema lmsmon cascade`;
