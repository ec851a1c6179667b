import { sleep } from "./chaos_run.ts";

/** A control group of limited memory, version 1 or 2. Processes start inside it: what they had before would not count. */
export class MemoryGroup implements AsyncDisposable {
  private constructor(readonly path: string, readonly bytes: number, private readonly peakFile: string) {}

  /** `null` where none can be made. */
  static async make(bytes: number): Promise<MemoryGroup | null> {
    for (const { root, limits, peak } of VERSIONS) {
      const path = `${root}/lmsmon-chaos-${crypto.randomUUID().slice(0, 8)}`;
      try {
        await Deno.mkdir(path);
      } catch {
        continue;
      }
      try {
        for (const { file, must } of limits) {
          const writing = Deno.writeTextFile(`${path}/${file}`, file.includes("swap.max") ? "0" : String(bytes));
          await (must ? writing : writing.catch(() => {})); // swap is counted on some systems only
        }
        return new MemoryGroup(path, bytes, peak);
      } catch {
        await Deno.remove(path).catch(() => {});
      }
    }
    return null;
  }

  /** Arguments for a shell that joins the group and becomes `command`. */
  launch(command: readonly string[]): readonly string[] {
    return ["-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.path, ...command];
  }

  /** What the kernel counted at most, bytes: the processes' memory, and files that they read. */
  async peak(): Promise<number> {
    return Number(await Deno.readTextFile(`${this.path}/${this.peakFile}`).catch(() => "0"));
  }

  /** Whether a process that wants twice the limit is ended: a limit that nobody enforces would prove nothing. */
  static async enforces(bytes: number): Promise<boolean> {
    await using group = await MemoryGroup.make(bytes);
    if (group === null) return false;
    const hog = `const all = []; for (let n = 0; n < ${bytes >> 19}; n++) all.push(new Uint8Array(1 << 20).fill(n));`;
    const { signal } = await new Deno.Command("sh", {
      args: [...group.launch([Deno.execPath(), "eval", hog])],
      stdout: "null",
      stderr: "null",
    }).output();
    return signal === "SIGKILL";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      if (await Deno.remove(this.path).then(() => true, () => false)) return;
      await sleep(100); // the kernel is not done with its last process
    }
  }
}

const VERSIONS = [
  {
    root: "/sys/fs/cgroup/memory",
    limits: [
      { file: "memory.limit_in_bytes", must: true },
      { file: "memory.memsw.limit_in_bytes", must: false },
    ],
    peak: "memory.max_usage_in_bytes",
  },
  {
    root: "/sys/fs/cgroup",
    limits: [{ file: "memory.max", must: true }, { file: "memory.swap.max", must: false }],
    peak: "memory.peak",
  },
] as const;
