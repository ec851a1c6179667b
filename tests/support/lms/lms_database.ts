import { testLmsConfig } from "./test_lms_config.ts";
import mysql from "mysql2/promise";
import postgres from "postgres";
import type { LmsConfig } from "../../../lib/config/config.ts";
import { openEmbeddedLms } from "../../../lib/demo/embedded_lms.ts";
import { LmsWriter } from "../../../lib/demo/lms_writer.ts";
import { type LmsDeps, openLms } from "../../../lib/source/open_lms.ts";
import type { LmsSource } from "../../../lib/source/lms_source.ts";
import type { TestServer } from "../databases.ts";
import { embeddedImage } from "../state/embedded_state.ts";

/** An LMS database of one test: written by `writer`, read by what `open` gives. */
export interface TestLms extends AsyncDisposable {
  readonly config: LmsConfig;
  readonly deps: LmsDeps;
  readonly writer: LmsWriter;
  /** Any statement, with the owner's rights. */
  execute(statement: string): Promise<unknown>;
  /** Closed with this database. */
  open(changes?: Partial<LmsConfig>): Promise<LmsSource>;
}

/** `server` null: embedded, in memory. With the Testpress tables, empty. */
export async function makeLms(server: TestServer | null, prefix = "lms"): Promise<TestLms> {
  const place = server === null ? await embedded() : await served(server, prefix);
  const writer = new LmsWriter(place);
  const opened: LmsSource[] = [];
  const config: LmsConfig = testLmsConfig(place.url);
  if (!place.hasSchema) await writer.createSchema();
  return {
    config,
    deps: place.deps,
    writer,
    execute: place.execute,
    open: async (changes = {}) => {
      const source = await openLms({ ...config, ...changes }, place.deps);
      opened.push(source);
      return source;
    },
    [Symbol.asyncDispose]: async () => {
      for (const source of opened) await source.close();
      await place.close();
    },
  };
}

interface Place {
  readonly dialect: "postgres" | "mysql";
  readonly url: string;
  readonly deps: LmsDeps;
  readonly hasSchema: boolean;
  execute(statement: string): Promise<unknown>;
  close(): Promise<void>;
}

async function served(server: TestServer, prefix: string): Promise<Place> {
  const database = await server.createDatabase(prefix);
  const common = { dialect: server.dialect, url: database.url, deps: {}, hasSchema: false };
  if (server.dialect === "postgres") {
    const sql = postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {} });
    return {
      ...common,
      execute: (statement) => sql.unsafe(statement),
      close: async () => {
        await sql.end({ timeout: 5 });
        await database.drop();
      },
    };
  }
  const connection = await mysql.createConnection({ uri: database.url });
  return {
    ...common,
    execute: (statement) => connection.query(statement),
    close: async () => {
      await connection.end();
      await database.drop();
    },
  };
}

/** Creating an embedded database takes seconds, copying one a tenth of that. */
let image: Promise<Blob> | undefined;

async function embedded(): Promise<Place> {
  const { pglite } = await embeddedImage("empty");
  image ??= (async () => {
    const first = await openEmbeddedLms(null, pglite);
    await new LmsWriter({ dialect: "postgres", execute: (s) => first.sql.unsafe(s) }).createSchema();
    const blob = await first.dump();
    await first.close();
    return blob;
  })();
  const { sql, close } = await openEmbeddedLms(null, { ...pglite, loadDataDir: await image });
  return {
    dialect: "postgres",
    url: "pglite:memory",
    deps: { sql },
    hasSchema: true,
    execute: (statement) => sql.unsafe(statement),
    close,
  };
}
