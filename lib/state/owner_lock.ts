import { z } from "zod";
import { cannotOpen, type StateDirectory } from "./owner_directory.ts";

/** What the owner of a directory writes into its lock file, for messages and for where to connect. */
const ownerNote = z.object({ pid: z.int(), since: z.string(), socket: z.string() });
export type OwnerNote = z.infer<typeof ownerNote>;

/** The right to open a directory's database: a file lock, which the system frees when the process ends, however it ends. */
export class OwnerLock implements Disposable {
  private constructor(private readonly file: Deno.FsFile) {}

  /** `null` when another process (or another opening in this one) has it. */
  static async tryTake(directory: StateDirectory): Promise<OwnerLock | null> {
    let file: Deno.FsFile;
    try {
      // Never removed: a lock on a file that somebody else removed and made again would exclude nobody.
      file = await Deno.open(directory.lock, { read: true, write: true, create: true, mode: 0o600 });
    } catch (error) {
      throw cannotOpen(directory, error);
    }
    try {
      if (await file.tryLock(true)) return new OwnerLock(file);
    } catch (error) {
      file.close();
      throw cannotOpen(directory, error);
    }
    file.close();
    return null;
  }

  async write(note: OwnerNote): Promise<void> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(note)}\n`);
    await this.file.truncate(0);
    await this.file.seek(0, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) at += await this.file.write(bytes.subarray(at));
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** What the present, or last, owner wrote; `null` when nothing readable is there (yet). */
export async function readOwnerNote(directory: StateDirectory): Promise<OwnerNote | null> {
  try {
    return ownerNote.parse(JSON.parse(await Deno.readTextFile(directory.lock)));
  } catch {
    return null;
  }
}
