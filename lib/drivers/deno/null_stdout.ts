/*
 * Fault: where a process is started with stdout closed (`>&-`), the runtime opens /dev/null in its place, so that every write
 *   succeeds and nothing tells it from a `>/dev/null` that somebody meant.
 * Seen in: Deno 2.9.6 (what Rust's standard library does at start).
 * Upstream: none known.
 * Delete when: `lmsmon export-ai >&-` fails by itself.
 */

import { fstatSync, statSync } from "node:fs";

const STDOUT = 1;

/** Whether what is written to stdout reaches nobody. */
export function isStdoutNull(): boolean {
  if (Deno.build.os === "windows") return false;
  try {
    const stdout = fstatSync(STDOUT);
    return stdout.isCharacterDevice() && stdout.rdev === statSync("/dev/null").rdev;
  } catch {
    return false;
  }
}
