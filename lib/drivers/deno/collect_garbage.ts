/*
 * Fault: V8 lets garbage pile up to hundreds of megabytes before it collects, and its limits can only be set on the
 *   command line.
 * Seen in: V8 15.0 in Deno 2.9.6.
 * Upstream: none known; as V8 means it to be.
 * Delete when: Deno lets a running program limit its heap, or the memory bounds of docs/guarantees.md hold without it.
 */

import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | null | undefined;

/** Returns the memory of what is no longer used, now: some 20 ms. Does nothing where it cannot be had. */
export function collectGarbage(): void {
  if (collect === undefined) {
    try {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as () => void;
    } catch {
      collect = null;
    }
  }
  collect?.();
}

/** The heap may grow to this, or to this many times what was in use after the last collection. Bytes. */
const ROOM = 160 << 20;
const GROWTH = 2;
let limit = ROOM;

/**
 * Collects when much garbage has piled up since the last time; for work that goes on for long. A collection is 2 ms for each MB in
 * use, hence not sooner. Started with the flags of `.ci/v8_flags.ts`, V8 does so itself before, beside the program and for less.
 */
export function collectPiledUpGarbage(): void {
  if (getHeapStatistics().used_heap_size < limit) return;
  collectGarbage();
  limit = Math.max(ROOM, GROWTH * getHeapStatistics().used_heap_size);
}
