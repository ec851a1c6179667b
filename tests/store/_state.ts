import postgres from "postgres";
import type { Lease, Stream } from "../../lib/store/batch.ts";
import { acquireLease } from "../../lib/store/leases.ts";
import { openMemory, openState } from "../../lib/store/open_state.ts";
import { beginPoll } from "../../lib/store/poll_runs.ts";
import type { StateDb } from "../../lib/store/state_db.ts";
import { ensureStreams } from "../../lib/store/streams.ts";

const SERVER = Deno.env.get("LMSMON_TEST_POSTGRES_URL") ?? "postgres://postgres@127.0.0.1:5432/postgres";

/** A migrated state database of its own for one test: embedded, or on the server. */
export async function openTestState(mode: "embedded" | "server"): Promise<StateDb> {
  if (mode === "embedded") return await openMemory();
  const name = `lmsmon_w_${crypto.randomUUID().replaceAll("-", "")}`;
  await onServer((sql) => sql.unsafe(`create database ${name}`));
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  const db = await openState({ url: url.href, password: null }, { migrate: "auto" });
  const dispose = async () => {
    await db.close();
    await onServer((sql) => sql.unsafe(`drop database ${name} with (force)`));
  };
  return { sql: db.sql, mode: db.mode, copy: db.copy, close: dispose, [Symbol.asyncDispose]: dispose };
}

async function onServer(run: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(SERVER, { max: 1, onnotice: () => {} });
  try {
    await run(sql);
  } finally {
    await sql.end();
  }
}

/** Registers a test for both kinds of state database. */
export function onBoth(name: string, run: (db: StateDb) => Promise<void>): void {
  for (const mode of ["embedded", "server"] as const) {
    Deno.test(`${name} (${mode})`, async () => {
      await using db = await openTestState(mode);
      await run(db);
    });
  }
}

export interface Polling {
  readonly db: StateDb;
  readonly lease: Lease;
  readonly stream: Stream;
  readonly pollId: string;
}

/** Lease, exam stream and a poll under way. */
export async function startPolling(db: StateDb, source = "testpress"): Promise<Polling> {
  const { lease } = await acquireLease(db, source, "host:1:a", 60_000);
  if (!lease) throw new Error("no lease");
  const [stream] = await ensureStreams(
    db,
    source,
    [{ kind: "exam", recipe: 1 }, { kind: "content", recipe: 1 }],
    lease,
  );
  if (!stream) throw new Error("no stream");
  return { db, lease, stream, pollId: await beginPoll(db, lease, "full") };
}
