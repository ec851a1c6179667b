import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { z } from "zod";
import type { Sql } from "../../lib/state/state_db.ts";
import { bool, float8, int4, int8, jsonb, neverNull, outerJoined, text, timestamptz } from "../../sql/state/columns.ts";
import type { QueryCall } from "../support/state/query_call.ts";
import { queryCalls } from "../support/state/query_calls.ts";
import { forEachState } from "../support/state/with_state.ts";

/**
 * Holds every statement of sql/state to its row schema: PostgreSQL prepares and describes it against the migrated tables,
 * without running it. Names and types it knows; whether a column may be null it knows of columns of tables, and the schema
 * says the rest (`neverNull`, `outerJoined`).
 */

const QUERIES = fileURLToPath(new URL("../../sql/state/", import.meta.url));
/** What schemas and statements are made of. */
const NO_QUERIES = ["columns", "course_day", "event_filter", "is_erased", "queryable", "stands_in", "zone_word"];

/** The type of a statement's column, by oid, and what its values are called in a schema. */
const KINDS: Readonly<Record<number, string>> = {
  16: "bool",
  20: "int8",
  21: "int4",
  23: "int4",
  25: "text",
  114: "jsonb",
  701: "float8",
  1009: "text[]",
  1016: "int8[]",
  1184: "timestamptz",
  3802: "jsonb",
};
const VOID = 2278;

