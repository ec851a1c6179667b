import type { Dialect, PageParts } from "./dialect.ts";

const quote = (identifier: string) => `\`${identifier.replaceAll("`", "``")}\``;
// Only words of presets and table names come here: no backslash, whose meaning depends on the server's sql_mode.
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
// NULL is ":" and "" is "0:": concat_ws leaves NULLs out.
const field = (expression: string) => `length(${expression}), ':', ${expression}`;

// Below zero by way of the absolute value: subtracting from the lowest of all ids would be out of range.
const bucket = (id: string, size: string) =>
  `case when ${id} >= 0 then ${id} div ${size} else -((-(${id} + 1)) div ${size}) - 1 end`;

const ALL = " limit 18446744073709551615";
/** Its optimiser would begin with the smallest relation and read all rows of each of its entries, once for every stretch. */
const STRETCH = { join: "straight_join", whole: ALL, once: ALL };

/** MySQL 8 and MariaDB 10.6 and newer. */
export const mysqlDialect: Dialect = {
  name: "mysql",
  number: 2,
  fence: "", // a union or a limit is one already; a plain list of keys is read by it anyway
  stretch: STRETCH,
  sumStretch: STRETCH,
  quote,
  text: (expression) => expression, // the text protocol sends text anyway, and the driver leaves it as it is
  shortText: (expression, letters) => `left(${expression}, ${letters})`,
  shortBytes: (expression, letters) => `left(${expression}, ${letters})`,
  // `timestamp` is shown in the session's zone, which is UTC here; `datetime` has no zone.
  time: (expression, type) => type === "timestamp" ? `concat(${expression}, '+00')` : expression,
  hash: (literals, fields) =>
    `cast(cast(conv(left(md5(concat_ws('', ${
      [...literals.map(literal), ...fields.map(({ expression }) => field(expression))].join(", ")
    })), 16), 16, 10)` +
    ` as unsigned) as signed)`,
  // Each expression once: of a query they are computed, and computing a percentage twice is felt. NULL is NULL, without quotes.
  queryHash: (literals, fields) =>
    `cast(cast(conv(left(md5(concat_ws(',', ${
      [...literals.map(literal), ...fields.map(({ expression }) => `quote(${expression})`)].join(", ")
    })), 16), 16, 10)` +
    ` as unsigned) as signed)`,
  buckets: ({ first, last, size, key, hashes, hash }) =>
    `select b, count(*), cast(bit_xor(h) as signed) from (select` +
    ` ${bucket("k", String(size))} as b, h from (${
      hashes([`${key} as k`, `${hash} as h`], `${key} >= ${first} and ${key} <= ${last}`)
    }) r) g group by b`,
  idIn: (expression, ids) => `${expression} in (${ids.join(",")})`,
  literal: (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`, // the session's sql_mode is empty
  bytesLiteral: (hex) => `x'${hex}'`,
  hex: (expression) => `lower(hex(${expression}))`,
  concat: (parts) => `concat(${parts.join(", ")})`,
  textId: (sort, expression) =>
    `cast(4611686018427387904 + (cast(conv(left(md5(concat('${sort}:', convert(${expression} using utf8mb4))), 16), 16, 10)` +
    ` as unsigned) >> 2) as signed)`,
  // The lowest id of all in two steps: as one number it would be beyond what is signed.
  pairId: (a, b) => `(cast(${a} as signed) * 2147483648 + cast(${b} as signed) - 9223372036854775807 - 1)`,
  pairsIn: (pairs, tables) =>
    `(${
      tables.map(({ table, key: [a, b] }) =>
        `select d.${a} as a, d.${b} as b from ${table} d where (d.${a}, d.${b}) in (${
          pairs.map((pair) => `(${pair.join(",")})`).join(",")
        })`
      ).join(" union ")
    })`,
  rowsOfPairs: (query, [a, b], pairs) => ({
    from: `(${query}\n) t`,
    where: `(t.${a}, t.${b}) in (${pairs.map((pair) => `(${pair.join(",")})`).join(",")})`,
  }),
  groupBuckets: ({ id, hash, size, from, where }) =>
    `select ${bucket("k", size)} as b, count(*),` +
    ` cast(bit_xor(h) as signed) from (select ${id} as k, ${hash} as h from ${from} where ${where}) r group by b`,
  bucket,
  tables: "select table_name from information_schema.tables where table_schema = database()",
  page: ({ select, table, key, side, where, limit }: PageParts) =>
    `select ${select.join(", ")} from ${table} t${
      side === null ? "" : ` left join ${side.table} side on side.${side.key} = t.${side.on}`
    } where ${where}${limit === null ? "" : ` order by t.${key} limit ${limit}`}`,
  catalog: (tables) =>
    `select table_name, column_name,` +
    ` case when data_type = 'bigint' and column_type like '%unsigned%' then 'bigint unsigned'` +
    ` when data_type = 'decimal' and numeric_scale = 0 then 'decimal whole' else data_type end, '1',` +
    ` case when is_nullable = 'YES' then '1' else '0' end` +
    ` from information_schema.columns` +
    ` where table_schema = database() and table_name in (${tables.map(literal).join(",")})`,
  oldest: null,
  about: "select version(), database()",
  clock: "select timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(6))",
  identity: () => [
    "select 'database', database()",
    "show variables where variable_name in ('server_uid', 'server_uuid')",
  ],
  // MariaDB makes its server_uid of the port and the first network card's address. Containers on two machines often have the
  // same of both, so that the production's server and a copy of it are not told apart. MySQL draws its server_uuid once.
  sharedIdentifiers: ["server_uid"],
  changeToken: null,
  relations: null,
  volatility: null,
  writeRights: "show grants",
  isInteger: (type) =>
    ["tinyint", "smallint", "mediumint", "int", "bigint", "bigint unsigned", "decimal", "decimal whole"].includes(type),
  comparesWithIds: () => true, // what is no number compares as if it were 0, and is left out when it is read
  oddKeys: (type) => ({
    beyond: type === "bigint unsigned" || type.startsWith("decimal"),
    fractions: type === "decimal",
  }),
  truncated: (expression) => `truncate(${expression}, 0)`,
  id: (decimal) => decimal,
};

/**
 * Once per connection, after what the server makes of a new one (init_connect): everything that decides which rows come and
 * how values read as text. MariaDB limits statements in seconds, MySQL in milliseconds (and only selects, which is all there
 * is here).
 */
export function mysqlSettings(mariaDb: boolean, statementTimeoutMs: number): string[] {
  const idleS = Math.ceil(statementTimeoutMs / 1000) + 5;
  // The most whole seconds that are less than a statement's time: one that waited for a lock ends with an error that says so.
  const lockS = Math.ceil(statementTimeoutMs / 1000) - 1;
  return [
    "set names utf8mb4 collate utf8mb4_unicode_ci",
    // No mode: each of them changes what a query means (ANSI_QUOTES, ORACLE), or how values read (PAD_CHAR_TO_FULL_LENGTH).
    `set session sql_mode = '', sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_auto_is_null = 0,` +
    ` completion_type = 'NO_CHAIN', autocommit = 1, div_precision_increment = 4`,
    // What a query of a mapping may rest on: MySQL cuts a list after 1024 bytes, MariaDB after a million, both in silence.
    "set session group_concat_max_len = 1048576, default_week_format = 0, lc_time_names = 'en_US'",
    ...(mariaDb ? ["set session system_versioning_asof = default"] : []),
    "set session transaction isolation level repeatable read, read only",
    `set session time_zone = '+00:00', ${
      mariaDb
        ? `max_statement_time = ${statementTimeoutMs / 1000}`
        : `max_execution_time = ${Math.ceil(statementTimeoutMs)}`
    }`,
    ...(lockS >= 1 ? [`set session lock_wait_timeout = ${lockS}`] : []),
    // Ends the transaction of a process that was stopped in the middle: no snapshot is ever held for long. MySQL has no limit for that
    // alone; there, a connection without work ends as soon, and the next read makes another one.
    `set session ${mariaDb ? "idle_readonly_transaction_timeout" : "wait_timeout"} = ${idleS}`,
  ];
}

export const MYSQL_BEGIN = "start transaction with consistent snapshot, read only";
