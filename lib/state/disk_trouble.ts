import { dirname } from "node:path";
import { StateError } from "../base/errors.ts";
import { type DiskSpace, diskSpace, roomOf } from "../drivers/deno/disk_space.ts";

const MB = 1_000_000;
/** A write-ahead log file is 16 MiB: with less than this the engine stops, and says nothing of why. */
const FULL_BYTES = 20 * MB;
/** A new database takes 40 MB; beside it there must be room for what is written first. */
const NEW_BYTES = 64 * MB;

/**
 * The error for a directory whose disk has no room left, `null` while there is some. The embedded engine fails with words of its
 * own, or none: whoever saw it fail asks here.
 */
export function diskTrouble(path: string, cause: unknown): StateError | null {
  const space = nearestSpace(path);
  if (space === null) return null;
  const full = space.freeBytes < FULL_BYTES;
  if (!full && space.freeInodes !== 0) return null;
  return noRoom(path, full ? `the disk is full: ${roomOf(space)}` : "the disk has no inode left", cause);
}

/** Throws when a new database could not be made there for want of room, which otherwise shows after half a minute. */
export function requireRoomForNew(path: string): void {
  const space = nearestSpace(path);
  if (space === null || (space.freeBytes >= NEW_BYTES && space.freeInodes !== 0)) return;
  const what = space.freeInodes === 0 ? "the disk has no inode left" : `the disk is full: ${roomOf(space)}`;
  throw noRoom(path, `${what}, a new database needs ${NEW_BYTES / MB} MB`, null);
}

function noRoom(path: string, what: string, cause: unknown): StateError {
  return new StateError(`Cannot use the state database in ${path}: ${what}`, {
    cause: cause ?? undefined,
    hint: "free some space there, or name a directory on another disk in state.url; nothing that was stored is lost",
  });
}

/** Space of the directory, or of the one in which it is to be made. */
function nearestSpace(path: string): DiskSpace | null {
  for (let at = path;; at = dirname(at)) {
    const space = diskSpace(at);
    if (space !== null || at === dirname(at)) return space;
  }
}
