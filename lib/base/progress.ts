import type { Clock } from "./clock.ts";
import type { Logger } from "./log.ts";
import { clearStatus, showStatus, stderrIsTerminal } from "./output.ts";

/** Where progress is shown. */
export interface ProgressView {
  /** One line that is drawn over again; `null` where nobody watches. */
  readonly status: ((line: string) => void) | null;
  readonly log: (line: string, data: Record<string, unknown>) => void;
}

/** Nothing is said of what takes less. */
const QUIET_MS = 1000;
const DRAW_MS = 250;
const LOG_MS = 60_000;

/** Begins to show the progress of something. */
export type ShowProgress = (what: string, noun: string) => Progress;

/** A terminal on stderr gets a line that moves, anything else a log line a minute. */
export function progressShower(clock: Pick<Clock, "monotonicMs">, log: Pick<Logger, "info">): ShowProgress {
  const view: ProgressView = {
    status: stderrIsTerminal() ? showStatus : null,
    log: (line, data) => log.info("{progress}", { progress: line, ...data }),
  };
  return (what, noun) => new Progress(what, noun, clock, view);
}

/**
 * Says how far some long work is, whenever the work says so itself: how much is done, how fast, what share, and how long the rest
 * takes. Says nothing within the first second. Disposing of it takes the line away.
 */
export class Progress implements Disposable {
  readonly #startedMs: number;
  #shownMs: number;
  #drawn = false;

  /** @param what `First poll of testpress, exam`; @param noun `row`, in the singular. */
  constructor(
    private readonly what: string,
    private readonly noun: string,
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly view: ProgressView,
  ) {
    this.#startedMs = clock.monotonicMs();
    this.#shownMs = this.#startedMs + (view.status === null ? 0 : QUIET_MS - DRAW_MS);
  }

  /** @param share Of the whole, 0 to 1; `null`: nobody knows. */
  update(done: number, share: number | null): void {
    const now = this.clock.monotonicMs();
    if (now - this.#shownMs < (this.view.status === null ? LOG_MS : DRAW_MS)) return;
    this.#shownMs = now;
    const seconds = (now - this.#startedMs) / 1000;
    const known = share !== null && share > 0 ? Math.min(1, share) : null;
    const rate = done / seconds;
    const leftS = known === null ? null : seconds / known - seconds;
    const line = progressLine(this.what, this.noun, { done, rate, share: known, leftS });
    if (this.view.status === null) {
      this.view.log(line, {
        done,
        ratePerS: Math.round(rate),
        share: known === null ? null : Math.round(known * 1000) / 1000,
        leftS: leftS === null ? null : Math.round(leftS),
      });
    } else {
      this.#drawn = true;
      this.view.status(line);
    }
  }

  [Symbol.dispose](): void {
    if (this.#drawn) clearStatus();
  }
}

interface Reached {
  readonly done: number;
  /** A second. */
  readonly rate: number;
  readonly share: number | null;
  readonly leftS: number | null;
}

/** `First poll of testpress, exam: 12,000 rows, 5,300/s, 30 %, 6 s left`. */
export function progressLine(what: string, noun: string, { done, rate, share, leftS }: Reached): string {
  const parts = [
    `${done.toLocaleString("en")} ${noun}${done === 1 ? "" : "s"}`,
    `${Math.round(rate).toLocaleString("en")}/s`,
    ...(share === null ? [] : [`${Math.floor(share * 100)}%`]),
    ...(leftS === null ? [] : [`${timeText(leftS)} left`]),
  ];
  return `${what}: ${parts.join(", ")}`;
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}
