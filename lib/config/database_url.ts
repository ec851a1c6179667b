import { Secret } from "../ops/secrets.ts";
import { absolute } from "./config_file.ts";

export interface DatabaseUrl {
  /** Without password; `postgres:`, `mysql:` or `pglite:/absolute/dir`. Safe to print. */
  readonly url: string;
  readonly password: Secret | null;
}

/** Why a URL cannot be used; never quotes it, since it may hold a password. */
export class BadUrl extends Error {}

const DIALECTS: Readonly<Record<string, "postgres" | "mysql" | "pglite">> = {
  "postgres:": "postgres",
  "postgresql:": "postgres",
  "mysql:": "mysql",
  "mariadb:": "mysql",
  "pglite:": "pglite",
};

/** Reads a database URL: takes the password out of it, makes paths absolute (relative to `base`). Throws BadUrl. */
export function parseDatabaseUrl(
  text: string,
  allowed: readonly ("postgres" | "mysql" | "pglite")[],
  base: string,
  home: string | null,
): DatabaseUrl {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0].toLowerCase() ?? "";
  const dialect = DIALECTS[scheme];
  if (dialect === undefined || !allowed.includes(dialect)) {
    throw new BadUrl(
      `must begin with ${allowed.map((name) => name === "pglite" ? "pglite:" : `${name}://`).join(" or ")}`,
    );
  }
  if (dialect === "pglite") return { url: pgliteUrl(text, base, home), password: null };
  const url = parseUrl(text);
  url.protocol = `${dialect}:`;
  let password = decoded(url.password);
  url.password = "";
  for (const name of ["password", "pass", "pwd"]) {
    const value = url.searchParams.get(name);
    if (value === null) continue;
    password ??= value;
    url.searchParams.delete(name);
  }
  return { url: url.href, password: password === null ? null : new Secret(password) };
}

function pgliteUrl(text: string, base: string, home: string | null): string {
  const path = text.slice("pglite:".length).replace(/^\/\//, "");
  if (path.trim() === "") throw new BadUrl("names no directory; write pglite:./lmsmon-state");
  return `pglite:${absolute(path, base, home)}`;
}

function parseUrl(text: string): URL {
  if (text.includes("#")) throw new BadUrl("has a # in it; write it as %23, or put the password into password_file");
  // Only with "//" does URL see user, host and port.
  const generic = text.replace(/^[a-z]+:(?:\/\/)?/i, (scheme) => scheme.endsWith("//") ? scheme : `${scheme}//`);
  let url: URL;
  try {
    url = new URL(generic);
  } catch {
    throw new BadUrl(
      "is no valid URL; special characters in user and password are written as %XX (or use password_file)",
    );
  }
  if (/^\/?$/.test(url.pathname)) throw new BadUrl("names no database; it goes after the host: …/NAME");
  return url;
}

function decoded(text: string): string | null {
  if (text === "") return null;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadUrl("has a password with a % that is no %XX; write % as %25, or use password_file");
  }
}

/** True when both URLs (as `parseDatabaseUrl` gives them) mean the same database on the same server (P3). */
export function isSameDatabase(a: string, b: string): boolean {
  const [one, other] = [place(a), place(b)];
  return one !== "" && one === other;
}

function place(text: string): string {
  if (text.startsWith("pglite:")) return text.replace(/\/+$/, "");
  const url = URL.parse(text);
  if (url === null) return "";
  const params = url.searchParams;
  const host = (url.hostname || params.get("host") || "localhost").toLowerCase().replace(/\.$/, "");
  const port = url.port || params.get("port") || (url.protocol === "mysql:" ? "3306" : "5432");
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|::1|%2f.*|\/.*)$/.test(host);
  return [url.protocol, isLoopback ? "localhost" : host, port, decodeURIComponent(url.pathname.slice(1))].join(" ");
}
