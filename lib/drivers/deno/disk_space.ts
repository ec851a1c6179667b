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
