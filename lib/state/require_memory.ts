import { StateError } from "../base/errors.ts";
import type { MemoryLimit } from "../drivers/deno/memory_limit.ts";

/**
 * What a process with an embedded state needs at least, in all: the kernel ends a process without a word when it wants more than
 * it may have. Tried with a first poll of 20,000 rows (docs/performance.md).
 */
export const NEEDED_BYTES = 384 << 20;

/** Throws before the database is opened when it would not fit. */
export function requireMemory(path: string, limit: MemoryLimit | null): void {
  if (limit === null || limit.bytes >= NEEDED_BYTES) return;
  const [needed, allowed] = [NEEDED_BYTES, limit.bytes].map((bytes) => `${Math.floor(bytes / (1 << 20))} MB`);
  throw new StateError(
    `Cannot open the state database in ${path}: an embedded state needs ${needed} of memory, and ` +
      (limit.by === "control group"
        ? `this process may use ${allowed} (the limit of its control group)`
        : `this machine has ${allowed}, swap included`),
    {
      hint: limit.by === "control group"
        ? "raise the limit to 512 MB (MemoryMax= of a unit, --memory of a container), or keep the state on a PostgreSQL server (state.url)"
        : "add swap, or keep the state on a PostgreSQL server (state.url)",
    },
  );
}
