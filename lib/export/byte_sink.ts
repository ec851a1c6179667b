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
  /** Ids of the erasures among the lines, where there are some. */
  readonly erasures?: readonly string[];
}

/** Hears now and then how many lines there are, and the id of the last event among them. */
export type OnWay = (lines: number, last: string) => void;

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
