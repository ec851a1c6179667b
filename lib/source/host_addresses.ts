import { lookup } from "node:dns/promises";
import { realpath } from "node:fs/promises";
import { isIP } from "node:net";
import { systemClock } from "../base/clock.ts";

/** A name server that does not answer must not hold a poll up for minutes. */
const PATIENCE_MS = 5_000;

/**
 * What a host of an address stands for, as this machine sees it now: its IP addresses in their usual form, or the real path
 * of a socket. Empty when that cannot be found out.
 */
export async function hostAddresses(host: string): Promise<readonly string[]> {
  const ended = new AbortController();
  try {
    if (host.startsWith("/")) return [await realpath(host)];
    if (isIP(host) !== 0) return [usualForm(host)];
    const late = systemClock.sleep(PATIENCE_MS, ended.signal).then(() => []);
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return [...new Set(found.map(({ address }) => usualForm(address)))];
  } catch {
    return []; // no such name, no name server, no such socket
  } finally {
    ended.abort();
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1, and `0:0:0:0:0:0:0:1` is `::1`. */
function usualForm(address: string): string {
  if (isIP(address) !== 6) return address;
  const short = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address;
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(short);
  if (mapped === null) return short;
  const [high, low] = [parseInt(mapped[1] ?? "", 16), parseInt(mapped[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
