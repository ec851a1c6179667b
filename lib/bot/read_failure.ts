import { ZulipError } from "../base/errors.ts";
import type { Exchange, HeaderValues } from "./http_exchange.ts";
import { USE_GENERIC_BOT } from "./bot_kind.ts";
import { cleanReason, retryAfterMs } from "./send_outcome.ts";
import { ErrorAnswer, parseAnswer } from "./wire.ts";
import type { RateLimit } from "./zulip_api.ts";

/**
 * What a reading call throws when it got no usable answer: names the site, the status and the remedy. `copied`: the credentials are what
 * systemd copied for the service.
 */
export function readFailure(path: string, exchange: Exchange, site: string, copied = false): ZulipError {
  const what = `Cannot read ${path.replace(/^users\/\d+$/, "users/…")} from Zulip at ${site}`;
  if (exchange.kind === "failed") {
    return new ZulipError("unreachable", `${what}: ${cleanReason(exchange.reason)}`, {
      hint: connectionHint(exchange.reason, site),
    });
  }
  const { status, headers, text } = exchange;
  const error = parseAnswer(ErrorAnswer, text);
  const said = `HTTP ${status}${error === null || error.msg === "" ? "" : `: ${cleanReason(error.msg)}`}`;
  if (status === 401 && /incoming webhook/i.test(said)) {
    return new ZulipError("refused", `${what}: the key is an incoming webhook bot's, which may only send (${said})`, {
      hint: USE_GENERIC_BOT,
    });
  }
  if (status === 401) {
    return new ZulipError("refused", `${what}: the bot's address or key was refused (${said})`, {
      hint: "Check the zuliprc (email, key, site); a bot is deactivated together with its owner" +
        (copied ? "; once it is right, restart the service: systemd copied the file when it started" : ""),
    });
  }
  if (status === 429) {
    const waitMs = retryAfterMs(headers, text);
    return new ZulipError("failed", `${what}: rate limit, free again in ${Math.ceil(waitMs / 1000)} s`, {
      hint: "Try again later, or raise the bot's rate limit on the server",
      retryAfterMs: waitMs,
    });
  }
  if (status >= 300 && status < 400) {
    return new ZulipError("refused", `${what}: it redirects elsewhere (${said})`, {
      hint: "Set zulip.site to the address that the browser shows for this organization, with https",
    });
  }
  if (status >= 500 || status === 408) return new ZulipError("unreachable", `${what}: ${said}`);
  if (status < 300 && text === null) {
    return new ZulipError("unreachable", `${what}: the answer broke off, or is longer than any of Zulip`);
  }
  // server_settings takes no parameters: a 4xx is about the address ("Invalid subdomain", which older servers call BAD_REQUEST).
  const noSuchOrganization = path === "server_settings" && status >= 400;
  if (error === null || error.code === "NONEXISTENT_SUBDOMAIN" || noSuchOrganization) {
    return new ZulipError("refused", `${what}: this is no Zulip organization (${said})`, {
      hint: "Check zulip.site: the organization's own address, without a path" +
        (site.startsWith("http:")
          ? `; if the server speaks TLS only, write https://${site.slice("http://".length)}`
          : ""),
    });
  }
  return new ZulipError("failed", `${what}: ${said}`);
}

/** The X-RateLimit-* headers; `null` when any of them is missing or no number. */
export function rateLimitOf(headers: HeaderValues): RateLimit | null {
  const [limit, remaining, resetS] = ["Limit", "Remaining", "Reset"]
    .map((name) => Number.parseFloat(headers.get(`X-RateLimit-${name}`) ?? ""));
  if (!Number.isFinite(limit) || !Number.isFinite(remaining) || !Number.isFinite(resetS)) return null;
  return { limit: limit ?? 0, remaining: remaining ?? 0, resetS: resetS ?? 0 };
}

/** What to do when no answer came, by what the platform says of it. */
function connectionHint(reason: string, site: string): string {
  if (/expired/i.test(reason)) {
    return "Renew the certificate of the Zulip server, it has expired; if it has not, set this machine's clock";
  }
  if (/NotValidYet/i.test(reason)) return "The certificate is not valid yet: check this machine's clock";
  if (/NotValidForName|not valid for name/i.test(reason)) {
    return "The certificate is another name's: write in zulip.site a name that it holds";
  }
  if (/UnknownIssuer|SelfSigned|self.signed|CaUsedAsEndEntity|invalid peer certificate/i.test(reason)) {
    return "Name the certificate of the server's authority (of a self-signed server: its own): cert_bundle=FILE in the " +
      "zuliprc, beside which a relative path is, or the variable DENO_CERT";
  }
  const host = site.replace(/^https?:\/\//, "");
  if (site.startsWith("http:")) {
    return `Check that the server runs and zulip.site; if it speaks TLS only, write https://${host}`;
  }
  if (/InvalidContentType|InvalidMessage|corrupt message/i.test(reason)) {
    return "The server speaks no TLS at this address: check host and port of zulip.site";
  }
  return "Check zulip.site, the network and the proxy";
}
