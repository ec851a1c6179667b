import { realMariaDb, realPostgres, withMysql, withPostgres } from "../../tests/support/databases.ts";
import { fillMariaDb } from "../../tests/support/large_lms/fill_mariadb.ts";
import { fillMoodle, type MoodleShape } from "../../tests/support/large_lms/fill_moodle.ts";
import { fillPostgres } from "../../tests/support/large_lms/fill_postgres.ts";
import type { LmsShape } from "../../tests/support/large_lms/lms_shape.ts";

export type LmsKind = "postgres" | "mariadb";

/** Databases of this prefix are filled once and kept, since filling takes minutes; `--drop` removes them. */
export const PREFIX = "lmsmon_bench_";

/** The server's address with a database of ours. */
export const databaseUrl = (server: string, name: string) => server.replace(/\/[^/]*$/, `/${name}`);

export async function postgresUrl(): Promise<string> {
  const server = await realPostgres();
  if (server === null) throw new Error("Cannot run the benchmarks: no PostgreSQL");
  return server.url;
}

export async function mariadbUrl(): Promise<string> {
  const server = await realMariaDb();
  if (server === null) throw new Error("Cannot run this benchmark: no MariaDB");
  return server.url;
}

/** A database of the PostgreSQL server, dropped first when it is there. */
export async function newDatabase(server: string, name: string, template?: string): Promise<string> {
  await withPostgres(server, async (sql) => {
    await sql.unsafe(`drop database if exists "${PREFIX}${name}" with (force)`);
    const from = template === undefined ? "template0" : `"${PREFIX}${template}"`;
    await sql.unsafe(`create database "${PREFIX}${name}" template ${from}`);
  });
  return databaseUrl(server, `${PREFIX}${name}`);
}

export async function databaseExists(server: string, name: string): Promise<boolean> {
  return await withPostgres(server, async (sql) => {
    return (await sql.unsafe("select 1 from pg_database where datname = $1", [`${PREFIX}${name}`])).length > 0;
  });
}

/** Gives a finished database its lasting name: an interrupted filling leaves nothing that looks finished. */
export async function renameDatabase(server: string, from: string, to: string): Promise<string> {
  await withPostgres(server, (sql) => sql.unsafe(`alter database "${PREFIX}${from}" rename to "${PREFIX}${to}"`));
  return databaseUrl(server, `${PREFIX}${to}`);
}

/** The LMS of this shape, filled when it is not there yet; `server`: another PostgreSQL than the one of this machine. */
export async function benchLms(
  kind: LmsKind,
  shape: LmsShape,
  say: (line: string) => void,
  server?: string,
): Promise<string> {
  const name = `lms_${shape.attempts}_${shape.contentAttempts}${shape.open ? "_open" : ""}`;
  return kind === "postgres"
    ? await onPostgres(server ?? await postgresUrl(), name, (url) => fillPostgres(url, shape), say)
    : await onMariaDb(name, (url) => fillMariaDb(url, shape), say);
}

/** The Moodle of this shape, filled when it is not there yet. */
export async function benchMoodle(kind: LmsKind, shape: MoodleShape, say: (line: string) => void): Promise<string> {
  const name = `moodle_${shape.attempts}_${shape.completions}_${shape.logLines}`;
  const fill = (url: string) => fillMoodle(kind === "postgres" ? "postgres" : "mysql", url, shape);
  return kind === "postgres"
    ? await onPostgres(await postgresUrl(), name, fill, say)
    : await onMariaDb(name, fill, say);
}

type Fill = (url: string) => Promise<void>;

async function onPostgres(server: string, name: string, fill: Fill, say: (line: string) => void): Promise<string> {
  if (await databaseExists(server, name)) return databaseUrl(server, `${PREFIX}${name}`);
  say(`filling ${PREFIX}${name} on PostgreSQL`);
  await fill(await newDatabase(server, `${name}_filling`));
  return await renameDatabase(server, `${name}_filling`, name);
}

async function onMariaDb(name: string, fill: Fill, say: (line: string) => void): Promise<string> {
  const server = await mariadbUrl();
  const url = databaseUrl(server, `${PREFIX}${name}`);
  const filled = await withMysql(server, async (connection) => {
    const [found] = await connection.query(
      "select 1 from information_schema.tables where table_schema = ? and table_name = 'filled'",
      [
        `${PREFIX}${name}`,
      ],
    );
    if ((found as unknown[]).length > 0) return true;
    await connection.query(`drop database if exists \`${PREFIX}${name}\``);
    await connection.query(`create database \`${PREFIX}${name}\` character set utf8mb4`);
    return false;
  });
  if (filled) return url;
  say(`filling ${PREFIX}${name} on MariaDB`);
  await fill(url);
  await withMysql(url, (connection) => connection.query("create table filled (done int)"));
  return url;
}

/** Removes everything that benchmarks keep. */
export async function dropKept(say: (line: string) => void): Promise<void> {
  await withPostgres(await postgresUrl(), async (sql) => {
    for (
      const { datname } of await sql.unsafe(
        `select datname from pg_database where datname like '${PREFIX.replaceAll("_", "\\_")}%'`,
      )
    ) {
      say(`dropping ${datname}`);
      await sql.unsafe(`drop database "${datname}" with (force)`);
    }
  });
  await withMysql(await mariadbUrl(), async (connection) => {
    const [rows] = await connection.query(`show databases like '${PREFIX.replaceAll("_", "\\_")}%'`);
    for (const name of (rows as Record<string, string>[]).map((row) => Object.values(row)[0])) {
      say(`dropping ${name} of MariaDB`);
      await connection.query(`drop database \`${name}\``);
    }
  });
}
