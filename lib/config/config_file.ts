import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ConfigError } from "../base/errors.ts";

/** Far more than any real configuration; a wrong path to a log or a database is refused before it fills memory. */
const MAX_BYTES = 1024 * 1024;

/** Where a service of the whole machine has its configuration and, by default, its state. */
export const SYSTEM = { config: "/etc/lmsmon/config.yaml", state: "/var/lib/lmsmon/state" } as const;

export interface Surroundings {
  /** Other places for `SYSTEM`, for tests. */
  readonly system?: { readonly config: string; readonly state: string };
  /** `--config`. */
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string | null;
}

export interface ConfigText {
  /** Absolute. */
  readonly path: string;
  /** As problems name it: as short as it can be said from the working directory. */
  readonly label: string;
  readonly text: string;
}

/** The files that are looked for, absolute, in order; one that was asked for by name is the only one. */
export function configCandidates(
  { flag, env, cwd, home, system = SYSTEM }: Surroundings,
): { paths: string[]; named: string | null } {
  const named = flag ? "--config" : env.LMSMON_CONFIG ? "$LMSMON_CONFIG" : null;
  const wanted = flag || env.LMSMON_CONFIG;
  if (wanted) return { paths: [absolute(wanted, cwd, home)], named };
  return {
    paths: [
      join(cwd, "config.yaml"),
      ...(home ? [join(home, ".config", "lmsmon", "config.yaml")] : []),
      system.config,
    ],
    named: null,
  };
}

/**
 * The first candidate that exists, `null` when none does. Throws ConfigError when it cannot be read or is no text. A folder that this
 * user may not enter ends the search only when nothing is found elsewhere: `sudo -u lmsmon` is typed in the home of whoever types it.
 */
export async function readConfigFile(surroundings: Surroundings): Promise<ConfigText | null> {
  const { paths, named } = configCandidates(surroundings);
  let closed: ConfigError | null = null;
  for (const path of paths) {
    const label = labelOf(path, surroundings.cwd);
    try {
      return { path, label, text: decode(await readBounded(path, label), label) };
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      if (error instanceof Deno.errors.NotFound && named === null) continue;
      const from = named === null ? "" : ` (from ${named})`;
      const isDenied = error instanceof Deno.errors.PermissionDenied;
      const unreadable = new ConfigError(`Cannot read the configuration ${label}${from}: ${ioProblem(error)}`, {
        cause: error,
        hint: isDenied
          ? "Run it as a user who may read that, such as the service's (sudo -u lmsmon lmsmon …), or name another file"
          : "Name an existing, readable YAML file; config.example.yaml shows every key",
      });
      if (named !== null || !isDenied || exists(path)) throw unreadable;
      closed = unreadable;
    }
  }
  if (closed !== null) throw closed;
  return null;
}

/** The candidates behind `taken` that exist, too: whoever edits one of them wonders why nothing changes. */
export async function passedOver(taken: string, surroundings: Surroundings): Promise<readonly string[]> {
  const { paths } = configCandidates(surroundings);
  const others: string[] = [];
  for (const path of paths.slice(paths.indexOf(taken) + 1)) {
    const found = await Deno.stat(path).catch(() => null);
    if (found?.isFile === true && !others.includes(path)) others.push(path);
  }
  return others;
}

/** `~` is the home directory; anything else relative is relative to `base`. */
export function absolute(path: string, base: string, home: string | null): string {
  if (home !== null && (path === "~" || path.startsWith("~/"))) return join(home, path.slice(1));
  return resolve(base, path);
}

/** What went wrong with a file, in words, without the path (which the caller says). */
export function ioProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) {
    return "this program may not read it (devices and files of the kernel are closed to it)";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is no directory";
  return error instanceof Error ? error.message : String(error);
}

/** False also where this user may not look. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Reads at most `limit` bytes, also of a pipe, whose size nobody knows beforehand; `null` when there are more. */
export async function readAtMost(path: string, limit: number): Promise<Uint8Array | null> {
  using file = await Deno.open(path);
  if ((await file.stat()).isDirectory) throw new Deno.errors.IsADirectory();
  const buffer = new Uint8Array(limit + 1);
  let length = 0;
  for (let n: number | null; (n = await file.read(buffer.subarray(length))) !== null;) {
    length += n;
    if (length > limit) return null;
  }
  return buffer.subarray(0, length);
}

async function readBounded(path: string, label: string): Promise<Uint8Array> {
  const bytes = await readAtMost(path, MAX_BYTES);
  if (bytes === null) {
    throw new ConfigError(`Cannot use ${label}: it is larger than 1 MiB, so it is no lmsmon configuration`);
  }
  return bytes;
}

function decode(bytes: Uint8Array, label: string): string {
  try {
    if (bytes.includes(0)) throw new TypeError("NUL byte");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ConfigError(`Cannot use ${label}: it is not UTF-8 text`, {
      cause: error,
      hint: "Save the file as UTF-8; config.example.yaml shows what it should look like",
    });
  }
}

function labelOf(path: string, cwd: string): string {
  if (dirname(cwd) === cwd) return path; // from the root, "etc/lmsmon/config.yaml" would look like a mistake
  const short = relative(cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}
