import postgres from "postgres";
import { PgliteEngine } from "../store/pglite_engine.ts";
import { PgliteSocket } from "../store/pglite_socket.ts";

export interface EmbeddedLms {
  readonly sql: postgres.Sql;
  /** The database as a file, from which `openEmbeddedLms` makes the same one again. */
  dump(): Promise<Blob>;
  close(): Promise<void>;
}

/**
 * A PostgreSQL in this process that plays the LMS, for the demo, `replay` and tests.
 *
 * @param directory Where it is kept; `null`: in memory.
 */
export async function openEmbeddedLms(
  directory: string | null,
  options: { readonly image?: Blob } = {},
): Promise<EmbeddedLms> {
  const engine = await PgliteEngine.open(
    directory,
    options.image === undefined ? {} : { pglite: { loadDataDir: options.image } },
  );
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
  } as postgres.Options<Record<string, never>>) as unknown as postgres.Sql;
  let closing: Promise<void> | null = null;
  return {
    sql,
    dump: () => engine.dump(),
    close: () => closing ??= sql.end({ timeout: 5 }).then(() => engine.close()),
  };
}
