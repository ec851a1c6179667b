import { join } from "node:path";
import { writeCheckpoint } from "../../sql/state/upkeep.ts";
import { lockMigrations, selectAppliedMigrations } from "../../sql/state/migrations.ts";
import { syncPath } from "../drivers/pglite/unpack_directory.ts";
import { StateError } from "../base/errors.ts";
import { cannotOpen, isCreated, prepareDirectory, type StateDirectory, stateDirectory } from "./owner_directory.ts";
import type { Sql } from "./state_db.ts";

const PREFIX = "data.before-";

/**
 * Copies an embedded database beside itself before a migration changes it, and removes the copy of an earlier one. An embedded
 * database has one session: while this transaction is open nobody writes, so the files are those of one moment, and whoever opens
 * the copy finds what was committed. `null` when another process has just migrated it.
 */
export async function copyBefore(directory: StateDirectory, sql: Sql, version: number): Promise<string | null> {
  const name = `${PREFIX}${String(version).padStart(4, "0")}`;
  const target = join(directory.path, name);
  const temporary = join(directory.path, `data.new-${Deno.pid}-copy`);
  try {
    await writeCheckpoint(sql); // little is left to replay in the copy
    const isDone = await sql.begin(async (tx) => {
      await lockMigrations(tx);
      if ((await selectAppliedMigrations(tx)).some((applied) => applied.version === version)) return false;
      await copyDirectory(directory.data, temporary);
      return true;
    });
    if (!isDone) return null;
    await Deno.remove(target, { recursive: true }).catch(ignoreMissing); // an earlier try of the same migration
    await Deno.rename(temporary, target);
    await syncPath(directory.path);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    throw cannotOpen(directory, error, "cannot copy it before a migration: ");
  }
  for await (const entry of Deno.readDir(directory.path)) {
    if (entry.name.startsWith(PREFIX) && entry.name !== name) {
      await Deno.remove(join(directory.path, entry.name), { recursive: true });
    }
  }
  return target;
}

/**
 * Copies an embedded database to a directory that holds none, in the same way; bytes. Whoever else uses the state waits as long.
 * Throws StateError when the place is taken or cannot be written.
 */
export async function copyEmbedded(directory: StateDirectory, sql: Sql, path: string): Promise<number> {
  const target = stateDirectory(path);
  await prepareDirectory(target);
  if (await isCreated(target)) {
    throw new StateError(`Cannot copy the state to ${path}: there is one already`, { hint: "name a new directory" });
  }
  const temporary = join(path, `data.new-${Deno.pid}-copy`);
  try {
    await (await Deno.open(target.lock, { create: true, write: true, mode: 0o600 })).close(); // says whose "data" is
    await writeCheckpoint(sql);
    const bytes = await sql.begin(async (tx) => {
      await lockMigrations(tx);
      return await copyDirectory(directory.data, temporary);
    });
    await Deno.rename(temporary, target.data);
    await syncPath(path);
    return bytes;
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    throw cannotOpen(target, error, "cannot copy to it: ");
  }
}

/** How many bytes. */
async function copyDirectory(from: string, to: string): Promise<number> {
  let bytes = 0;
  await Deno.mkdir(to, { mode: 0o700 });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name === "postmaster.pid") continue;
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) bytes += await copyDirectory(source, target);
    else {
      await Deno.copyFile(source, target);
      bytes += (await Deno.stat(target)).size;
      await syncPath(target);
    }
  }
  await syncPath(to);
  return bytes;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
