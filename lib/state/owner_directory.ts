import { join } from "node:path";
import { StateError } from "../base/errors.ts";
import { isTooLarge, TOO_LARGE_HINT } from "../drivers/deno/disk_space.ts";
import { diskTrouble } from "./disk_trouble.ts";
import { denied } from "./directory_user.ts";

const EMBEDDED = "pglite:";

/**
 * The directory of an embedded state:
 *
 *     data/          the database; made beside as data.new-<pid> and renamed, so it is whole or not there
 *     data.before-N/ a copy of it from before migration N, made in the same way; the last one is kept
 *     lmsmon.lock    locked by the owner; says who that is
 *     lmsmon.sock    where the owner serves the other processes
 */
export interface StateDirectory {
  readonly path: string;
  readonly data: string;
  readonly lock: string;
  readonly socket: string;
}

export function stateDirectory(path: string): StateDirectory {
  return {
    path,
    data: join(path, "data"),
    lock: join(path, "lmsmon.lock"),
    socket: join(path, "lmsmon.sock"),
  };
}

/** Whether a database was ever created there. A directory that cannot be read is an error, not "no". */
export async function isCreated(directory: StateDirectory): Promise<boolean> {
  try {
    return (await Deno.stat(directory.data)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw cannotOpen(directory, error);
  }
}

/** Makes the directory (mode 0700) or checks that an existing one is free or ours. */
export async function prepareDirectory(directory: StateDirectory): Promise<void> {
  try {
    await makeDirectory(directory.path);
    const foreign = await foreignEntry(directory);
    if (foreign === null) return;
    // Whoever takes the lock for a stale one deletes it, and must not be sent to an empty state: it would know nothing of what was told.
    if (foreign === "data") {
      throw new StateError(`Cannot open the state database: ${directory.path} has a folder "data" and no lmsmon.lock`, {
        hint:
          "if it is lmsmon's and that file was deleted, make an empty one while no lmsmon runs, as the user that runs it: " +
          `touch ${directory.lock}; else name a directory of its own in state.url`,
      });
    }
    throw new StateError(
      `Cannot open the state database: ${directory.path} is not empty and not lmsmon's (it holds "${foreign}")`,
      { hint: "name a directory of its own in state.url, such as pglite:./lmsmon-state" },
    );
  } catch (error) {
    throw cannotOpen(directory, error);
  }
}

/** Removes what was left by a process that was killed while it created or copied the database. Only for the owner. */
export async function removeLeftovers(directory: StateDirectory): Promise<void> {
  for await (const entry of Deno.readDir(directory.path)) {
    if (entry.name.startsWith("data.new-")) await Deno.remove(join(directory.path, entry.name), { recursive: true });
  }
  // PostgreSQL's own lock file of a killed owner; ours is the lock that counts.
  await Deno.remove(join(directory.data, "postmaster.pid")).catch(ignoreMissing);
}

/** The major version of the embedded PostgreSQL (PGlite 0.5): a directory of another one does not open. */
const POSTGRES = "18";

/** Throws when the database was made by another PostgreSQL, which the engine would only call a failed start. */
export async function checkVersion(directory: StateDirectory): Promise<void> {
  const version = (await Deno.readTextFile(join(directory.data, "PG_VERSION"))).trim();
  if (version === POSTGRES) return;
  throw new StateError(
    `Cannot open the state database in ${directory.path}: it was made by PostgreSQL ${version}, this lmsmon has ${POSTGRES}`,
    { hint: "use the lmsmon that made it" },
  );
}

/** Turns what the system says into what the operator can do. `what` is what was tried, with a colon, where it was not opening. */
export function cannotOpen(directory: StateDirectory, error: unknown, what = ""): Error {
  if (error instanceof StateError) return error;
  const failed = (detail: string, hint: string) =>
    new StateError(`Cannot open the state database in ${directory.path}: ${what}${detail}`, { cause: error, hint });
  if (error instanceof Deno.errors.NotCapable) {
    return failed("this program may not use this directory", "name another directory in state.url");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return failed("permission denied", denied(directory));
  }
  if (error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists) {
    return failed("it is no directory", "name a directory in state.url, such as pglite:./lmsmon-state");
  }
  const noRoom = diskTrouble(directory.path, error);
  if (noRoom !== null) return noRoom;
  const detail = reasonOf(error);
  if (/read-only file system/i.test(detail)) {
    return failed("the file system is read-only", "name a directory that can be written in state.url");
  }
  if (/no space left|disk quota/i.test(detail)) return failed("the disk is full", "free some space, then try again");
  if (isTooLarge(detail)) return failed(detail, TOO_LARGE_HINT);
  return failed(detail, "--log-level debug says more; a state on a PostgreSQL server needs no directory (state.url)");
}

/** The engine also throws what is no error at all, such as Emscripten's `{name: "ErrnoError", errno}`. */
function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error !== "object" || error === null) return String(error);
  const { name, message, errno } = error as { name?: unknown; message?: unknown; errno?: unknown };
  return [name, message, errno === undefined ? undefined : `error ${errno}`].filter((part) => part !== undefined)
    .join(" ") || "the database engine failed";
}

const OURS = /^(data(\..+)?|lmsmon\..*|lost\+found|\.git(ignore|keep))$/;

async function foreignEntry(directory: StateDirectory): Promise<string | null> {
  const hasLock = await Deno.stat(directory.lock).then(() => true, () => false);
  const data = await Deno.stat(directory.data).catch(ignoreMissing);
  // A state that is there is lmsmon's whatever else was laid beside it: a dump of it, what a file manager leaves.
  if (data !== undefined && hasLock) return null;
  for await (const entry of Deno.readDir(directory.path)) {
    if (!OURS.test(entry.name)) return entry.name;
  }
  // A folder "data" alone may be anybody's.
  return data === undefined ? null : "data";
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Touches the parent only when it is missing: the permission to write there is rarely given. */
async function makeDirectory(path: string): Promise<void> {
  const make = () => Deno.mkdir(path, { mode: 0o700 });
  try {
    await make();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await make();
  }
}

/** A file beside an embedded state's directory, not in it, since that is what a backup puts back; `null`: there is no directory. */
export function besideState(stateUrl: string, ending: string): string | null {
  if (!stateUrl.startsWith(EMBEDDED) || stateUrl === "pglite:memory") return null;
  return `${stateUrl.slice(EMBEDDED.length).replace(/\/+$/, "")}${ending}`;
}