forEachState("every statement of sql/state answers what its row schema says", async ({ sql, copy }) => {
  const notNull = await notNullColumns(sql);
  const wrong: string[] = [];
  for (const [module, calls] of Object.entries(queryCalls)) {
    for (const [name, call] of Object.entries(calls)) {
      if (!copy && name.startsWith("copy")) continue;
      for (const problem of await problemsOf(sql, call, notNull)) wrong.push(`${module}.${name}: ${problem}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("queryCalls calls every statement of sql/state, and every row schema belongs to one", async () => {
  const modules: string[] = [];
  const missing: string[] = [];
  for await (const { name, isFile } of Deno.readDir(QUERIES)) {
    const module = name.replace(/\.ts$/, "");
    if (!isFile || NO_QUERIES.includes(module)) continue;
    modules.push(module);
    const calls = queryCalls[module] ?? {};
    const used = new Set(Object.values(calls).flatMap((call) => Array.isArray(call) ? call[1] : []));
    for (const [key, value] of Object.entries(await import(`../../sql/state/${name}`))) {
      const isCalled = typeof value === "function" ? key in calls : !(value instanceof z.ZodType) || used.has(value);
      if (!isCalled) missing.push(`${module}.${key}`);
    }
  }
  assert.deepEqual(missing, []);
  assert.deepEqual(Object.keys(queryCalls).sort(), modules.sort());
});

forEachState("columns.ts names what the driver makes of each type", async ({ sql }) => {
  const [row] = await sql`
    select 9007199254740993 as int8, 1::int as int4, 1::smallint as int2, 0.5::float8 as float8, true as bool, 'a' as text,
      now() as timestamptz, '{"a":[1]}'::jsonb as jsonb, '{1}'::bigint[] as ids`;
  const seen = z.strictObject({ int8, int4, int2: int4, float8, bool, text, timestamptz, jsonb, ids: z.array(int8) });
  assert.deepEqual(seen.parse(row).jsonb, { a: [1] });
});

forEachState("problemsOf() finds a wrong name, type and nullability", async ({ sql }) => {
  const notNull = await notNullColumns(sql);
  const found = (row: z.ZodObject) =>
    problemsOf(sql, [
      (sql) =>
        sql<object[]>`
          select s.source, s.identity, p.id, count(*) over () as n
            from lmsmon.sources s left join lmsmon.people p on p.source = s.source`,
      row,
    ], notNull);
  const right = { source: text, identity: jsonb.nullable(), id: outerJoined(int8), n: neverNull(int8) };

  assert.deepEqual(await found(z.object(right)), []);
  assert.deepEqual(await found(z.object({ ...right, n: neverNull(int4) })), ["n is int8, not int4"]);
  assert.deepEqual(await found(z.object({ ...right, n: int8 })), [
    "n may be null, or is computed: nullable(), or neverNull() where the statement makes sure",
  ]);
  assert.deepEqual(await found(z.object({ ...right, source: text.nullable() })), [
    "source is never null, unless outerJoined()",
  ]);
  assert.deepEqual(await found(z.object({ ...right, source: neverNull(text) })), [
    "source needs no neverNull() or outerJoined(): its table says so",
  ]);
  const { n: _, ...less } = right;
  assert.deepEqual(await found(z.object({ ...less, m: text })), ["n is in no schema", "m is in no statement"]);
  assert.deepEqual(await problemsOf(sql, (sql) => sql`select 1 as one`, notNull), ["one is in no schema"]);
});

/** `table.number` of every column of lmsmon that is `not null`. */
async function notNullColumns(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ key: string }[]>`
    select a.attrelid::text || '.' || a.attnum as key
      from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'lmsmon'::regnamespace and a.attnotnull`;
  return new Set(rows.map(({ key }) => key));
}

async function problemsOf(sql: Sql, call: QueryCall, notNull: ReadonlySet<string>): Promise<string[]> {
  if (typeof call === "string") return [];
  const [statement, row] = typeof call === "function" ? [call, z.object({})] : call;
  assert.ok(row instanceof z.ZodObject);
  const shape: Readonly<Record<string, z.core.$ZodType>> = row.shape;
  const described = await statement(sql).describe();
  const columns = (described.columns ?? []).filter(({ type }) => type !== VOID);
  const names: readonly string[] = columns.map(({ name }) => name);
  return [
    ...columns.flatMap((column) => {
      const schema = shape[column.name];
      if (!(schema instanceof z.ZodType)) return `${column.name} is in no schema`;
      return problemsOfColumn(column, schema, notNull.has(`${column.table}.${column.number}`));
    }),
    ...Object.keys(shape).filter((name) => !names.includes(name)).map((name) => `${name} is in no statement`),
    ...names.filter((name, i) => names.indexOf(name) !== i).map((name) => `${name} is there twice`),
  ];
}

function problemsOfColumn({ name, type }: postgres.Column<string>, schema: z.ZodType, isNotNull: boolean): string[] {
  const problems: string[] = [];
  const kind = KINDS[type] ?? `of type ${type}, which is not in KINDS`;
  const stated = schema.meta()?.["nullability"] === "stated";
  const isNullable = schema instanceof z.ZodNullable;
  const inner = isNullable ? schema.unwrap() : schema;
  if (kindOf(inner) !== kind) problems.push(`${name} is ${kind}, not ${kindOf(inner)}`);
  if (stated && isNullable !== isNotNull) {
    problems.push(`${name} needs no neverNull() or outerJoined(): its table says so`);
  } else if (!stated && isNullable && isNotNull) {
    problems.push(`${name} is never null, unless outerJoined()`);
  } else if (!stated && !isNullable && !isNotNull) {
    problems.push(`${name} may be null, or is computed: nullable(), or neverNull() where the statement makes sure`);
  }
  return problems;
}

function kindOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodString) return schema.def.checks?.length ? "int8" : "text";
  if (schema instanceof z.ZodEnum || schema instanceof z.ZodLiteral) return "text";
  if (schema instanceof z.ZodNumber) return schema.isInt ? "int4" : "float8";
  if (schema instanceof z.ZodBoolean) return "bool";
  if (schema instanceof z.ZodUnknown) return "jsonb";
  if (schema instanceof z.ZodArray) return `${kindOf(schema.element)}[]`;
  if (schema instanceof z.ZodCustom && z.safeParse(schema, Temporal.Now.instant()).success) return "timestamptz";
  return `a schema that kindOf() does not know`;
}
