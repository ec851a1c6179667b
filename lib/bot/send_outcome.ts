import { redact } from "../base/secrets.ts";
import type { Exchange, HeaderValues } from "./http_exchange.ts";
import { ErrorAnswer, parseAnswer, SentAnswer } from "./wire.ts";
import type { SendOutcome } from "./zulip_api.ts";

const DEFAULT_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 3_600_000;

/**
 * What one POST /messages came to. Decides on the HTTP status and `code` only: `msg` is translated to the bot's language.
 * `site` is named where the answer says more about the address than about the recipient.
 */
export function sendOutcome(exchange: Exchange, site: string): SendOutcome {
  if (exchange.kind === "failed") {
    return { outcome: exchange.sent === "no" ? "not_sent" : "unknown", reason: cleanReason(exchange.reason) };
  }
  const { status, headers, text } = exchange;
  if (status === 200) {
    const sent = parseAnswer(SentAnswer, text);
    return sent === null
      ? { outcome: "unknown", reason: "HTTP 200 without a readable message id" }
      : { outcome: "sent", zulipMessageId: String(sent.id) };
  }
  if (status === 429) return { outcome: "rate_limited", retryAfterMs: retryAfterMs(headers, text) };
  const error = parseAnswer(ErrorAnswer, text);
  const msg = error === null ? "" : cleanReason(error.msg);
  if (status === 401) return { outcome: "unauthorized", reason: `HTTP 401${msg && `: ${msg}`}` };
  if (status >= 300 && status < 400) {
    return { outcome: "unauthorized", reason: `${site} redirects elsewhere (HTTP ${status}): check zulip.site` };
  }
  if (status === 407) return { outcome: "not_sent", reason: "the proxy wants credentials (HTTP 407)" };
  if (status === 408 || status < 400 || status >= 500) {
    return { outcome: "unknown", reason: `HTTP ${status}${msg && `: ${msg}`}` };
  }
  // A 4xx cut off in the middle: nobody can tell whose it was, so it is looked up like any other unreadable answer.
  if (text === null) return { outcome: "unknown", reason: `HTTP ${status} with an unreadable answer` };
  if (error === null || error.code === "NONEXISTENT_SUBDOMAIN") {
    const what = error === null ? "answered unlike Zulip" : "has no such organization";
    return { outcome: "unauthorized", reason: `${site} ${what} (HTTP ${status}): check zulip.site` };
  }
  return { outcome: "refused", status, code: error.code ?? "", reason: msg };
}

/** The longer of the body's float `retry-after` and the header; 5 s when neither is a number (an HTML 429 of a proxy). */
export function retryAfterMs(headers: HeaderValues, text: string | null): number {
  const seconds = [Number.parseFloat(headers.get("Retry-After") ?? ""), parseAnswer(ErrorAnswer, text)?.["retry-after"]]
    .filter((value): value is number => value !== undefined && Number.isFinite(value) && value >= 0);
  if (seconds.length === 0) return DEFAULT_RETRY_MS;
  return Math.min(LONGEST_RETRY_MS, Math.ceil(Math.max(...seconds) * 1000));
}

/** A foreign text for logs and the state database: one line, short, without addresses and secrets. */
export function cleanReason(text: string): string {
  return [
    ...redact(text).replace(/[^\s'"<>,;()@]+@[^\s'"<>,;()@]+/g, "<address>").replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim(),
  ]
    .slice(0, 300).join("");
}
