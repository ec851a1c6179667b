/** A word of a shell command. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const oneLine = (sql: string) => sql.replace(/\s+/g, " ").trim();

/** With statements not compiled first, as in lmsmon's own sessions. */
export const psql = (url: string, sql: string) =>
  `PGOPTIONS='-c jit=off' psql -X -q -v ON_ERROR_STOP=1 ${quoted(url)} -c ${quoted(oneLine(sql))}`;

/** `copy (select …) to stdout | copy table from stdin`. */
export function copyFromPostgres(lms: string, select: string, state: string, table: string, columns: string): string {
  return `${psql(lms, `copy (${oneLine(select)}) to stdout`)} | ${
    psql(state, `copy ${table} (${columns}) from stdin`)
  }`;
}

export function copyFromMariaDb(lms: string, select: string, state: string, table: string, columns: string): string {
  const { hostname, port, username, pathname } = new URL(lms);
  const client = `mariadb --quick --batch --skip-column-names -h ${hostname} -P ${port || 3306} -u ${username} ${
    quoted(pathname.slice(1))
  } -e ${quoted(oneLine(select))}`;
  return `${client} | ${psql(state, `copy ${table} (${columns}) from stdin with (null 'NULL')`)}`;
}
