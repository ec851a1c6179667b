import { hostname } from "node:os";
import process from "node:process";
import postgres from "postgres";
import { migrate } from "../../../lib/state/migrate.ts";
import { openState } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { stateHash } from "./state_hash.ts";

/** A superuser's URL of a PostgreSQL server for tests. */
export const serverUrl = Deno.env.get("LMSMON_TEST_POSTGRES_URL") ?? "postgres://postgres@127.0.0.1:5432/postgres";

export const START_A_SERVER = "docker run -d -p 5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust postgres:15";

const TEMPLATE = `lmsmon_template_${stateHash}`;
const LOCK = "7160461180294517";

let prepared: Promise<void> | undefined;

/** Runs `work` with one connection to the server's maintenance database. */
export async function onServer<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  // Long: a machine that stands still for some seconds is no server that is away, and nobody listens is known at once.
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {}, connect_timeout: 30 });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

export async function isServerReachable(): Promise<boolean> {
  return await onServer((sql) => sql`select 1`).then(() => true, () => false);
}

/** The URL of a database of its own, empty or migrated; `drop` removes it. */
export async function createServerDatabase(
  migrated: boolean,
): Promise<{ readonly url: string; readonly name: string; readonly drop: () => Promise<void> }> {
  prepared ??= prepare();
  await prepared;
  const name = `lmsmon_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await onServer(async (sql) => {
    await sql.unsafe(`create database ${name} template ${migrated ? TEMPLATE : "template0"}`);
    await sql.unsafe(`comment on database ${name} is '${hostname()} ${Deno.pid}'`);
  });
  return {
    name,
    url: databaseUrl(name),
    drop: () => onServer(async (sql) => void await sql.unsafe(`drop database if exists ${name} with (force)`)),
  };
}

export async function openServerState(url: string): Promise<StateDb> {
  return await openState({ url, password: null }, { migrate: "skip" });
}

export function databaseUrl(name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Once a test process: removes what dead ones left, makes the template when no process has. */
async function prepare(): Promise<void> {
  await onServer(async (sql) => {
    await sql`select pg_advisory_lock(${LOCK}::bigint)`;
    await sweep(sql);
    const [template] = await sql`select from pg_database where datname = ${TEMPLATE}`;
    if (template === undefined) await makeTemplate(sql);
  });
}

async function makeTemplate(sql: postgres.Sql): Promise<void> {
  const making = `${TEMPLATE}_new`;
  await sql.unsafe(`drop database if exists ${making} with (force)`);
  await sql.unsafe(`create database ${making} template template0`);
  const state = await openServerState(databaseUrl(making));
  try {
    await migrate(state.sql);
  } finally {
    await state.close();
  }
  await sql.unsafe(`alter database ${making} rename to ${TEMPLATE}`);
  await sql.unsafe(`comment on database ${TEMPLATE} is '${Temporal.Now.instant()}'`);
}

/** Databases of failed tests stay until the process that made them is gone and another one starts. */
async function sweep(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ datname: string; owner: string | null }[]>`
    select datname, shobj_description(oid, 'pg_database') as owner from pg_database where datname like 'lmsmon\\_test\\_%'`;
  for (const { datname, owner } of rows) {
    const [host, pid] = (owner ?? "").split(" ");
    if (host !== hostname() || pid === undefined || isAlive(Number(pid))) continue;
    await sql.unsafe(`drop database if exists ${datname} with (force)`);
  }
}

/** Signal 0, not /proc: Deno lets nobody look there without --allow-all, and every process would seem gone. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code !== "ESRCH";
  }
}
