import { type Dialect, HIGHEST_ID, LOWEST_ID, type PageParts, type SideParts } from "./dialect.ts";

const quote = (identifier: string) => `"${identifier.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`; // standard_conforming_strings is on
// Without quotes the sign stands apart, and the number alone is beyond bigint: a numeric, which no index over integers serves.
const id = (decimal: string) => decimal === LOWEST_ID ? `'${LOWEST_ID}'::bigint` : decimal;
const floor = (decimal: string, size: number) => {
  const number = BigInt(decimal), divisor = BigInt(size);
  return number / divisor - (number % divisor < 0n ? 1n : 0n);
};
const pairList = (pairs: readonly (readonly string[])[]) =>
  `unnest('{${pairs.map(([a]) => a).join(",")}}'::bigint[], '{${
    pairs.map(([, b]) => b).join(",")
  }}'::bigint[]) as k (a, b)`;
/** Rows [name, oid] of what the names stand for in this session. */
const named = (tables: readonly string[]) =>
  `select u.name, to_regclass(quote_ident(u.name))::oid as oid from unnest(array[${
    tables.map(literal).join(",")
  }]::text[]) as u (name)`;
// `limit 1` keeps the planner from flattening this into a hash join over the whole side table for every page: each
// page stays as many index probes as it has rows, and a duplicate key can never multiply rows.
const sideJoin = (side: SideParts) =>
  ` left join lateral (select ${side.columns.map((c) => `s.${c}`).join(", ")} from ${side.table} s` +
  ` where s.${side.key} = t.${side.on} limit 1) side on true`;

const bucket = (id: string, size: string) =>
  `case when ${id} >= 0 then ${id} / ${size} else -((-(${id} + 1)) / ${size}) - 1 end`;

/** The same value has the same hash in every database of a version. Not so an enum's, which is its OID's; JSON has none. */
const HASHED_AS_IT_IS =
  /^(smallint|integer|bigint|numeric|numeric whole|real|double precision|boolean|text|character varying|date|uuid|timestamp with(out)? time zone)$/;
const TEXTS = ["text", "character varying"];

// Columns whose types have a hash of the server's own need not become text: half the time. The sum that it makes of their
// hashes is hashed once more, since what is linear cancels out in an xor over rows that change alike.
const hash: Dialect["hash"] = (literals, fields) => {
  const list = fields.map(({ expression }) => expression);
  if (!fields.every(({ type }) => type !== undefined && HASHED_AS_IT_IS.test(type))) {
    return `hashtextextended(row(${list.join(", ")})::text collate "C", ${seed(literals)})`;
  }
  // Whatever a column's own collation takes for equal is told apart.
  const own = fields.map(({ expression, type }) =>
    TEXTS.includes(type ?? "") ? `${expression} collate "C"` : expression
  );
  return `hashint8extended(hash_record_extended(row(${own.join(", ")}), ${seed(literals)}), 0)`;
};
// The literals are the seed, which is computed once a statement.
const seed = (literals: readonly string[]) => `hashtextextended(${literal(literals.join("/"))} collate "C", 0)`;

