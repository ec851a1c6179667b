import { exists } from "../config/config_file.ts";
import { dirname, resolve } from "node:path";
import { parse } from "ini";
import type { ZulipConfig } from "../config/config.ts";
import { ConfigError } from "../base/errors.ts";
import { registerSecret } from "../base/secrets.ts";

/** What it takes to talk to one Zulip organisation as one bot. `key` is secret. */
export interface Credentials {
  /** Scheme, host and path without a trailing slash: `https://zulip.example.org`. */
  readonly site: string;
  readonly email: string;
  readonly key: string;
  /** PEM texts; `null` when not given. */
  readonly caBundle: string | null;
  readonly clientCert: { readonly cert: string; readonly key: string } | null;
}

/**
 * Site, address and key from the configuration, missing ones from the zuliprc; reads files, so a rotated key is found by calling it again.
 * Throws ConfigError naming the file and the key that is missing or wrong.
 */
export function readCredentials(config: ZulipConfig): Credentials {
  const configured = config.site !== null && config.email !== null &&
    (config.apiKey !== null || config.apiKeyFile !== null);
  const file = config.configFile;
  const rc = file === null || (configured && !isFile(file)) ? {} : parseZuliprc(readText(file, "zuliprc"), file);
  const need = (name: "site" | "email" | "key", setting: string, given: string | null): string => {
    const value = given ?? rc[name] ?? "";
    if (value !== "") return value;
    const where = file === null ? "the configuration" : `section [api] of ${quote(file)}`;
    throw new ConfigError(`Cannot use Zulip: ${setting} is not set and ${where} has no "${name}"`, {
      hint: `Set zulip.${setting} (or ${`ZULIP_${setting}`.toUpperCase()}), or zulip.config_file to the ` +
        `zuliprc that Zulip offers for download under Personal settings > Bots`,
    });
  };
  const key = config.apiKeyFile === null
    ? config.apiKey?.reveal() ?? null
    : readText(config.apiKeyFile, "zulip.api_key_file");
  const site = normalizeSite(need("site", "site", config.site));
  const insecure = rc.insecure ?? "false";
  if (insecure !== "true" && insecure !== "false") {
    throw new ConfigError(`Cannot use ${quote(file ?? "")}: "insecure" must be true or false`);
  }
  if (insecure === "true" && site.startsWith("https:")) {
    throw new ConfigError(`Cannot use ${quote(file ?? "")}: "insecure=true" is not supported`, {
      hint: "Name the certificate of the server's authority in cert_bundle (or DENO_CERT) instead; it stays checked",
    });
  }
  // A path in the zuliprc is beside it, wherever lmsmon is started.
  const beside = (path: string | null) =>
    path === null || file === null || path.startsWith("/dev/") ? path : resolve(dirname(file), path);
  const bundle = nonEmpty(config.certBundle) ?? beside(nonEmpty(rc.cert_bundle));
  const email = need("email", "email", config.email).trim();
  const secret = need("key", "api_key", key).trim();
  registerSecret(secret);
  checkAscii(email, "email");
  checkAscii(secret, "key");
  registerSecret(btoa(`${email}:${secret}`));
  return {
    site,
    email,
    key: secret,
    caBundle: bundle === null ? null : readPem(bundle, "cert_bundle"),
    clientCert: readClientCert(
      nonEmpty(config.clientCert) ?? beside(nonEmpty(rc.client_cert)),
      nonEmpty(config.clientCertKey) ?? beside(nonEmpty(rc.client_cert_key)),
    ),
  };
}

/**
 * Whether systemd copied them when the service started (LoadCredential): a file that is renewed afterwards is another one, and only a
 * restart brings it here.
 */
export const areCopies = ({ configFile, apiKeyFile }: Pick<ZulipConfig, "configFile" | "apiKeyFile">): boolean =>
  [configFile, apiKeyFile].some((path) => path?.startsWith("/run/credentials/") ?? false);

export function sameCredentials(a: Credentials, b: Credentials): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The address Zulip's API hangs on. A site without a scheme is https, on loopback http (as the official client has it);
 * plain http anywhere else is a ConfigError: the key would travel readable, and nginx's redirect would turn POST into GET.
 */
