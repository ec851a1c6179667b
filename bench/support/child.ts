import { fileURLToPath } from "node:url";
import { V8_FLAGS } from "../../.ci/v8_flags.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

export interface ChildRun {
  readonly ms: number;
  /** Peak resident memory, MB (VmHWM). */
  readonly peakMb: number;
}

/** Runs a program to its end with stdout thrown away by the kernel. Throws with the end of its stderr when it fails. */
export async function runChild(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly memory?: boolean } = {},
): Promise<ChildRun> {
  const began = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const said = new Response(child.stderr).text();
  const peak = options.memory ? watchPeak(child.pid) : null;
  const { code } = await child.status;
  const ms = performance.now() - began;
  const peakMb = await peak?.end() ?? 0;
  const text = await said;
  if (code !== 0) {
    throw new Error(
      `Cannot run ${program} ${args.slice(-2).join(" ").slice(0, 200)}: exit ${code}\n${text.slice(-2000)}`,
    );
  }
  return { ms, peakMb };
}

/** A pipe of shell commands; fails when any part fails. */
export function runShell(script: string): Promise<ChildRun> {
  return runChild("bash", ["-c", `set -euo pipefail; ${script}`]);
}

/** The program from the source tree, as users of `deno task lmsmon` run it. */
export function lmsmonArgs(config: string | null, args: readonly string[]): string[] {
  return [
    ...["run", "--quiet", "--no-prompt", "--no-check", "--cached-only", V8_FLAGS, "-A", MAIN],
    ...(config === null ? [] : ["--config", config]),
    ...args,
  ];
}

export function runLmsmon(config: string | null, args: readonly string[], memory = false): Promise<ChildRun> {
  return runChild(Deno.execPath(), lmsmonArgs(config, args), { memory });
}

/** A program that stays: ended by `stop`, which resolves when it is gone. */
export class Daemon implements AsyncDisposable {
  #ended = false;

  private constructor(readonly child: Deno.ChildProcess, private readonly log: Promise<string>) {
    child.status.then(() => this.#ended = true);
  }

  static lmsmon(config: string, args: readonly string[]): Daemon {
    const child = new Deno.Command(Deno.execPath(), {
      args: lmsmonArgs(config, args),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn();
    return new Daemon(child, new Response(child.stderr).text());
  }

  get ended(): boolean {
    return this.#ended;
  }

  async stop(): Promise<string> {
    if (!this.#ended) this.child.kill("SIGTERM");
    await this.child.status;
    return await this.log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const SAMPLE_MS = 20;

/** The kernel keeps the peak itself; the last sample before the end misses at most what came in SAMPLE_MS. */
function watchPeak(pid: number): { end(): Promise<number> } {
  let peakKb = 0;
  const sample = () => {
    try {
      const found = /^VmHWM:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
      peakKb = Math.max(peakKb, Number(found?.[1] ?? 0));
    } catch {
      // it has ended
    }
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    end: () => {
      clearInterval(timer);
      return Promise.resolve(peakKb / 1024);
    },
  };
}
