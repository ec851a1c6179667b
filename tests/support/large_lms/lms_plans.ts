import { openDriver } from "../../../lib/source/open_lms.ts";
import { BUCKET_SIZE } from "../../../lib/model/bucket.ts";
import type { LmsDriver } from "../../../lib/source/lms_driver.ts";
import { testpress } from "../../../sql/lms/testpress/preset.ts";
import { type LmsQueries, lmsQueries } from "../../../sql/lms/queries.ts";
import { STUDENTS } from "./lms_shape.ts";
import { testLmsConfig } from "../lms/test_lms_config.ts";

/** One LMS query and what its plan does that none may do. */
export interface QueryPlan {
  readonly name: string;
  readonly problems: readonly string[];
  /** The database's own words. */
  readonly plan: string;
}

/** Tables that grow with what students do; all others are as small as the institute. */
const GROWING = ["attempts", "content_attempts", "user_videos"];
/** Of a table, at most: a statement of a pass. */
const PASS_SHARE = 0.05;
const PAGE = 4000;
const IDS = 2000;

/** Plans of every query that lmsmon sends to an LMS with `rows` attempts, as its own sessions would run them. */
export async function lmsPlans(url: string, rows: number): Promise<QueryPlan[]> {
  const { driver } = await openDriver(testLmsConfig(url));
  try {
    const queries = lmsQueries(testpress, driver.dialect, () => undefined);
    const found: QueryPlan[] = [];
    for (const [name, query] of Object.entries(everyQuery(queries, rows))) {
      found.push({ name, ...await examine(driver, name, query, { tables: GROWING, aliases: ["t", "side"] }) });
    }
    return found;
  } finally {
    await driver.close();
  }
}

/** By the name of their function and kind; a test holds that none is missing. */
export function everyQuery(queries: LmsQueries, rows: number): Record<string, string> {
  const all: Record<string, string> = {};
  const ids = (count: number, of: number) =>
    Array.from({ length: Math.min(count, of) }, (_, i) => String(1 + Math.floor(i * of / Math.min(count, of))));
  for (const kind of ["exam", "content"] as const) {
    const size = kind === "exam" ? rows : rows / 10;
    const middle = String(Math.floor(size / 2));
    const bucketEnd = String(Number(middle) + Math.min(500 * BUCKET_SIZE, Math.floor(size * PASS_SHARE)));
    const preset = testpress.kinds[kind];
    all[`rows ${kind}, first page`] = queries.rows(kind, { after: null, limit: PAGE });
    all[`rows ${kind}, a later page`] = queries.rows(kind, { after: middle, limit: PAGE });
    all[`rows ${kind}, above the highest`] = queries.rows(kind, { after: String(size), limit: PAGE });
    all[`rows ${kind}, by id`] = queries.rows(kind, { ids: ids(IDS, size) });
    all[`firstIdFrom ${kind}`] = queries.firstIdFrom(kind, middle);
    all[`buckets ${kind}`] = queries.buckets(kind, middle, bucketEnd, BUCKET_SIZE);
    const twoBuckets: [string, string][] = [
      [middle, String(Number(middle) + BUCKET_SIZE - 1)],
      [String(2 * BUCKET_SIZE), String(3 * BUCKET_SIZE - 1)],
    ];
    all[`keyHashes ${kind}`] = queries.keyHashes(kind, twoBuckets);
    all[`countOf ${kind}`] = queries.countOf(kind, twoBuckets);
    all[`countByIds ${kind}`] = queries.countByIds(kind, ids(IDS, size));
    // Nothing is asked of a key whose type holds nothing but ids, as here.
    all[`oddKeys ${kind}`] = queries.oddKeys(kind, PAGE) ?? "select 1";
    const { self, media, placement, chapterOfContent } = preset.activity;
    for (const table of [self, media, placement, chapterOfContent, testpress.courses, testpress.chapters]) {
      if (table !== null) all[`lookup ${kind} ${table.table}`] = queries.lookup(table, ids(100, 1000), kind);
    }
  }
  for (const role of ["student", "mentor"] as const) {
    all[`people ${role}, by id`] = queries.people(role, { ids: ids(100, STUDENTS) });
    all[`people ${role}, a page`] = queries.people(role, { after: "100", limit: 1000 });
  }
  all["links"] = queries.links(ids(100, STUDENTS));
  all["batches"] = queries.batches(testpress.batches, ids(100, STUDENTS));
  for (const table of GROWING) all[`probe ${table}`] = queries.probe(table);
  return all;
}

/** What an LMS's plans are looked at for. */
export interface Growing {
  /** Tables that grow with what students do. */
  readonly tables: readonly string[];
  /** Their aliases in queries, which is all that MySQL's plans say. */
  readonly aliases: readonly string[];
}

export async function examine(driver: LmsDriver, name: string, query: string, growing: Growing) {
  const postgres = driver.dialect.name === "postgres";
  const rows = await driver.read((session) => session.rows(`explain ${query}`));
  const plan = rows.map((row) => row.join(" | ")).join("\n");
  // A probe asks for no row at all, and MySQL's plan of it says nothing.
  if (name.startsWith("probe")) return { plan, problems: [] };
  return { plan, problems: postgres ? postgresProblems(plan, growing) : mysqlProblems(rows, name, growing) };
}

function postgresProblems(plan: string, { tables }: Growing): string[] {
  const problems: string[] = [];
  for (const table of tables) {
    if (new RegExp(`Seq Scan on "?${table}"?(\\s|$)`, "m").test(plan)) problems.push(`reads ${table} whole`);
  }
  if (/\b(Incremental )?Sort\b/.test(plan.replace(/Sort Key.*/g, ""))) problems.push("sorts");
  if (/Gather/.test(plan)) problems.push("uses several processes");
  return problems;
}

/** Rows of EXPLAIN: id, select_type, table, type, possible_keys, key, key_len, ref, rows, Extra. */
function mysqlProblems(
  rows: readonly (readonly (string | null)[])[],
  name: string,
  { aliases }: Growing,
): string[] {
  const problems: string[] = [];
  for (const row of rows) {
    const [table = "", type = "", extra = ""] = [row[2] ?? "", row[3] ?? "", row.at(-1) ?? ""];
    // Aliases of the growing tables; people and links have the alias `t` too, but are small.
    const growing = aliases.includes(table ?? "") && !name.startsWith("people");
    // A first page walks the index from its beginning, for as many rows as its limit says.
    const whole = type === "ALL" || (type === "index" && Number(row[8]) > PAGE);
    if (growing && whole) problems.push(`reads ${table} whole`);
    // Bucket sums are grouped in a temporary table of a few hundred rows, and that one may be sorted.
    if (/filesort/i.test(extra) && !name.startsWith("buckets")) problems.push("sorts");
  }
  return problems;
}
