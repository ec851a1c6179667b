/*
 * Fault: Deno tells how much memory a machine has, and not how much a control group lets this process use.
 * Seen in: Deno 2.9.6.
 * Upstream: none known.
 * Delete when: `Deno.systemMemoryInfo()` knows of control groups.
 */

import process from "node:process";

/** The memory that this process may use, and what sets that bound. */
export interface MemoryLimit {
  readonly bytes: number;
  readonly by: "control group" | "machine";
}

/**
 * The smaller of what a control group allows (a container, a unit's `MemoryMax`) and what the machine has, swap included. Only a
 * group that the process is in itself is seen, no group above it. `null` where the system does not say.
 *
 * Deno lets nobody read `/sys` or `/proc` without `--allow-all`; this comes without (tried on 2.9.6).
 */
export function memoryLimit(): MemoryLimit | null {
  try {
    const { total, swapTotal } = Deno.systemMemoryInfo();
    const machine = total + swapTotal;
    // 0 or more than there is: no limit.
    const group = process.constrainedMemory();
    if (group > 0 && group < machine) return { bytes: group, by: "control group" };
    return machine > 0 ? { bytes: machine, by: "machine" } : null;
  } catch {
    return null; // no --allow-sys
  }
}
