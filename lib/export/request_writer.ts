import { CommandError } from "../base/errors.ts";
import type { LineTarget, LineWriter } from "./line_writer.ts";

export interface FileLimits {
  readonly requests: number;
  readonly bytes: number;
}

/** What one batch of each API may hold, before any compression. */
export const BATCH_LIMITS: Readonly<Record<"anthropic" | "openai", FileLimits>> = {
  anthropic: { requests: 100_000, bytes: 256_000_000 },
  openai: { requests: 50_000, bytes: 200_000_000 },
};

/** Takes one request, which is one line, at a time. No file holds more than the API takes. */
export function requestWriter(target: LineTarget, limits: FileLimits, splitBytes: number | null): LineWriter {
  if ("sink" in target) return { write: (bytes) => target.sink.write(bytes), end: () => Promise.resolve() };
  const { parts } = target;
  let requests = 0;
  let bytes = 0;
  return {
    write: async (line) => {
      const isFull = requests >= limits.requests || bytes + line.length > limits.bytes;
      if (isFull && splitBytes === null) {
        throw new CommandError(`Cannot write more than ${requests.toLocaleString("en")} requests into one file`, {
          hint: "the API takes no more at once: add --split SIZE, or name a folder with a slash at its end",
        });
      }
      if (requests > 0 && (isFull || line.length > parts.room)) {
        await parts.finishPart();
        requests = bytes = 0;
      }
      await parts.write(line, { lines: 1, first: null, last: null });
      requests++;
      bytes += line.length;
    },
    end: async () => {
      await parts.begin();
      await parts.finishPart();
    },
  };
}
