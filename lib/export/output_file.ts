import { basename, dirname, join } from "node:path";
import { CommandError } from "../base/errors.ts";
import { failPoint } from "../base/fail_point.ts";
import { standardOutput } from "../base/output.ts";
import { diskSpace, isTooLarge, roomOf, TOO_LARGE_HINT } from "../drivers/deno/disk_space.ts";
import { leadsToStdout, openStdoutPipe } from "../drivers/deno/stdout_pipe.ts";
import type { ByteSink } from "./byte_sink.ts";

/** A file that is either wholly there or not at all. */
export interface OutputFile extends ByteSink, AsyncDisposable {
  /** Puts all bytes safely on the disk; nothing can be written after it. */
  finish(): Promise<void>;
  /** Makes the file appear under its name, finished. */
  commit(): Promise<void>;
}

/**
 * Opens `path` for an export: a temporary file beside it that takes the name when it is complete. Only its owner may read it, unless
 * it holds no student data (`mode`). A device or a pipe is written directly. Disposed without commit, nothing is left.
 * Throws CommandError when it cannot be written, with the reason.
 */
export async function openOutputFile(path: string, mode = 0o600): Promise<OutputFile> {
  if (leadsToStdout(path)) return stdoutFile(path);
  const target = await Deno.realPath(path).catch(() => path);
  const existing = await Deno.stat(target).catch(() => null);
  if (existing?.isDirectory) throw cannotWrite(path, "it is a directory");
  const direct = existing !== null && !existing.isFile;
  const place = direct ? target : join(dirname(target), `.${basename(target)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  const file = await attempt(
    path,
    () => Deno.open(place, direct ? { write: true } : { write: true, createNew: true, mode }),
  );
  let state: "open" | "finished" | "committed" | "disposed" = "open";
  const finish = () =>
    attempt(path, async () => {
      if (state !== "open") return;
      if (!direct) await file.sync();
      file.close();
      state = "finished";
    });
  return {
    write: (bytes) =>
      attempt(path, async () => {
        for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      }),
    finish,
    commit: async () => {
      await finish();
      failPoint("export.before_rename");
      if (!direct) await attempt(path, () => Deno.rename(place, target));
      state = "committed"; // not before: a file that did not get its name is removed
      if (direct) return;
      await syncDirectory(dirname(target));
    },
    [Symbol.asyncDispose]: async () => {
      if (state === "open") file.close();
      if (!direct && (state === "open" || state === "finished")) await Deno.remove(place).catch(() => {});
      state = "disposed";
    },
  };
}

/** Stdout, wherever it was led to: into a file, too, and behind what is in that already. */
function stdoutFile(path: string): OutputFile {
  const pipe = openStdoutPipe();
  return {
    write: (bytes) => attempt(path, () => pipe === null ? standardOutput.writeBytes(bytes) : pipe.write(bytes)),
    finish: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => {
      pipe?.close();
      return Promise.resolve();
    },
  };
}

/** Without this a power cut may forget the new name; not every file system can do it. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path).catch(() => null);
  if (directory === null) return;
  try {
    await directory.sync().catch(() => {});
  } finally {
    directory.close();
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw cannotWrite(path, reasonOf(error, path), error);
  }
}

function cannotWrite(path: string, reason: string, cause?: Error): CommandError {
  return new CommandError(`Cannot write ${path}: ${reason}`, {
    cause,
    hint: isTooLarge(reason)
      ? TOO_LARGE_HINT
      : "name a file in a folder that exists and that you may write to, on a disk with room",
  });
}

function reasonOf(error: Error, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "the folder does not exist";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is no folder";
  const space = /no space left|quota/i.test(error.message) ? diskSpace(dirname(path)) : null;
  return space === null ? error.message : `${error.message}, ${roomOf(space)}`;
}

/**
 * Whether an output is to be a folder: one that is there, or a name with a slash at its end, which is made then, for its owner only.
 * Throws CommandError where it cannot be made.
 */
export async function asFolder(out: string): Promise<boolean> {
  const found = await Deno.stat(out).catch(() => null);
  if (found !== null) return found.isDirectory;
  if (!out.endsWith("/")) return false;
  try {
    await Deno.mkdir(out, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(
      `Cannot make the folder ${out}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error, hint: "name a folder below one that you may write to; what is there already must be no file" },
    );
  }
  return true;
}
