import { ARMED_PROGRAM, NO_UPDATE_CHECK, PROGRAM, START } from "../../support/program.ts";
import { PATIENCE_MS, until } from "./chaos_run.ts";
import type { MemoryGroup } from "./memory_group.ts";

export interface WatcherOptions {
  /** `name` or `name:nth`; needs the test build. */
  readonly failPoint?: string;
  /** What must never stand in a log. */
  readonly secrets?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder of the sources of another version of the program. */
  readonly version?: string;
  /** Its directory; default this process's. */
  readonly cwd?: string;
  /** Runs inside this control group. */
  readonly group?: MemoryGroup | null;
}

const alive = new Set<Deno.ChildProcess>();

/** Ends every process of this run, at once: nothing may outlive a harness that was stopped. */
export function killAll(): void {
  for (const process of alive) {
    try {
      process.kill("SIGKILL");
    } catch {
      // it has ended
    }
  }
  alive.clear();
}

/** Lines whose time is remembered. */
const NOTABLE = /"message":"(Polling|Lost the lease|Delivery|Cannot send)/;

/** A real `lmsmon` process. */
export class Watcher implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<unknown>;
  readonly leaks: string[] = [];
  readonly #heard: { readonly line: string; readonly atMs: number }[] = [];
  #out = "";
  #status: Deno.CommandStatus | null = null;
  /** When the process began, milliseconds on this process's monotonic clock. */
  readonly startedMs = performance.now();

  constructor(command: string, config: string, options: WatcherOptions = {}) {
    const env = {
      NO_COLOR: "1",
      ...NO_UPDATE_CHECK,
      ...options.env,
      ...(options.failPoint && { LMSMON_FAIL_POINT: options.failPoint }),
    };
    const program = [
      ...[Deno.execPath(), ...START],
      ...options.version === undefined ? ["--cached-only"] : [], // another version may need other packages
      options.version !== undefined
        ? `${options.version}/main.ts`
        : options.failPoint === undefined
        ? PROGRAM
        : ARMED_PROGRAM,
      ...["--config", config, "--log-format", "json", command, ...options.args ?? []],
    ];
    const [name = "", ...args] = options.group ? ["sh", ...options.group.launch(program)] : program;
    this.#process = new Deno.Command(name, {
      args,
      env,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([
      this.#read(this.#process.stderr, options.secrets ?? []),
      new Response(this.#process.stdout).text().then((text) => this.#out = text),
    ]);
    alive.add(this.#process);
    this.#process.status.then((status) => {
      this.#status = status;
      alive.delete(this.#process);
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ended(): Deno.CommandStatus | null {
    return this.#status;
  }

  /** The last lines of its log. */
  get log(): readonly string[] {
    return this.#lines;
  }

  /** Its stdout, once it ended. */
  get output(): string {
    return this.#out;
  }

  /** Of what it said long ago, what is remembered. */
  says(text: string): boolean {
    return this.#lines.some((line) => line.includes(text)) || this.times(text) > 0;
  }

  /** How often it said something of what is remembered. */
  times(text: string): number {
    return this.#heard.filter(({ line }) => line.includes(text)).length;
  }

  /** When it last said so, on this process's monotonic clock; -1 when never. */
  lastAt(text: string): number {
    return this.#heard.findLast(({ line }) => line.includes(text))?.atMs ?? -1;
  }

  /** False when it ended or was silent for `timeoutMs`. */
  async untilSays(text: string, timeoutMs = PATIENCE_MS): Promise<boolean> {
    await until(() => this.says(text) || this.#status !== null, timeoutMs, 20);
    return this.says(text);
  }

  signal(signal: Deno.Signal): void {
    if (this.#status === null) {
      try {
        this.#process.kill(signal);
      } catch {
        // it ended in this very moment
      }
    }
  }

  /** Resolves when it has ended and everything it said is read. */
  async end(signal?: Deno.Signal): Promise<Deno.CommandStatus> {
    if (signal !== undefined) this.signal(signal);
    const status = await this.#process.status;
    await this.#reading;
    this.#status = status;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== null) return;
    this.signal("SIGCONT");
    await this.end("SIGKILL");
  }

  async #read(stream: ReadableStream<Uint8Array>, secrets: readonly string[]): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      for (const line of lines) if (NOTABLE.test(line)) this.#heard.push({ line, atMs: performance.now() });
      for (const line of lines) if (secrets.some((secret) => line.includes(secret))) this.leaks.push(line);
      if (this.#lines.length > 2000) this.#lines.splice(0, 1000);
    }
    if (rest !== "") this.#lines.push(rest);
  }
}

/** Runs a command to its end. */
export async function runLmsmon(
  command: string,
  config: string,
  options: WatcherOptions = {},
): Promise<
  { code: number; signal: Deno.Signal | null; out: string; log: readonly string[]; leaks: readonly string[] }
> {
  const process = new Watcher(command, config, options);
  const { code, signal } = await process.end();
  return { code, signal, out: process.output, log: process.log, leaks: process.leaks };
}
