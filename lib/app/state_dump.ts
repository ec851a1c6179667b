import { Buffer } from "node:buffer";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import * as q from "../../sql/state/dump.ts";
import type { StateTableRow } from "../../sql/state/dump.ts";
import { selectAppliedMigrations } from "../../sql/state/migrations.ts";
import { CommandError, UsageError } from "../base/errors.ts";
import { compressing, compressionOf, uncompressed } from "../export/compress.ts";
import { openOutputFile } from "../export/output_file.ts";
import type { Queryable, StateDb, Transaction } from "../state/state_db.ts";
import { renewEpoch } from "../state/state_epoch.ts";

/** How many rows of each table. */
export type RowCounts = Readonly<Record<string, number>>;

export interface Dumped {
  readonly rows: RowCounts;
  /** Of the file. */
  readonly bytes: number;
}

const CURSOR_ROWS = 500;
/** Rows are restored so many signs at a time. */
const BATCH_SIGNS = 1_000_000;
const BLOCK_BYTES = 65_536;

// A dump is compressed text: a line for what it is, for each table a line and then its rows, a line for the end. Lines that are no
// rows begin with "#".
const Head = z.object({ lmsmon_state: z.literal(1), schema: z.int(), written_at: z.string() });
const TableLine = z.object({ table: z.string(), columns: z.array(z.string()) });
const End = z.object({ rows: z.record(z.string(), z.int()), sequences: z.record(z.string(), z.string()) });

/** What is read as something that no dump is. */
const FOREIGN_NAME = /\.(jsonl?|ndjson|csv|tsv|txt|sql|ya?ml|xml|html|parquet|bz2|xz|lz4|lzma|br|zip|7z|tar|tgz)$/i;

/** Throws UsageError for a name by which everybody would take a dump for something else. */
export function requireDumpName(path: string): void {
  const foreign = FOREIGN_NAME.exec(path)?.[0];
  if (foreign === undefined) return;
  throw new UsageError(`Cannot dump to ${path}: a dump is no ${foreign} file`, {
    hint: "end the name in .gz or .zst: it says how the dump is compressed",
  });
}

/**
 * Writes all of a state into a file that restoreState() reads, whatever the state's database: a snapshot of one moment, compressed
 * as the name says (gzip where it says nothing). Embedded, everybody else waits as long. Throws CommandError when the file cannot be written.
 */
export async function dumpState(db: StateDb, path: string, writtenAt: string, signal: AbortSignal): Promise<Dumped> {
  await using file = await openOutputFile(path);
  let bytes = 0; // a pipe has no size
  const counted = {
    write: (chunk: Uint8Array) => {
      bytes += chunk.length;
      return file.write(chunk);
    },
  };
  const compression = compressionOf(path);
  const sink = compressing(counted, compression === "none" ? "gzip" : compression);
  const rows = await db.sql.begin("isolation level repeatable read read only", async (tx) => {
    const schema = (await selectAppliedMigrations(tx)).at(-1)?.version ?? 0;
    await sink.write(line({ lmsmon_state: 1, schema, written_at: writtenAt }));
    const counts: Record<string, number> = {};
    for (const { name, columns } of inOrder(await q.stateTables(tx))) {
      await sink.write(line({ table: name, columns }));
      counts[name] = 0;
      for await (const page of q.dumpRows(tx, name, columns).cursor(CURSOR_ROWS)) {
        signal.throwIfAborted();
        counts[name] += page.length;
        await sink.write(Buffer.from(page.map(({ row }) => `${row}\n`).join("")));
      }
    }
    const sequences = (await q.stateSequences(tx)).flatMap(({ name, last_value: value }) =>
      value === null ? [] : [[name, value] as const]
    );
    await sink.write(line({ rows: counts, sequences: Object.fromEntries(sequences) }));
    return counts;
  });
  await sink.end();
  await file.commit();
  return { rows, bytes };
}

const line = (what: object) => Buffer.from(`#${JSON.stringify(what)}\n`);

/**
 * Fills an empty state of the same version with a dump, in one transaction: whole or not at all. Throws CommandError when the state
 * is not empty, somebody polls, or the file is no whole dump of this version.
 */
