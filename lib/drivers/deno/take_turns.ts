/*
 * Fault: Deno looks at its sockets when it has nothing else to do, or at every 61st task (tokio's event_interval):
 *   after setImmediate an answer lay unread for 30 ms at a time, a third of a first pass.
 * Seen in: Deno 2.9.6.
 * Upstream: none known.
 * Delete when: a first pass over 100,000 rows takes no longer with setImmediate in its place.
 */

/** Rows worked on without a break: two milliseconds or so. */
const ROWS_A_TURN = 200;

/** Whether a loop over rows should take a break before row `i`. */
export const turnIsOver = (i: number): boolean => i % ROWS_A_TURN === ROWS_A_TURN - 1;

const NOTHING = new Uint8Array();

/**
 * Lets whatever waits on the event loop run, sockets too. Long loops of pure work call it now and then: else an answer of a database
 * waits for their end, and the database for the next question.
 * Waiting for another thread, with something that costs 0.1 ms, makes Deno look at its sockets at once.
 */
export async function takeTurns(): Promise<void> {
  await crypto.subtle.digest("SHA-1", NOTHING);
}