export function normalizeSite(text: string): string {
  const trimmed = text.trim();
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? "" : isLoopback(hostOf(trimmed)) ? "http://" : "https://";
  const url = URL.canParse(scheme + trimmed) ? new URL(scheme + trimmed) : null;
  // The text may hold a password (user:key@host), so an unusable one is not repeated.
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "") {
    throw new ConfigError("Cannot use zulip.site: not an address such as https://zulip.example.org");
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(`Cannot use zulip.site: it holds a user name or password (host ${quote(url.host)})`, {
      hint: "Give the bot's address and key as zulip.email and zulip.api_key, or in the zuliprc",
    });
  }
  if (url.search !== "" || url.hash !== "") {
    throw new ConfigError(`Cannot use zulip.site: it has a query or a fragment (host ${quote(url.host)})`);
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new ConfigError(`Cannot use zulip.site ${quote(`${url.protocol}//${url.host}`)}: http would show the key`, {
      hint: `Use https://${url.host}; plain http is for loopback addresses only`,
    });
  }
  return url.origin + url.pathname.replace(/\/+$/, "").replace(/\/api(\/v1)?$/, "");
}

/** The host of an address without a scheme. */
function hostOf(text: string): string {
  return URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : "";
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** The `[api]` section. Values are taken whole, as Python's configparser does: `ini` alone would cut them at `;` and `#`. */
function parseZuliprc(text: string, file: string): Record<string, string | undefined> {
  if (text.includes("\0")) throw new ConfigError(`Cannot use ${quote(file)}: it is not UTF-8 text`);
  const plain = text.replace(/^\uFEFF/, "").replace(
    /^[^\S\n]*([A-Za-z_]+)[^\S\n]*[=:][^\S\n]*(.*?)[^\S\n]*$/gm,
    (_, name: string, value: string) =>
      `${name.toLowerCase()}=${/^"[^"]*"$|^'[^']*'$/.test(value) ? value : value.replace(/[\\;#]/g, "\\$&")}`,
  );
  const api: unknown = parse(plain).api;
  if (typeof api !== "object" || api === null) {
    throw new ConfigError(`Cannot use ${quote(file)}: it has no section [api]`, {
      hint: "Download the zuliprc of the bot from Zulip: Personal settings > Bots",
    });
  }
  return Object.fromEntries(
    Object.entries(api).filter(([, value]) => typeof value !== "object").map(([name, value]) => [name, String(value)]),
  );
}

function readClientCert(cert: string | null, key: string | null): Credentials["clientCert"] {
  if (cert === null && key === null) return null;
  if (cert === null) throw new ConfigError("Cannot use Zulip: client_cert_key is set without client_cert");
  return {
    cert: readPem(cert, "client_cert"),
    key: readPem(key ?? cert, key === null ? "client_cert" : "client_cert_key"),
  };
}

function readPem(path: string, what: string): string {
  const text = readText(path, what);
  if (text.includes("-----BEGIN ")) return text;
  throw new ConfigError(`Cannot use ${what} ${quote(path)}: it holds no PEM block`);
}

function readText(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : error instanceof Error
      ? error.message
      : String(error);
    // What is no file may be the key, written where the path of its file belongs.
    const named = exists(path) || path.endsWith("zuliprc") ? ` ${quote(path)}` : "";
    throw new ConfigError(`Cannot read ${what}${named}: ${why}`, {
      cause: error,
      hint: what === "zuliprc"
        ? "Set zulip.config_file, or zulip.site, zulip.email and zulip.api_key"
        : `Check ${what}`,
    });
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** An HTTP header takes Latin-1 only; anything beyond is a typing mistake that would otherwise end in an odd TypeError. */
function checkAscii(text: string, name: string): void {
  if (/^[\x21-\x7e]+$/.test(text)) return;
  throw new ConfigError(`Cannot use Zulip: the bot's ${name} holds blanks or characters outside ASCII`);
}

const nonEmpty = (text: string | null | undefined): string | null => text === undefined || text === "" ? null : text;
const quote = (text: string): string => JSON.stringify(text);