export async function restoreState(db: StateDb, path: string, dryRun: boolean): Promise<RowCounts> {
  class TakenBack extends Error {}
  let rows: RowCounts = {};
  try {
    await db.sql.begin(async (tx) => {
      await requireEmpty(tx);
      rows = await fill(tx, path);
      if (dryRun) throw new TakenBack();
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  return rows;
}

async function requireEmpty(tx: Queryable): Promise<void> {
  const [use] = await q.stateUse(tx);
  if (use?.is_watched) {
    throw new CommandError("Cannot restore: somebody polls into this state", { hint: "stop every watch first" });
  }
  if (use?.is_used) {
    throw new CommandError("Cannot restore: this state is not empty", {
      hint: "let state.url name a new place; nothing of a state that is used is ever overwritten",
    });
  }
}

async function fill(tx: Transaction, path: string): Promise<RowCounts> {
  const tables = inOrder(await q.stateTables(tx));
  const schema = (await selectAppliedMigrations(tx)).at(-1)?.version ?? 0;
  for (const { name } of tables.toReversed()) {
    await q.stopTriggers(tx, name);
    await q.emptyTable(tx, name); // what migrations themselves put there, such as the key of pseudonyms
  }
  const counts: Record<string, number> = {};
  let end: z.infer<typeof End> | null = null;
  let at: { readonly table: string; readonly columns: readonly string[] } | null = null;
  let batch: string[] = [];
  let signs = 0;
  const flush = async () => {
    if (at !== null && batch.length > 0) await q.restoreRows(tx, at.table, at.columns, `[${batch.join(",")}]`);
    batch = [];
    signs = 0;
  };
  let isFirst = true;
  for await (const text of linesOf(path)) {
    if (isFirst) requireVersion(path, text, schema);
    else if (end !== null) throw notWhole(path, "something stands behind its end");
    else if (!text.startsWith("#")) {
      if (at === null) throw notWhole(path, "a row stands before its table");
      batch.push(text);
      counts[at.table] = (counts[at.table] ?? 0) + 1;
      if ((signs += text.length) >= BATCH_SIGNS) await flush();
    } else {
      await flush();
      const what = parsed(text.slice(1));
      const table = TableLine.safeParse(what).data;
      if (table !== undefined) {
        if (!tables.some(({ name }) => name === table.table)) {
          throw notWhole(path, `this state has no table ${table.table}`);
        }
        at = table;
        counts[table.table] = 0;
      } else {
        end = End.safeParse(what).data ?? null;
        if (end === null) throw notWhole(path, "a line is neither a table's nor the end");
      }
    }
    isFirst = false;
  }
  if (end === null) throw notWhole(path, "its end is missing");
  const short = Object.entries(end.rows).find(([name, rows]) => counts[name] !== rows);
  if (short !== undefined) throw notWhole(path, `${short[0]} has ${counts[short[0]] ?? 0} rows of ${short[1]}`);
  for (const [name, value] of Object.entries(end.sequences)) await q.setSequence(tx, name, value);
  for (const { name } of tables) await q.startTriggers(tx, name);
  await renewEpoch(tx);
  return counts;
}

function requireVersion(path: string, text: string, schema: number): void {
  const head = text.startsWith("#") ? Head.safeParse(parsed(text.slice(1))).data : undefined;
  if (head === undefined) throw notWhole(path, "it does not begin like one");
  if (head.schema === schema) return;
  throw new CommandError(`Cannot restore ${path}: it is of state schema ${head.schema}, this lmsmon has ${schema}`, {
    hint: "restore it with the lmsmon that wrote it, then upgrade",
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function notWhole(path: string, why: string, cause?: unknown): CommandError {
  return new CommandError(`Cannot restore ${path}: it is no whole dump (${why})`, {
    hint: "`lmsmon state dump FILE` makes one; nothing was changed",
    cause,
  });
}

const FILE_TROUBLE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

/** What the system says of a file that cannot be read; of one that can and is no dump, `null`. */
function fileTrouble(path: string, error: unknown): CommandError | null {
  const why = error instanceof Error && "code" in error ? FILE_TROUBLE[String(error.code)] : undefined;
  return why === undefined ? null : new CommandError(`Cannot restore ${path}: ${why}`, {
    hint: "name a file of `lmsmon state dump FILE` that this user may read; nothing was changed",
    cause: error,
  });
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let unpacked: Readable | null = null;
  try {
    unpacked = await uncompressed(blocksOf(path));
    yield* createInterface({ input: unpacked, crlfDelay: Infinity });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw fileTrouble(path, error) ??
      notWhole(path, error instanceof Error ? error.message : String(error), error);
  } finally {
    unpacked?.destroy(); // and with it the file
  }
}

async function* blocksOf(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  while (true) {
    const block = new Uint8Array(BLOCK_BYTES);
    const read = await file.read(block);
    if (read === null) return;
    yield block.subarray(0, read);
  }
}

/** Tables after those that they refer to. */
export function inOrder(tables: readonly StateTableRow[]): StateTableRow[] {
  const placed: StateTableRow[] = [];
  let rest = [...tables];
  while (rest.length > 0) {
    const names = new Set(rest.map(({ name }) => name));
    const free = rest.filter((table) => !table.refers_to.some((other) => names.has(other)));
    if (free.length === 0) throw new TypeError(`Tables refer to each other in a circle: ${[...names].join(", ")}`);
    placed.push(...free);
    rest = rest.filter((table) => !free.includes(table));
  }
  return placed;
}
