/*
 * Fault: Deno has no call of its own for the space and the inodes that a file system has left; Node's interface has one.
 * Seen in: Deno 2.9.6.
 * Upstream: none known.
 * Delete when: `Deno.statfs` or the like exists.
 */

import { statfsSync } from "node:fs";

/** What is left of the file system that holds a path. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** `null` where the file system does not count them. */
  readonly freeInodes: number | null;
}

/** `null` when nobody may know, or nothing is there. */
export function diskSpace(path: string): DiskSpace | null {
  try {
    const { bsize, bavail, blocks, files, ffree } = statfsSync(path);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks, freeInodes: files === 0 ? null : ffree };
  } catch {
    return null;
  }
}

const MB = 1_000_000;

/** `3 MB of 20 MB free`. */
export const roomOf = ({ freeBytes, totalBytes }: DiskSpace): string =>
  `${Math.floor(freeBytes / MB)} MB of ${Math.floor(totalBytes / MB)} MB free`;

/** Whether a system's words say that the process may write no larger file, whatever room there is. */
export const isTooLarge = (detail: string): boolean => /file too large/i.test(detail);
export const TOO_LARGE_HINT =
  "this process may write no larger file: raise the limit (`ulimit -f`, LimitFSIZE= of a systemd unit)";