/** PostgreSQL 14 and newer, also in the form of PGlite. */
export const postgresDialect: Dialect = {
  name: "postgres",
  number: 4, // 1 was: octet_length and value of each field through concat_ws; 3: md5 of a row as text
  fence: " offset 0",
  stretch: { join: "join", whole: "", once: "" },
  // Without a fence the planner puts what is computed of a quiz into each attempt's own expression.
  sumStretch: { join: "join", whole: "", once: " offset 0" },
  quote,
  text: (expression) => `(${expression})::text`,
  shortText: (expression, letters) => `left((${expression})::text, ${letters})`,
  // Counting letters fails on bytes that are none: so a text of usual length comes whole, a longer one with all that is not
  // ASCII spelt out.
  shortBytes: (expression, letters) =>
    `case when octet_length((${expression})::text) <= ${4 * letters} then (${expression})::text` +
    ` else encode(substring(textsend((${expression})::text) for ${letters}), 'escape') end`,
  // The session is in UTC and ISO style: a timestamptz comes with "+00", a timestamp without anything.
  time: (expression) => `(${expression})::text`,
  // A row as text reads alike only for equal fields: NULL is nothing, "" is two quotes, and whatever could be taken for a
  // delimiter stands in quotes. (record_send is as fast, but has the types' OIDs in it, which a restored LMS has anew.) Its hash is
  // the server's own of 64 bits, of which an index of texts is made: md5 took longer than all the rest. A server of another
  // version may have another one: then everything differs once, is read once, and is found to be as before.
  hash,
  queryHash: hash,
  // An index range and a plain aggregate for each bucket: grouping half a million hashes took a tenth longer. The bounds are
  // computed so that neither leaves bigint in the first and the last bucket, of which there is a part only.
  buckets: ({ first, last, size, key, hashes, hash }) => {
    const lowest = String(floor(LOWEST_ID, size) + 1n); // the first bucket that is whole
    const highest = String(floor(HIGHEST_ID, size) - 1n);
    const from = `case when b.n < ${lowest} then ${id(LOWEST_ID)} else b.n * ${size} end`;
    const to = `case when b.n > ${highest} then ${HIGHEST_ID} else (b.n + 1) * ${size} - 1 end`;
    return `select b.n::text, sums.n::text, sums.x::text` +
      ` from generate_series((${floor(first, size)})::bigint, (${floor(last, size)})::bigint) as b (n)` +
      ` cross join lateral (select count(*) as n, bit_xor(h) as x from (${
        hashes([`${hash} as h`], `${key} >= ${from} and ${key} <= ${to}`)
      }) r) sums where sums.n > 0`;
  },
  idIn: (expression, ids) => `${expression} = any ('{${ids.join(",")}}'::bigint[])`,
  literal,
  bytesLiteral: (hex) => `'\\x${hex}'::bytea`,
  hex: (expression) => `encode(${expression}, 'hex')`,
  concat: (parts) => `concat(${parts.join(", ")})`,
  // Of what is UTF-8 here; "SQL_ASCII" says nothing of its texts, and converts none.
  textId: (sort, expression, raw) =>
    `(4611686018427387904 + ((('x' || left(md5(${
      raw ? `'${sort}:' || (${expression})::text` : `convert_to('${sort}:' || (${expression})::text,` +
        ` case getdatabaseencoding() when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end)`
    }), 16))::bit(64)::bigint >> 2)` +
    ` & 4611686018427387903))`,
  pairId: (a, b) => `((${a})::bigint * 2147483648 + (${b})::bigint - 9223372036854775807 - 1)`,
  // One look into each index a pair: as a list of row values it would be a condition of thousands of parts.
  pairsIn: (pairs, tables) =>
    `(select k.a, k.b from ${pairList(pairs)} cross join lateral (select 1 from (${
      tables.map(({ table, key: [a, b] }) => `select 1 from ${table} d where d.${a} = k.a and d.${b} = k.b`)
        .join(" union all ")
    }) e limit 1) found)`,
  // The limit keeps the planner from pulling the query up and reading it as a whole; a second row of one pair is still seen.
  rowsOfPairs: (query, [a, b], pairs) => ({
    from: `${
      pairList(pairs)
    } cross join lateral (select * from (${query}\n) q where q.${a} = k.a and q.${b} = k.b limit 2) t`,
    where: "true",
  }),
  groupBuckets: ({ id, hash, size, from, where }) =>
    `select b::text, count(*)::text, bit_xor(h)::text from (select ${
      bucket("k", size)
    } as b, h from (select (${id})::bigint as k, ${hash} as h from ${from}` +
    ` where ${where}) r) g group by b`,
  bucket,
  tables: "select c.relname::text from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f')" +
    " and pg_catalog.pg_table_is_visible(c.oid) and c.relnamespace <> 'pg_catalog'::regnamespace",
  page: ({ select, table, key, columns, side, where, limit }: PageParts) =>
    // Limit first, then join: the key index gives the page in order, and nothing is sorted.
    `select ${select.join(", ")} from (select ${[...new Set([key, ...columns])].map((c) => `t.${c}`).join(", ")}` +
    ` from ${table} t where ${where}${limit === null ? "" : ` order by t.${key} limit ${limit}`}) t` +
    `${side === null ? "" : sideJoin(side)}${limit === null ? "" : ` order by t.${key}`}`,
  catalog: (tables) =>
    // numeric(20) holds whole numbers only, numeric alone holds any; a domain holds what the type behind it holds. Of a column of
    // a view nothing says whether it may be null.
    `select n.name, a.attname::text, format_type(coalesce(b.type, a.atttypid), null)` +
    ` || case when coalesce(b.type, a.atttypid) = 'numeric'::regtype and coalesce(b.mod, a.atttypmod) >= 4` +
    ` and (coalesce(b.mod, a.atttypmod) - 4) & 2047 = 0 then ' whole' else '' end,` +
    ` case when has_column_privilege(n.oid, a.attnum, 'select') then '1' else '0' end,` +
    ` case when a.attnotnull then '0' else '1' end` +
    ` from (select name, to_regclass(quote_ident(name)) as oid from unnest(array[${
      tables.map(literal).join(",")
    }]::text[]) as u(name)) n` +
    ` join pg_catalog.pg_attribute a on a.attrelid = n.oid and a.attnum > 0 and not a.attisdropped` +
    // All domains at once: asked of each column, the types were read once a column, 17 ms before each poll (200 columns).
    ` left join (with recursive base (domain, type, mod) as (` +
    `select oid, typbasetype, typtypmod from pg_catalog.pg_type where typtype = 'd' union all` +
    ` select base.domain, t.typbasetype, t.typtypmod from base join pg_catalog.pg_type t on t.oid = base.type and t.typtype = 'd')` +
    ` select base.domain, base.type, base.mod from base` +
    ` join pg_catalog.pg_type t on t.oid = base.type and t.typtype <> 'd') b on b.domain = a.atttypid`,
  oldest: 14, // bit_xor as an aggregate, hash_record_extended
  about: "select current_setting('server_version'), current_database()::text",
  clock: "select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text",
  // The schema by a function, since it can be asked whatever a role may read of the catalogs.
  identity: (tables) => [
    "select 'database', current_database()::text" +
    " union all select 'system_identifier', case when has_function_privilege('pg_control_system()', 'execute')" +
    " then (select system_identifier::text from pg_control_system()) end" +
    " union all select 'schema'," +
    " string_agg(distinct (pg_identify_object('pg_catalog.pg_class'::regclass, n.oid, 0)).schema, ', ')" +
    ` from (${named(tables)}) n where n.oid is not null`,
  ],
  sharedIdentifiers: [],
  // A start time and the timeline go with it: after a restore the same transaction numbers come again. So do the tables: a
  // new session may have another search_path. Nothing at all where a standby does not say what it has replayed.
  changeToken: (tables) =>
    "select concat_ws('/', extract(epoch from pg_postmaster_start_time())::text," +
    " case when has_function_privilege('pg_control_checkpoint()', 'execute')" +
    " then (select timeline_id::text from pg_control_checkpoint()) end, position.text," +
    ` (select string_agg(coalesce(n.oid::text, '-'), ',' order by n.name) from (${named(tables)}) n))` +
    " from (select case when pg_is_in_recovery() then 'standby ' || pg_last_wal_replay_lsn()::text" +
    " else 'primary ' || pg_current_snapshot()::text end) as position (text) where position.text is not null",
  relations: (tables) =>
    `with recursive tree (name, oid) as (select n.name, n.oid from (${named(tables)}) n` +
    " union select t.name, i.inhrelid from tree t join pg_catalog.pg_inherits i on i.inhparent = t.oid)" +
    " select t.name, c.relkind::text, c.relpersistence::text, c.relrowsecurity::int::text, am.amname::text," +
    " coalesce(min(c.relname::text) filter (where c.relname::text = t.name), min(c.relname::text)), count(*)::text" +
    " from tree t join pg_catalog.pg_class c on c.oid = t.oid left join pg_catalog.pg_am am on am.oid = c.relam" +
    " group by 1, 2, 3, 4, 5",
  volatility: (names) =>
    `select distinct 'function', p.proname::text from pg_catalog.pg_proc p where p.provolatile <> 'i'` +
    ` and p.proname = any (array[${names.map(literal).join(",")}]::name[])` +
    ` union all select 'schema', n.nspname::text from pg_catalog.pg_namespace n` +
    ` where n.nspname = any (array[${names.map(literal).join(",")}]::name[])`,
  writeRights: "select 'superuser', null::text from pg_catalog.pg_roles where rolname = current_user and rolsuper" +
    " union all (select 'table', format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c" +
    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f')" +
    " and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%' and has_schema_privilege(n.oid, 'usage')" +
    " and (pg_has_role(c.relowner, 'usage') or has_table_privilege(c.oid, 'insert, update, delete, truncate')" +
    " or has_any_column_privilege(c.oid, 'insert, update')) limit 1000)",
  isInteger: (type) => ["smallint", "integer", "bigint", "numeric", "numeric whole"].includes(type),
  comparesWithIds: (type) => /^(smallint|integer|bigint|numeric|real|double precision|oid)/.test(type),
  oddKeys: (type) => ({ beyond: type.startsWith("numeric"), fractions: type === "numeric" }),
  truncated: (expression) => `trunc(${expression})`,
  id,
};

