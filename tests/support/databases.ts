import mysql from "mysql2/promise";
import postgres from "postgres";
import { spawnMariaDb, spawnPostgres } from "./spawned_servers.ts";

/** A database of one test. */
export interface TestDatabase {
  /** With the user that may create and drop, for set-up; see each test for the user that lmsmon gets. */
  readonly url: string;
  readonly name: string;
  drop(): Promise<void>;
}

/** A database server that this run may use. */
export interface TestServer {
  readonly dialect: "postgres" | "mysql";
  /** Of the maintenance database. */
  readonly url: string;
  createDatabase(prefix: string): Promise<TestDatabase>;
}

const PREFIX = "lmsmon_t";
/**
 * Nobody listens is known at once. A server that is busy (each database that is dropped makes it write everything out), or a machine that
 * stands still for some seconds, is no server that is away.
 */
const CONNECT_PATIENCE_S = 30;
const AN_HOUR_S = 3600;

let postgresServer: Promise<TestServer | null> | undefined;
let mysqlServer: Promise<TestServer | null> | undefined;

/**
 * The PostgreSQL of LMSMON_TEST_POSTGRES_URL, or the one on 127.0.0.1:5432, or one spawned from installed programs; `null`
 * (after a line on stderr that says what to do) when there is none, which fails under LMSMON_TEST_REQUIRE=1.
 * Await it at the top of a test file and give `ignore: server === null` to Deno.test.
 */
export function realPostgres(): Promise<TestServer | null> {
  return postgresServer ??= find({
    what: "PostgreSQL",
    variable: "LMSMON_TEST_POSTGRES_URL",
    fallback: "postgres://postgres@127.0.0.1:5432/postgres",
    answers: (url) => withPostgres(url, (sql) => sql.unsafe("select 1")),
    spawn: spawnPostgres,
    remedy: "sudo apt-get install postgresql && sudo pg_ctlcluster --skip-systemctl-redirect 15 main start",
    server: postgresTestServer,
  });
}

/** The same for MySQL or MariaDB: LMSMON_TEST_MYSQL_URL, root@127.0.0.1:3306 without password, or a spawned one. */
export function realMariaDb(): Promise<TestServer | null> {
  return mysqlServer ??= find({
    what: "MariaDB or MySQL",
    variable: "LMSMON_TEST_MYSQL_URL",
    fallback: "mysql://root@127.0.0.1:3306/mysql",
    answers: (url) => withMysql(url, (connection) => connection.query("select 1")),
    spawn: spawnMariaDb,
    remedy: "sudo apt-get install mariadb-server && sudo service mariadb start",
    server: mysqlTestServer,
  });
}

/** Runs statements on a PostgreSQL and leaves. */
export async function withPostgres<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: CONNECT_PATIENCE_S, fetch_types: false, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A copy of a database beside it, as staging is often made. Ends the connections to the original, which come back. */
export async function copyPostgresDatabase(server: TestServer, database: string): Promise<TestDatabase> {
  const name = databaseName("copy");
  await withPostgres(server.url, async (sql) => {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${database}`;
    await sql.unsafe(`create database "${name}" template "${database}"`);
  });
  return {
    url: withDatabase(server.url, name),
    name,
    drop: async () => {
      await withPostgres(server.url, (sql) => sql.unsafe(`drop database if exists "${name}" with (force)`));
    },
  };
}

/** Runs statements on a MySQL or MariaDB and leaves. */
export async function withMysql<T>(url: string, work: (connection: mysql.Connection) => Promise<T>): Promise<T> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: CONNECT_PATIENCE_S * 1000 });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

interface Search {
  readonly what: string;
  readonly variable: string;
  readonly fallback: string;
  readonly answers: (url: string) => Promise<unknown>;
  readonly spawn: () => Promise<string | null>;
  readonly remedy: string;
  readonly server: (url: string) => TestServer;
}

async function find(search: Search): Promise<TestServer | null> {
  const given = Deno.env.get(search.variable);
  const url = given ?? search.fallback;
  try {
    await search.answers(url);
    return search.server(url);
  } catch (cause) {
    if (given !== undefined) throw new Error(`Cannot reach the ${search.what} of ${search.variable}`, { cause });
  }
  const spawned = await search.spawn();
  if (spawned !== null) return search.server(spawned);
  const advice = `no ${search.what} on this machine; start one (${search.remedy}) or set ${search.variable}`;
  if (Deno.env.get("LMSMON_TEST_REQUIRE") === "1") throw new Error(`Cannot run the tests: ${advice}`);
  await Deno.stderr.write(new TextEncoder().encode(`skipped: ${advice}\n`));
  return null;
}

function postgresTestServer(url: string): TestServer {
  const swept = once(() =>
    withPostgres(url, async (sql) => {
      const found = await sql.unsafe<{ datname: string }[]>(
        `select datname from pg_database where datname like '${PREFIX}\\_%'`,
      );
      for (const { datname } of found.filter(({ datname }) => isLeftover(datname))) {
        await sql.unsafe(`drop database if exists "${datname}" with (force)`).catch(() => {});
      }
    })
  );
  return {
    dialect: "postgres",
    url,
    async createDatabase(prefix) {
      await swept();
      const name = databaseName(prefix);
      await withPostgres(url, (sql) => sql.unsafe(`create database "${name}" template template0`));
      return {
        url: withDatabase(url, name),
        name,
        drop: async () => {
          await withPostgres(url, (sql) => sql.unsafe(`drop database if exists "${name}" with (force)`));
        },
      };
    },
  };
}

function mysqlTestServer(url: string): TestServer {
  const swept = once(() =>
    withMysql(url, async (connection) => {
      const [found] = await connection.query<mysql.RowDataPacket[]>(`show databases like '${PREFIX}\\_%'`);
      for (const name of found.map((row) => String(Object.values(row)[0])).filter(isLeftover)) {
        await connection.query(`drop database if exists \`${name}\``).catch(() => {});
      }
    })
  );
  return {
    dialect: "mysql",
    url,
    async createDatabase(prefix) {
      await swept();
      const name = databaseName(prefix);
      await withMysql(url, (connection) => connection.query(`create database \`${name}\` character set utf8mb4`));
      return {
        url: withDatabase(url, name),
        name,
        drop: async () => {
          await withMysql(url, (connection) => connection.query(`drop database if exists \`${name}\``));
        },
      };
    },
  };
}

/** `lmsmon_t_<seconds>_<prefix>_<random>`: the time tells what a crashed run left behind. */
function databaseName(prefix: string): string {
  const seconds = Math.floor(Temporal.Now.instant().epochMilliseconds / 1000);
  return `${PREFIX}_${seconds}_${prefix.replace(/[^a-z0-9]/gi, "").toLowerCase().slice(0, 20)}_${
    crypto.randomUUID().slice(0, 8)
  }`;
}

function isLeftover(name: string): boolean {
  const made = Number(/^lmsmon_t_(\d+)_/.exec(name)?.[1] ?? Infinity);
  return made + AN_HOUR_S < Temporal.Now.instant().epochMilliseconds / 1000;
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => done ??= work().catch(() => {});
}
