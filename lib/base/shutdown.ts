import { ExitCode } from "./exit_codes.ts";

const CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;
type StopSignal = keyof typeof CODES;

/**
 * The first SIGINT or SIGTERM aborts `soft`: finish the round in hand, start nothing new. The second aborts `hard` and ends
 * the process at once through `exit`. `using` removes the handlers.
 */
export class Shutdown implements Disposable {
  readonly #soft = new AbortController();
  readonly #hard = new AbortController();
  readonly #handlers: [StopSignal, () => void][] = [];
  readonly soft: AbortSignal = this.#soft.signal;
  readonly hard: AbortSignal = this.#hard.signal;

  constructor(
    private readonly exit: (code: ExitCode) => void,
    private readonly onFirst: (signal: string) => void = () => {},
  ) {}

  /** Starts listening; apart from the constructor so that tests can call `receive` without real signals. */
  listen(): this {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const handler = () => this.receive(signal);
      try {
        Deno.addSignalListener(signal, handler);
        this.#handlers.push([signal, handler]);
      } catch {
        // Windows has no SIGTERM; Ctrl-C still works there.
      }
    }
    return this;
  }

  receive(signal: StopSignal): void {
    if (!this.#soft.signal.aborted) {
      this.onFirst(signal);
      this.#soft.abort(new DOMException(`Stopped by ${signal}`, "AbortError"));
      return;
    }
    this.#hard.abort(new DOMException(`Stopped by a second signal (${signal})`, "AbortError"));
    this.exit(CODES[signal]);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers.splice(0)) Deno.removeSignalListener(signal, handler);
  }
}
