/*
 * Fault: `Deno.stdout` fails with EAGAIN on a pipe that another program set to non-blocking, once it is full, instead of
 *   waiting.
 * Seen in: Deno 2.9.6.
 * Upstream: none known.
 * Delete when: `lmsmon export-ai` into a full non-blocking pipe waits through `Deno.stdout` (tests/commands/export_turns_test.ts).
 */

import { fstatSync, statSync } from "node:fs";
import { Socket } from "node:net";

const STDOUT = 1;

/** Writes whole blocks to a pipe, whether or not it blocks. */
export interface PipeWriter {
  /** Resolves when all bytes are in the pipe. Rejects with Deno's BrokenPipe when its reader is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Leaves the pipe as other programs expect it: they write to the same one. */
  close(): void;
}

/**
 * Stdout where it is a pipe, else `null`. `Deno.stdout` (2.9.6) throws when a pipe that another process made non-blocking is
 * full, and does not say how much of the block went out: writing again would double lines. This writes through the event loop,
 * which waits for room. Delete when `Deno.stdout.write` waits, or says what it wrote.
 */
export function openStdoutPipe(): PipeWriter | null {
  if (Deno.build.os === "windows" || !isPipe()) return null;
  const socket = new Socket({ fd: STDOUT, readable: false, writable: true });
  let failure: Error | null = null;
  socket.on("error", (error) => failure ??= asDenoError(error));
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        socket.write(bytes, (error) => error ? reject(asDenoError(error)) : resolve());
      }),
    close: () => void (socket as unknown as { _handle?: PipeHandle })._handle?.setBlocking?.(true),
  };
}

interface PipeHandle {
  setBlocking?(on: boolean): number;
}

function isPipe(): boolean {
  try {
    return fstatSync(STDOUT).isFIFO();
  } catch {
    return false;
  }
}

/** Whether what is written to `path` goes where stdout does: `/dev/stdout`, or a pipe that it was led into. */
export function leadsToStdout(path: string): boolean {
  try {
    const [there, stdout] = [statSync(path), fstatSync(STDOUT)];
    return there.dev === stdout.dev && there.ino === stdout.ino;
  } catch {
    return false;
  }
}

function asDenoError(error: Error): Error {
  const code = "code" in error ? error.code : null;
  if (code !== "EPIPE" && code !== "ECONNRESET") return error;
  return new Deno.errors.BrokenPipe(error.message, { cause: error });
}
