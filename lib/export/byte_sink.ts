/** Where exported bytes go. */
export interface ByteSink {
  /** Resolves when the bytes were taken; the caller may then reuse the memory. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What an export did. Event ids are decimal text; `null` when nothing was exported. */
export interface Exported {
  readonly lines: number;
  readonly first: string | null;
  readonly last: string | null;
}

/** The event id at the start of a line, as the view writes it. */
export function eventIdOf(line: string): string {
  const found = /^\{"schema":1,"event_id":"?(-?\d+)/.exec(line)?.[1];
  if (found === undefined) throw new TypeError("Cannot read an exported line: it does not begin with its event id");
  return found;
}

/** Waits for `work`, but no longer than until the signal aborts; then throws its reason. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  work.catch(() => {});
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
