import { z } from "zod";
import { besideState } from "./owner_directory.ts";

/** An epoch, and the highest event id that was seen in it; decimal text. */
export interface SeenEpoch {
  readonly epoch: string;
  readonly newestEvent: string;
}

/** Where the epoch is kept besides the state: a state that a backup puts back does not know how far it had come. */
export interface EpochMark {
  read(): Promise<SeenEpoch | null>;
  write(seen: SeenEpoch): Promise<void>;
}

const markText = z.object({ epoch: z.string(), newest_event: z.string().regex(/^\d{1,19}$/) });

/** Beside an embedded state's directory; `null` for a server, which tells by itself. A file that cannot be written is a warning. */
export function epochMark(
  stateUrl: string,
  log: { readonly warn: (message: string, properties: Record<string, unknown>) => void },
): EpochMark | null {
  const path = besideState(stateUrl, ".epoch.json");
  if (path === null) return null;
  const read = async () => {
    try {
      const { epoch, newest_event: newestEvent } = markText.parse(JSON.parse(await Deno.readTextFile(path)));
      return { epoch, newestEvent };
    } catch {
      return null; // not there yet, or spoilt: it is written anew
    }
  };
  return {
    read,
    write: async (seen) => {
      const before = await read();
      if (before?.epoch === seen.epoch && before.newestEvent === seen.newestEvent) return;
      const beside = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
      try {
        const text = `${JSON.stringify({ epoch: seen.epoch, newest_event: seen.newestEvent })}\n`;
        await Deno.writeTextFile(beside, text, { createNew: true, mode: 0o600 });
        await Deno.rename(beside, path);
      } catch (error) {
        await Deno.remove(beside).catch(() => {});
        log.warn("Cannot write {path}, by which a state that was put back is told from one that went on: {reason}", {
          path,
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    },
  };
}
