import { mkdir } from "node:fs/promises";
import postgres from "postgres";
import { dropSchema } from "../../sql/state/migrations.ts";
import { type EngineOptions, PgliteEngine } from "../drivers/pglite/pglite_engine.ts";
import { OWN_APPLICATION } from "../drivers/pglite/pglite_session.ts";
import { PgliteSocket } from "../drivers/pglite/pglite_socket.ts";
import { unpackDirectory } from "../drivers/pglite/unpack_directory.ts";
import type { Sql } from "../state/state_db.ts";
import { stateTemplate } from "../state/template.ts";

export interface EmbeddedLms {
  readonly sql: postgres.Sql;
  /** The database as a file, from which `openEmbeddedLms` makes the same one again. */
  dump(): Promise<Blob>;
  close(): Promise<void>;
}

/**
 * A PostgreSQL in this process that plays the LMS, for the demo, `replay` and tests.
 *
 * @param directory Where it is kept, made if need be; `null`: in memory.
 * @param pglite A dump to begin with (`loadDataDir`), a compiled module, …
 */
export async function openEmbeddedLms(
  directory: string | null,
  pglite: NonNullable<EngineOptions["pglite"]> = {},
): Promise<EmbeddedLms> {
  if (directory !== null) await mkdir(directory, { recursive: true });
  const isNew = directory === null
    ? pglite.loadDataDir === undefined
    : (await Array.fromAsync(Deno.readDir(directory))).length === 0;
  if (isNew && directory !== null) await unpackDirectory(await stateTemplate(), directory);
  const start = isNew && directory === null ? { loadDataDir: await stateTemplate() } : {};
  const engine = await PgliteEngine.open(directory, { pglite: { ...pglite, ...start } });
  const sql = postgres({
    host: "embedded",
    user: "lms",
    database: "lms",
    pass: "",
    ssl: false,
    max: 2,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 30,
    fetch_types: true, // without it the very first query never gets its answer through PgliteSocket
    onnotice: () => {},
    socket: () => Promise.resolve(new PgliteSocket(engine)),
    connection: { application_name: OWN_APPLICATION },
  } as postgres.Options<Record<string, never>>) as unknown as postgres.Sql;
  if (isNew) await dropSchema(sql as unknown as Sql); // what the template holds besides
  let closing: Promise<void> | null = null;
  return {
    sql,
    dump: () => engine.dump(),
    close: () => closing ??= sql.end({ timeout: 5 }).then(() => engine.close()),
  };
}
