/** Below what systems lend to outgoing connections and to whoever asks for any port (Linux from 32768, others from 49152). */
const LOWEST = 20_000, BLOCKS = 120, BLOCK = 100;
const TRIES = 1000;

const ours = claimBlock();
let given = 0;

/**
 * A port of 127.0.0.1 on which nobody listens, and which stays free: a port that the system chose may be lent to somebody's outgoing
 * connection as soon as it is given back, so that who stops cannot listen on it again. Nor is it given to another thread or process,
 * which has a block of its own, or soon to this one.
 */
export function freePort(): number {
  for (let left = BLOCK; left > 0; left--) {
    const port = ours.first + 1 + given++ % (BLOCK - 1);
    const listener = tryListen(port);
    if (listener === null) continue;
    listener.close();
    return port;
  }
  throw new Error(`No free port found on 127.0.0.1 between ${ours.first} and ${ours.first + BLOCK}`);
}

/** A block of ports belongs to whoever listens on its first one. */
function claimBlock(): { readonly first: number; readonly claim: Deno.TcpListener | null } {
  let first = LOWEST;
  for (let left = TRIES; left > 0; left--) {
    first = LOWEST + BLOCK * Math.floor(Math.random() * BLOCKS);
    const claim = tryListen(first);
    if (claim === null) continue;
    claim.unref(); // it keeps nobody running
    return { first, claim };
  }
  return { first, claim: null };
}

function tryListen(port: number): Deno.TcpListener | null {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}
