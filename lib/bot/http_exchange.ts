import { daysFromCivil } from "../model/time.ts";

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

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FORM = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;

/** Seconds since 1970 of an HTTP `Date` header (RFC 9110), `null` when there is none or it is something else. */
export function httpDateS(header: string | null): number | null {
  const found = FORM.exec(header ?? "");
  if (found === null) return null;
  const [, day = "", month = "", year = "", hour = "", minute = "", second = ""] = found;
  const monthNumber = MONTHS.indexOf(month) + 1;
  if (monthNumber === 0) return null;
  const days = daysFromCivil(Number(year), monthNumber, Number(day));
  return days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
}
