import type { CellRow, LmsDriver } from "./lms_driver.ts";

const SHOWN = 5;

/** What the role of a connection can write; `database`: the one that is read. */
export async function writeRightsOf(driver: LmsDriver, database: string): Promise<readonly string[]> {
  const { dialect } = driver;
  const rows = await driver.read((session) => session.rows(dialect.writeRights));
  return dialect.name === "postgres" ? postgresWriteRights(rows) : mysqlWriteRights(rows, database);
}

/** What a role of PostgreSQL can write, from the rows of the dialect's `writeRights`; a phrase each, none when it cannot. */
function postgresWriteRights(rows: readonly CellRow[]): string[] {
  if (rows.some(([kind]) => kind === "superuser")) return ["it is a superuser"];
  const tables = rows.map(([, table]) => table ?? "");
  if (tables.length === 0) return [];
  const more = tables.length > SHOWN ? ` and ${tables.length - SHOWN} more` : "";
  return [`it may change ${tables.slice(0, SHOWN).join(", ")}${more}`];
}

const WRITING = new Set([
  "ALL",
  "ALL PRIVILEGES",
  "INSERT",
  "UPDATE",
  "DELETE",
  "DELETE HISTORY",
  "DROP",
  "ALTER",
  "CREATE",
  "SUPER",
]);

/**
 * The same of MySQL and MariaDB, from the lines of SHOW GRANTS. A line is never repeated: it may hold the hash of a password.
 * MySQL shows a role without what it may do, so what comes by a role is seen in MariaDB only.
 */
export function mysqlWriteRights(rows: readonly CellRow[], database: string): string[] {
  return rows.flatMap(([line]) => {
    const [, rights = "", scope = ""] = /^GRANT (.+?) ON (?:TABLE )?(.+?) TO /s.exec(line ?? "") ?? [];
    const writing = rights.replace(/\([^)]*\)/g, "").split(",").map((right) => right.trim().toUpperCase())
      .filter((right) => WRITING.has(right));
    return writing.length > 0 && concerns(scope, database) ? [`it has ${writing.join(", ")} on ${scope}`] : [];
  });
}

/** Whether a grant on `*.*`, `` `lms`.* `` or `` `lms`.`attempts` `` says something of this database. */
function concerns(scope: string, database: string): boolean {
  if (scope === "*.*") return true;
  const [, quoted, part] = /^`((?:[^`]|``)+)`\.(.+)$/s.exec(scope) ?? [];
  if (quoted === undefined) return false;
  const name = quoted.replaceAll("``", "`");
  // Only a grant on a whole database knows wildcards: % for any letters, _ for one, \_ for an underscore.
  if (part !== "*") return name.toLowerCase() === database.toLowerCase();
  const pattern = name.replace(
    /\\?[%_]|[$()*+.?[\\\]^{|}]/g,
    (sign) => sign === "%" ? ".*" : sign === "_" ? "." : sign.length > 1 ? sign.slice(1) : `\\${sign}`,
  );
  return new RegExp(`^${pattern}$`, "is").test(database);
}
