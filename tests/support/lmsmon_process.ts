import { join } from "node:path";
import type { FailPoint } from "../../lib/base/fail_point.ts";
import { OnTerminal } from "./on_terminal.ts";
import { ARMED_PROGRAM, NO_UPDATE_CHECK, PROGRAM, START } from "./program.ts";

/** A loaded machine is slow; nothing that a test waits for takes this long otherwise. */
export const PATIENCE_MS = 45_000;
/** Characters. */
const LAST_WORDS = 4000;

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder with a `config.yaml`, in which the real program runs; it is also its home. */
export class LmsmonHome implements AsyncDisposable {
  readonly #started: LmsmonProcess[] = [];

  private constructor(readonly folder: string, private readonly env: Readonly<Record<string, string>>) {}

  /** `config`: anything JSON can hold, which is YAML too. */
  static async make(config: object, env: Readonly<Record<string, string>> = {}): Promise<LmsmonHome> {
    const home = new LmsmonHome(await Deno.makeTempDir({ prefix: "lmsmon_home_" }), env);
    await home.configure(config);
    return home;
  }

  /** A folder that is there already, and stays: not to be disposed of. */
  static at(folder: string): LmsmonHome {
    return new LmsmonHome(folder, {});
  }

  async configure(config: object): Promise<void> {
    await Deno.writeTextFile(join(this.folder, "config.yaml"), JSON.stringify(config));
  }

  async run(...args: readonly string[]): Promise<Finished> {
    return await this.start(...args).finished;
  }

  /** A person at a terminal runs it. */
  onTerminal(...args: readonly string[]): OnTerminal {
    return new OnTerminal(Deno.execPath(), this.#args(args), this.#surroundings());
  }

  /** It is killed the first time that it comes to the fail point. */
  startToDieAt(failPoint: FailPoint, ...args: readonly string[]): LmsmonProcess {
    return this.#spawn(ARMED_PROGRAM, args, { LMSMON_FAIL_POINT: failPoint });
  }

  #args(args: readonly string[], program = PROGRAM): string[] {
    return [...START, program, ...args];
  }

  #surroundings() {
    const { DENO_DIR, XDG_CACHE_HOME, HOME = "/root", PATH = "" } = Deno.env.toObject();
    const cache = DENO_DIR ?? `${XDG_CACHE_HOME ?? `${HOME}/.cache`}/deno`;
    const env = { PATH, NO_COLOR: "1", HOME: this.folder, DENO_DIR: cache, ...NO_UPDATE_CHECK, ...this.env };
    return { cwd: this.folder, clearEnv: true, env };
  }

  start(...args: readonly string[]): LmsmonProcess {
    return this.#spawn(PROGRAM, args, {});
  }

  #spawn(program: string, args: readonly string[], env: Readonly<Record<string, string>>): LmsmonProcess {
    const surroundings = this.#surroundings();
    const child = new Deno.Command(Deno.execPath(), {
      args: this.#args(args, program),
      ...surroundings,
      env: { ...surroundings.env, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const started = new LmsmonProcess(child);
    this.#started.push(started);
    return started;
  }

  /** What its processes said last, for who waited for something in vain. */
  get lastWords(): string {
    return this.#started.map(({ pid, err }) => `process ${pid}: ${err.slice(-LAST_WORDS)}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A running lmsmon; killed when the test leaves it behind. */
export class LmsmonProcess implements AsyncDisposable {
  readonly #err: Collected;
  readonly #out: Collected;
  readonly finished: Promise<Finished>;

  constructor(private readonly child: Deno.ChildProcess) {
    this.#out = new Collected(child.stdout);
    this.#err = new Collected(child.stderr);
    this.finished = Promise.all([child.status, this.#out.done, this.#err.done]).then(([{ code }]) => ({
      code,
      out: this.#out.text,
      err: this.#err.text,
    }));
  }

  get pid(): number {
    return this.child.pid;
  }

  get err(): string {
    return this.#err.text;
  }

  /** What stderr holds when it matches first; rejects when the process ends without it. */
  said(pattern: RegExp | ((text: string) => boolean), patienceMs = PATIENCE_MS): Promise<string> {
    return this.#err.until(pattern, patienceMs);
  }

  printed(pattern: RegExp): Promise<string> {
    return this.#out.until(pattern);
  }

  kill(signal: Deno.Signal): void {
    this.child.kill(signal);
  }

  /** Sends the signal; resolves to the exit code and the seconds it took. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Finished & { readonly seconds: number }> {
    const began = performance.now();
    this.child.kill(signal);
    const finished = await this.finished;
    return { ...finished, seconds: (performance.now() - began) / 1000 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // ended already
    }
    await this.finished;
  }
}

class Collected {
  text = "";
  readonly done: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#read(stream);
  }

  async until(pattern: RegExp | ((text: string) => boolean), patienceMs = PATIENCE_MS): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, patienceMs);
    try {
      while (!(pattern instanceof RegExp ? pattern.test(this.text) : pattern(this.text))) {
        if (this.#ended) throw new Error(`The process ended without saying ${pattern}: ${this.text}`);
        if (late) throw new Error(`The process did not say ${pattern} in ${patienceMs} ms: ${this.text}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
    return this.text;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
