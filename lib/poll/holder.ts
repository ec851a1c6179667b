/**
 * Who holds a lease: `host|pid|lock file`. The file is locked for as long as the process lives, and the system frees the
 * lock however the process ends, so that a process of the same machine can prove that the holder is gone. (Its pid proves
 * nothing: /proc is closed to Deno without every permission, and pids are used again.)
 */
export class Holder implements Disposable {
  private constructor(
    readonly name: string,
    private readonly file: Deno.FsFile | null,
    private readonly path: string,
  ) {}

  /** This process as a holder. Where no lock file can be made, others wait for the lease to expire. */
  static open(): Holder {
    try {
      const path = Deno.makeTempFileSync({ prefix: "lmsmon-lease-" });
      const file = Deno.openSync(path, { read: true, write: true });
      if (file.tryLockSync(true)) return new Holder([Deno.hostname(), Deno.pid, path].join("|"), file, path);
      file.close();
    } catch {
      // No temporary directory, or no permission.
    }
    return new Holder([Deno.hostname(), Deno.pid, `?${crypto.randomUUID().slice(0, 8)}`].join("|"), null, "");
  }

  [Symbol.dispose](): void {
    if (this.file === null) return;
    this.file.close();
    removeQuietly(this.path);
  }
}

interface HolderParts {
  readonly host: string;
  readonly pid: string;
  readonly lock: string;
}

function parseHolder(name: string): HolderParts | null {
  const [host, pid, lock] = name.split("|");
  return host === undefined || pid === undefined || lock === undefined ? null : { host, pid, lock };
}

/** For people: `host lms1, process 4711`. */
export function describeHolder(name: string): string {
  const parts = parseHolder(name);
  return parts === null ? name : `host ${parts.host}, process ${parts.pid}`;
}

/** True only when the holder ran on this machine and its lock is free: its process has ended. Removes its file then. */
export function isProvablyGone(name: string): boolean {
  const parts = parseHolder(name);
  if (parts === null || parts.host !== Deno.hostname() || parts.lock.startsWith("?")) return false;
  try {
    // A file that is not there proves nothing: another container of the same name has a /tmp of its own.
    using file = Deno.openSync(parts.lock, { read: true, write: true });
    if (!file.tryLockSync(true)) return false;
  } catch {
    return false;
  }
  removeQuietly(parts.lock);
  return true;
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody else did.
  }
}
