/*
 * Fault: the same as in tar_entries.ts: an archive goes to the disk without PGlite.
 * Seen in: @electric-sql/pglite 0.5.16 (`loadDataDir`).
 * Upstream: none known.
 * Delete when: `loadDataDir` streams to a directory.
 */

import { join } from "node:path";
import { tarEntries } from "./tar_entries.ts";

/** Files that wait for the disk at the same time. */
const AT_ONCE = 32;

/** Unpacks a packed archive into an existing, empty directory; when it resolves, everything is on the disk. */
export async function unpackDirectory(archive: Blob, directory: string): Promise<void> {
  const directories = [directory];
  const writing = new Set<Promise<void>>();
  for await (const entry of tarEntries(archive.stream().pipeThrough(new DecompressionStream("gzip")))) {
    const path = join(directory, entry.path);
    if (entry.isDirectory) {
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
      directories.push(path);
      continue;
    }
    if (writing.size >= AT_ONCE) await Promise.race(writing);
    const work: Promise<void> = writeFile(path, entry.content).finally(() => writing.delete(work));
    writing.add(work);
  }
  await Promise.all(writing);
  await Promise.all(directories.map(syncPath));
}

async function writeFile(path: string, content: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  for (let at = 0; at < content.length;) at += await file.write(content.subarray(at));
  await file.sync();
}

/** Makes a file, or the names in a directory, outlive a power cut. */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}