/** One row: whether a server is a standby, and whether its transactions are read only; each `on` or `off`. */
export const ROLE_QUERY = "select case when pg_is_in_recovery() then 'on' else 'off' end," +
  " current_setting('transaction_read_only')";

/** For a transaction in which texts are to come as bytes; one row: the encoding they are in. */
export const POSTGRES_RAW =
  "select current_setting('server_encoding') as encoding, set_config('client_encoding', 'SQL_ASCII', true)";

/** First statement of every transaction: nothing here outlives it, whatever pooler is in between. */
export function postgresSettings(statementTimeoutMs: number, schemas: readonly string[]): string {
  return [
    `set local statement_timeout = ${Math.ceil(statementTimeoutMs)}`,
    // Ends the transaction of a process that was stopped in the middle: no snapshot is ever held for long.
    `set local idle_in_transaction_session_timeout = ${Math.ceil(statementTimeoutMs) + 5000}`,
    // PostgreSQL 17 and newer. The statement's own limit is the one that counts.
    "select case when current_setting('server_version_num')::int >= 170000 then set_config('transaction_timeout', '0', true) end",
    // Shorter than the statement's time, so that a statement that waited for a lock ends with an error that says so.
    `set local lock_timeout = ${Math.ceil(statementTimeoutMs * 0.95)}`,
    // How values read as text: what is hashed, shown and judged must not depend on what a role or a database was given.
    "set local client_encoding = 'UTF8'",
    "set local datestyle = 'ISO, YMD'",
    "set local timezone = 'UTC'",
    "set local intervalstyle = 'postgres'",
    "set local extra_float_digits = 1",
    "set local bytea_output = 'hex'",
    "set local standard_conforming_strings = on",
    "set local transform_null_equals = off",
    "set local quote_all_identifiers = off",
    // Rows that a policy hides are not there for this role; off, every read of such a table would be an error.
    "set local row_security = on",
    // Nothing ever sorts a million rows on the LMS's disk: no query here orders by anything but an index.
    "set local enable_sort = off",
    // One process of the LMS's server works for a poll, never several; compiling a query costs more than its second.
    "set local max_parallel_workers_per_gather = 0",
    "set local jit = off",
    // The server's own functions first, whatever stands in the path beside them.
    schemas.length === 0
      ? "select set_config('search_path', 'pg_catalog, ' || current_setting('search_path'), true)"
      : `set local search_path = pg_catalog, ${schemas.map(quote).join(", ")}`,
  ].join("; ");
}

/** The names of types, in the order of their OIDs. */
export const typeNames = (oids: readonly number[]): string =>
  `select format_type(o, null) as name from unnest('{${
    oids.join(",")
  }}'::oid[]) with ordinality as u (o, i) order by i`;
