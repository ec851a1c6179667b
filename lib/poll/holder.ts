/**
 * Who holds a lease: `host|pid|start|random`. The host part names the machine and its process namespace, so that "that
 * process is gone" is only ever concluded where the pid can be looked up.
 */
export interface HolderParts {
  readonly host: string;
  readonly pid: number;
  /** Start time of the process in clock ticks since boot, against reused pids; `?` where /proc is not readable. */
  readonly start: string;
}

/** This process as a lease holder. */
export function thisHolder(): string {
  return [hostKey(), Deno.pid, startOf(Deno.pid) ?? "?", crypto.randomUUID().slice(0, 8)].join("|");
}

export function parseHolder(holder: string): HolderParts | null {
  const [host, pid, start] = holder.split("|");
  return host === undefined || pid === undefined || start === undefined || !/^\d+$/.test(pid)
    ? null
    : { host, pid: Number(pid), start };
}

/** For people: `host lms1, process 4711`. */
export function describeHolder(holder: string): string {
  const parts = parseHolder(holder);
  return parts === null ? holder : `host ${parts.host.split("/")[0]}, process ${parts.pid}`;
}

/** True only when the holder ran on this machine, in this process namespace, and is provably gone. */
export function isProvablyGone(holder: string): boolean {
  const parts = parseHolder(holder);
  if (parts === null || parts.host !== hostKey() || parts.start === "?") return false;
  const start = startOf(parts.pid);
  return start === null || (start !== "?" && start !== parts.start); // "?": it cannot be looked up, so it may be alive
}

function hostKey(): string {
  try {
    return `${Deno.hostname()}/${Deno.readLinkSync("/proc/self/ns/pid")}`;
  } catch {
    return `${Deno.hostname()}/?${Deno.pid}`; // no /proc: nobody may conclude anything about this process
  }
}

/** `null` when there is no such process; throws nothing. */
function startOf(pid: number): string | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === "Z" || state === "X" ? null : start ?? "?";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? null : "?";
  }
}
