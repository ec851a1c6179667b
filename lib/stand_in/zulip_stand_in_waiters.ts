/** Somebody who waits for a message or a request that is yet to come. */
export interface Waiter<T> {
  readonly test: (value: T) => boolean;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** The next value that satisfies `test`; rejects after `timeoutMs`. */
export function waitFor<T>(
  waiters: Set<Waiter<T>>,
  test: (value: T) => boolean,
  timeoutMs: number,
  what: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(timer);
      waiters.delete(waiter);
    };
    const timer = setTimeout(() => waiter.reject(new Error(`No such ${what} came within ${timeoutMs} ms`)), timeoutMs);
    const waiter: Waiter<T> = {
      test,
      resolve: (value) => {
        finish();
        resolve(value);
      },
      reject: (error) => {
        finish();
        reject(error);
      },
    };
    waiters.add(waiter);
  });
}

/** Hands `value` to everybody who waits for it. */
export function settle<T>(waiters: Set<Waiter<T>>, value: T): void {
  if (waiters.size === 0) return;
  for (const waiter of [...waiters]) if (waiter.test(value)) waiter.resolve(value);
}
