import { StateError } from "../base/errors.ts";
import { stateDirectory } from "./owner_directory.ts";

/**
 * Whether the directory of an embedded state is still the one that was opened. A process goes on writing to files that were
 * deleted under it, without a word, and loses all of it when it ends.
 */
export class StatePresence {
  private constructor(private readonly path: string, private readonly lock: string, private readonly inode: number) {}

  /** `null` for a state that is no directory. Call it when the state is open: then its lock file is there for good. */
  static of(url: string): StatePresence | null {
    if (!url.startsWith("pglite:") || url === "pglite:memory") return null;
    const { path, lock } = stateDirectory(url.slice("pglite:".length));
    const inode = inodeOf(lock);
    return inode === null || inode === UNKNOWN ? null : new StatePresence(path, lock, inode);
  }

  /** Throws StateError when the directory was deleted, or another one is in its place. */
  check(): void {
    const inode = inodeOf(this.lock);
    if (inode === this.inode || inode === UNKNOWN) return;
    throw new StateError(
      `Cannot go on with the state database in ${this.path}: ` +
        (inode === null ? "it was deleted while lmsmon used it" : "another one is in its place"),
      { hint: "put it back from a backup and run `lmsmon reconcile`, or start anew with the state that is there now" },
    );
  }
}

const UNKNOWN = -1;

function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    return UNKNOWN; // no permission now, or the disk is away: that is no deletion
  }
}
