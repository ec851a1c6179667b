import type { StateDb } from "../../../lib/state/state_db.ts";
import { openEmbeddedState } from "./embedded_state.ts";
import { createServerDatabase, isServerReachable, openServerState, serverUrl, START_A_SERVER } from "./server_state.ts";

export type StateKind = "embedded" | "server";

/**
 * Runs `work` on a migrated, empty state database of its own and closes it. A server's database is dropped when `work`
 * succeeds, and kept and named when it fails, until the next test process starts.
 */
export async function withState<T>(kind: StateKind, work: (state: StateDb, url: string) => Promise<T>): Promise<T> {
  if (kind === "server") return await withServerState(true, work);
  await using state = await openEmbeddedState();
  return await work(state, "pglite:memory");
}

/** The same without migrations. */
export async function withEmptyState<T>(
  kind: StateKind,
  work: (state: StateDb, url: string) => Promise<T>,
): Promise<T> {
  if (kind === "server") return await withServerState(false, work);
  await using state = await openEmbeddedState({ migrated: false });
  return await work(state, "pglite:memory");
}

async function withServerState<T>(migrated: boolean, work: (state: StateDb, url: string) => Promise<T>): Promise<T> {
  const database = await createServerDatabase(migrated);
  let result: T;
  try {
    await using state = await openServerState(database.url);
    result = await work(state, database.url);
  } catch (error) {
    // deno-lint-ignore no-console -- whoever looks into the failure needs the name
    console.error(`Kept the database of this failed test: ${database.url}`);
    throw error;
  }
  await database.drop();
  return result;
}

/** Registers a test on the embedded state, and one on a PostgreSQL server where one can be reached. */
export function forEachState(name: string, work: (state: StateDb, t: Deno.TestContext) => Promise<void>): void {
  Deno.test(`${name} [embedded]`, (t) => withState("embedded", (state) => work(state, t)));
  serverTest(name, (t) => withState("server", (state) => work(state, t)));
}

/**
 * Registers a test that needs a PostgreSQL server; without one it is ignored, and its name says how to start one. Under
 * LMSMON_TEST_REQUIRE=1 nothing is ignored.
 */
export function serverTest(name: string, work: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name: serverReachable ? `${name} [server]` : `${name} [no server at ${serverUrl}: ${START_A_SERVER}]`,
    ignore: !serverReachable,
    fn: work,
  });
}

const serverReachable = await isServerReachable();
if (!serverReachable && Deno.env.get("LMSMON_TEST_REQUIRE") === "1") {
  throw new Error(`Cannot run the tests: no PostgreSQL at ${serverUrl}; start one (${START_A_SERVER})`);
}
