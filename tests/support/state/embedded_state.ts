import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openMemory } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { migrate } from "../../../lib/state/migrate.ts";
import { type EngineOptions, PgliteEngine } from "../../../lib/drivers/pglite/pglite_engine.ts";
import { embeddedPool } from "../../../lib/state/state_pool.ts";
import { PgliteSocket } from "../../../lib/drivers/pglite/pglite_socket.ts";
import { stateHash } from "./state_hash.ts";

const IMAGES = join(Deno.env.get("TMPDIR") ?? "/tmp", "lmsmon-test-images");
const PGLITE = dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite")));

/** The engine's files, compiled and read once a test process: this is most of the time of opening a small database. */
let runtime: Promise<{ readonly pgliteWasmModule: WebAssembly.Module; readonly fsBundle: Blob }> | undefined;
const images = new Map<string, Promise<Blob>>();

/** An embedded state in memory: 0.3 s on an idle machine. */
export async function openEmbeddedState(options: { readonly migrated?: boolean } = {}): Promise<StateDb> {
  return await openMemory({
    migrate: "skip",
    ...await embeddedImage(options.migrated === false ? "empty" : stateHash),
  });
}

/** What makes an engine begin with a prepared database. */
export async function embeddedImage(name: "empty" | typeof stateHash): Promise<EngineOptions> {
  const image = images.get(name) ?? readImage(name);
  images.set(name, image);
  runtime ??= readRuntime();
  return { pglite: { loadDataDir: await image, ...await runtime } };
}

async function readRuntime() {
  const [wasm, data] = await Promise.all([
    Deno.readFile(join(PGLITE, "pglite.wasm")),
    Deno.readFile(join(PGLITE, "pglite.data")),
  ]);
  return { pgliteWasmModule: await WebAssembly.compile(wasm), fsBundle: new Blob([data]) };
}

/** A dump of a database, kept in the temporary directory for the next test process. */
async function readImage(name: string): Promise<Blob> {
  const path = join(IMAGES, `${name}.tar`);
  try {
    return new Blob([await Deno.readFile(path)]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const made = await makeImage(name !== "empty");
  await Deno.mkdir(IMAGES, { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeFile(temporary, made);
  await Deno.rename(temporary, path);
  return new Blob([made]);
}

async function makeImage(migrated: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const runtimeFiles = await readRuntime();
  // Small write-ahead log files and no template databases: a third of the usual size, and of the time to load it.
  const engine = await PgliteEngine.open(null, {
    pglite: { ...runtimeFiles, initDbStartParams: ["--wal-segsize=1"] },
  });
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)));
  try {
    await sql`update pg_database set datistemplate = false, datallowconn = true where datname like 'template_'`;
    await sql`drop database template0`;
    await sql`drop database template1`;
    if (migrated) await migrate(sql);
    await sql`checkpoint`;
    return new Uint8Array(await (await engine.dump()).arrayBuffer());
  } finally {
    await sql.end();
    await engine.close();
  }
}
