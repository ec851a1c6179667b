import type { TestDatabase, TestServer } from "../databases.ts";
import { withMysql, withPostgres } from "../databases.ts";

/** Which dump belongs to a server; the second one of each holds titles and enrolments. */
const DUMPS = {
  postgres: ["moodle-4.5.6-pg.sql.gz", "moodle-4.5.6-pg-extra.sql.gz"],
  mysql: ["moodle-4.5.6-mariadb.sql.gz", "moodle-4.5.6-mariadb-extra.sql.gz"],
} as const;

/** A new database with the tables of a Moodle 4.5.6; `folder`: where the dumps are (`testData("moodle", …)`). */
export async function restoreMoodle(server: TestServer, folder: string): Promise<TestDatabase> {
  const database = await server.createDatabase("moodle");
  for (const name of DUMPS[server.dialect]) {
    const dump = await unzipped(`${folder}${name}`);
    if (server.dialect === "postgres") await restorePostgres(database.url, dump);
    else await restoreMysql(database.url, dump);
  }
  return database;
}

async function unzipped(path: string): Promise<string> {
  const file = await Deno.open(path);
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
}

/** Works without psql: commands of psql (`\restrict`) are left out, and data goes through COPY. */
async function restorePostgres(url: string, dump: string): Promise<void> {
  await withPostgres(url, async (sql) => {
    let statements: string[] = [];
    const run = async () => {
      if (statements.length > 0) await sql.unsafe(statements.join("\n"));
      statements = [];
    };
    const lines = dump.split("\n");
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] ?? "";
      if (line.startsWith("\\")) continue;
      if (!/^COPY .* FROM stdin;$/.test(line)) {
        statements.push(line);
        continue;
      }
      await run();
      const end = lines.indexOf("\\.", i);
      const data = await sql.unsafe(line).writable();
      data.end(lines.slice(i + 1, end).map((row) => `${row}\n`).join(""));
      await new Promise((resolve, reject) => data.on("finish", resolve).on("error", reject));
      i = end;
    }
    await run();
  });
}

/** The same into an embedded database, which has no COPY from a client: rows as inserts. */
export async function restoreEmbeddedMoodle(
  execute: (statement: string) => Promise<unknown>,
  folder: string,
): Promise<void> {
  for (const name of DUMPS.postgres) {
    const lines = (await unzipped(`${folder}${name}`)).split("\n");
    let statements: string[] = [];
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] ?? "";
      if (line.startsWith("\\")) continue;
      const table = /^COPY (\S+ \(.*\)) FROM stdin;$/.exec(line)?.[1];
      if (table === undefined) {
        statements.push(line);
        continue;
      }
      const end = lines.indexOf("\\.", i);
      const rows = lines.slice(i + 1, end).map((row) => `(${row.split("\t").map(literalOfCopy).join(",")})`);
      for (let at = 0; at < rows.length; at += 200) {
        statements.push(`insert into ${table} values ${rows.slice(at, at + 200).join(",")};`);
      }
      i = end;
    }
    await execute(statements.join("\n"));
    statements = [];
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** A cell of COPY's text format as SQL. */
function literalOfCopy(cell: string): string {
  if (cell === "\\N") return "null";
  const text = cell.replace(/\\(.)/g, (_, sign: string) => ESCAPES[sign] ?? sign);
  return `'${text.replaceAll("'", "''")}'`;
}

/** MySQL knows nothing of the first line, with which MariaDB keeps its client in a sandbox. */
async function restoreMysql(url: string, dump: string): Promise<void> {
  const script = dump.replace(/^\/\*M!999999.*\n/, "");
  await withMysql(`${url}?multipleStatements=true`, (connection) => connection.query(script));
}

/** Every table gets another prefix, as Moodle's `$CFG->prefix` may say. */
export async function renameTables(
  dialect: TestServer["dialect"],
  execute: (statement: string) => Promise<unknown>,
  tables: readonly string[],
  prefix: string,
): Promise<void> {
  for (const table of tables) {
    const to = table.replace(/^mdl_/, prefix);
    await execute(dialect === "postgres" ? `alter table ${table} rename to ${to}` : `rename table ${table} to ${to}`);
  }
}
