import { join } from "node:path";
import { embeddedImage } from "./embedded_state.ts";
import { PgliteEngine } from "../../../lib/drivers/pglite/pglite_engine.ts";
import { stateHash } from "./state_hash.ts";

let template: Promise<string> | undefined;

/** Runs `work` with a directory that holds a migrated embedded state, closed; removed afterwards. */
export async function withStateDirectory<T>(work: (path: string) => Promise<T>): Promise<T> {
  const parent = await Deno.makeTempDir({ prefix: "lmsmon-test-" });
  try {
    return await work(await createStateDirectory(join(parent, "state")));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** Makes `path` such a directory: a copy of a template, 0.1 s. */
export async function createStateDirectory(path: string): Promise<string> {
  template ??= makeTemplate();
  const { success } = await new Deno.Command("cp", { args: ["-a", await template, path] }).output();
  if (!success) throw new Error(`Cannot copy the state template to ${path}`);
  return path;
}

/** Kept in the temporary directory for the next test process. */
async function makeTemplate(): Promise<string> {
  const parent = join(Deno.env.get("TMPDIR") ?? "/tmp", "lmsmon-test-images");
  const path = join(parent, `${stateHash}.state`);
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.mkdir(join(temporary, "data"), { recursive: true, mode: 0o700 });
  const image = await embeddedImage(stateHash);
  const engine = await PgliteEngine.open(join(temporary, "data"), image);
  await engine.close();
  await Deno.writeTextFile(join(temporary, "lmsmon.lock"), "", { mode: 0o600 });
  try {
    await Deno.rename(temporary, path);
  } catch (error) {
    // Another test process was faster.
    await Deno.remove(temporary, { recursive: true });
    if (!(await Deno.stat(path)).isDirectory) throw error;
  }
  return path;
}
