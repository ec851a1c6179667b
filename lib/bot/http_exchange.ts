/** Values of an answer's headers, by any spelling of their names. */
export type HeaderValues = Pick<Headers, "get">;

/** What came of one HTTP request. */
export type Exchange =
  /** `text` is `null` when the answer's body was cut off, too long or too slow. */
  | { readonly kind: "answered"; readonly status: number; readonly headers: HeaderValues; readonly text: string | null }
  /** `sent: "no"`: it never left; `"maybe"`: the server may have acted on it. */
  | { readonly kind: "failed"; readonly sent: "no" | "maybe"; readonly reason: string };

export class TimedOut extends Error {}
export class Stopped extends Error {}

/**
 * Whether a request that ended in an exception may have reached the server. Only what fails while connecting surely did
 * not: hyper says `client error (Connect)` for DNS, refused connections, TLS handshakes and proxy tunnels, all before the
 * first byte of the request. Everything else is "maybe", also a time limit that ended while connecting: fetch does not say how
 * far it came. tests/bot/http_test.ts holds it against servers that end in all these ways.
 */
export function transportFailure(error: unknown, timeoutMs: number): Exchange {
  if (error instanceof TimedOut) {
    return { kind: "failed", sent: "maybe", reason: `no whole answer within ${timeoutMs / 1000} s` };
  }
  if (error instanceof Stopped) {
    return { kind: "failed", sent: "maybe", reason: "stopped while waiting for the answer" };
  }
  const detail = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  const connect = /client error \(Connect\)(?:: )?(.*)/s.exec(detail);
  if (connect !== null) return { kind: "failed", sent: "no", reason: `cannot connect: ${connect[1] || "no detail"}` };
  if (/Requests to port \d+ are blocked/.test(detail)) {
    return { kind: "failed", sent: "no", reason: "cannot connect: Deno blocks this port" };
  }
  if (error instanceof Deno.errors.NotCapable) {
    return { kind: "failed", sent: "no", reason: "this program may not use the network" };
  }
  const after = /client error \(\w+\)(?:: )?(.*)/s.exec(detail);
  return { kind: "failed", sent: "maybe", reason: `connection failed: ${after?.[1] || "no detail"}` };
}
