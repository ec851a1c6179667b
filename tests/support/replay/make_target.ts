import { LmsWriter } from "../../../lib/demo/lms_writer.ts";
import { openState } from "../../../lib/state/open_state.ts";
import { realMariaDb, realPostgres, type TestServer } from "../databases.ts";
import mysql from "mysql2/promise";
import postgres from "postgres";
import type { ReplayTarget } from "./replay_term.ts";

export type ReplayLms = "postgres" | "mariadb" | "embedded";

/** An empty LMS of the wanted kind and an empty state, both gone when it is disposed. */
export async function makeReplayTarget(
  lms: ReplayLms,
  state: "embedded" | "postgres",
): Promise<ReplayTarget & AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-replay-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const stateUrl = state === "embedded" ? `pglite:${folder}/state` : await serverState(stack);
  const place = lms === "embedded" ? await embeddedLms(stack, `${folder}/lms`) : await serverLms(stack, lms);
  const dialect = lms === "mariadb" ? "mysql" : "postgres";
  const { execute } = place;
  return {
    lmsUrl: place.url,
    writer: new LmsWriter({ dialect, execute }),
    execute,
    stateUrl,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function need(server: Promise<TestServer | null>): Promise<TestServer> {
  const found = await server;
  if (found === null) throw new Error("Cannot replay: no such database server here");
  return found;
}

async function serverState(stack: AsyncDisposableStack): Promise<string> {
  const database = await (await need(realPostgres())).createDatabase("replay_state");
  stack.defer(() => database.drop());
  await (await openState({ url: database.url, password: null }, { migrate: "auto" })).close();
  return database.url;
}

async function serverLms(stack: AsyncDisposableStack, lms: "postgres" | "mariadb") {
  const database = await (await need(lms === "postgres" ? realPostgres() : realMariaDb())).createDatabase("replay_lms");
  stack.defer(() => database.drop());
  if (lms === "postgres") {
    const sql = postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {} });
    stack.defer(() => sql.end({ timeout: 5 }));
    return { url: database.url, execute: (statement: string) => sql.unsafe(statement) };
  }
  const connection = await mysql.createConnection({ uri: database.url });
  stack.defer(() => connection.end());
  return { url: database.url, execute: (statement: string) => connection.query(statement) };
}

/** This process owns the embedded LMS; the daemon reads it through the owner's socket. */
async function embeddedLms(stack: AsyncDisposableStack, directory: string) {
  const url = `pglite:${directory}`;
  const lms = stack.use(await openState({ url, password: null }, { migrate: "skip", connections: 1 }));
  return { url, execute: (statement: string) => lms.sql.unsafe(statement) };
}
