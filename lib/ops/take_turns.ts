import { setImmediate } from "node:timers/promises";

/**
 * Lets whatever waits on the event loop run. Long loops of pure work call it now and then: else an answer of a database waits for
 * their end, and the database for the next question.
 */
export function takeTurns(): Promise<void> {
  return setImmediate();
}
