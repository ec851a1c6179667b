const PATIENCE_MS = 45_000;
// deno-lint-ignore no-control-regex
const CONTROL = /\x1b\[[0-9;?]*[A-Za-z]|\r/g;

/** A program on a pseudo-terminal, and a person who reads and types there. */
export class OnTerminal implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  /** What stood on the terminal when the last thing was seen: the next is looked for behind it. */
  #read = 0;
  #text = "";
  #changed = Promise.withResolvers<void>();

  constructor(
    command: string,
    args: readonly string[],
    options: Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv">,
  ) {
    const line = [command, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--flush", "--return", "--command", line, "/dev/null"],
      ...options,
      env: { ...options.env, TERM: "xterm", COLUMNS: "200" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#reading = this.#readAll();
  }

  /** Everything that was written to the terminal, with what was typed, without colours and movements. */
  get text(): string {
    return this.#text.replace(CONTROL, "");
  }

  /** Resolves once what is new matches. */
  async sees(pattern: RegExp): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!pattern.test(this.text.slice(this.#read))) {
      const left = end - performance.now();
      if (left <= 0) throw new Error(`The terminal never showed ${pattern}: ${this.text.slice(this.#read)}`);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, left));
      await Promise.race([this.#changed.promise, late]).finally(() => clearTimeout(timer));
    }
  }

  /** Types a line when the question is there. */
  async answer(question: RegExp, line: string, end = "\r"): Promise<void> {
    await this.sees(question);
    this.#read = this.text.length;
    await this.#keys.write(new TextEncoder().encode(`${line}${end}`));
  }

  /** The program's exit code. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it ended
    }
    await this.#keys.close().catch(() => {});
    await this.ended();
  }

  async #readAll(): Promise<void> {
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += part;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }
}
