/** Below what systems lend to outgoing connections and to whoever asks for any port (Linux from 32768, others from 49152). */
const LOWEST = 20_000, HIGHEST = 32_000;
const TRIES = 100;

/**
 * A port of 127.0.0.1 on which nobody listens, and which stays free: a port that the system chose may be lent to somebody's outgoing
 * connection as soon as it is given back, so that who stops cannot listen on it again.
 */
export function freePort(): number {
  for (let left = TRIES; left > 0; left--) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`No free port found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}
