import type { Clock } from "./clock.ts";
import { StoppedError } from "./errors.ts";
import { ExitCode } from "./exit_codes.ts";

const CODES = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;
type StopSignal = keyof typeof CODES;

/**
 * The first SIGINT or SIGTERM aborts `soft`: finish the work in hand, start nothing new. The second aborts `hard` and ends
 * the process at once through `exit`. SIGHUP ends no work: a closed terminal must not, and `watch` reads its configuration again.
 * `using` removes the handlers.
 */
export class Shutdown implements Disposable {
  readonly #soft = new AbortController();
  readonly #hard = new AbortController();
  readonly #handlers: [StopSignal | "SIGHUP", () => void][] = [];
  readonly soft: AbortSignal = this.#soft.signal;
  readonly hard: AbortSignal = this.#hard.signal;

  constructor(
    private readonly exit: (code: ExitCode) => void,
    private readonly onFirst: (signal: string) => void = () => {},
    private readonly onHangUp: () => void = () => {},
    /** What being stopped means for this command; `undefined`: what was done is kept. */
    private readonly stopHint?: string,
  ) {}

  /** Starts listening; apart from the constructor so that tests can call `receive` without real signals. */
  listen(): this {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const handler = () => signal === "SIGHUP" ? this.onHangUp() : this.receive(signal);
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
      this.#soft.abort(new StoppedError(signal, this.stopHint === undefined ? {} : { hint: this.stopHint }));
      return;
    }
    this.#hard.abort(new DOMException(`Stopped by a second signal (${signal})`, "AbortError"));
    this.exit(CODES[signal]);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers.splice(0)) Deno.removeSignalListener(signal, handler);
  }
}

/** From the first signal on: how long what is in hand may go on, and how long after that it may take to notice. */
const FINISH_MS = 5_000;
const NOTICE_MS = 1_500;

/** Resolves when it is too late to wait any longer, or `ended` aborts; tells `late` before. */
export async function untilLate(
  soft: AbortSignal,
  late: AbortController,
  ended: AbortSignal,
  clock: Pick<Clock, "sleep">,
): Promise<void> {
  await untilAborted(soft, ended);
  await clock.sleep(FINISH_MS, ended);
  if (ended.aborted) return;
  late.abort(new DOMException("Stopped before the work in hand was done", "AbortError"));
  await clock.sleep(NOTICE_MS, ended);
}

/** Resolves when one of them is. */
export async function untilAborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
