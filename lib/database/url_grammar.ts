import { BadUrl } from "./bad_url.ts";

/** A parameter behind the `?`, as written. */
export interface UrlParameter {
  readonly name: string;
  /** As in the text, for the URL that is printed. */
  readonly raw: string;
  /** Decoded; `null` when there is no `=`. */
  readonly value: string | null;
  /** From 1. */
  readonly place: number;
}

/** The pieces of a database URL. `raw…` as in the text, everything else decoded; `null` for what is not there. */
export interface UrlParts {
  readonly scheme: string;
  readonly user: string | null;
  readonly rawUser: string;
  readonly password: string | null;
  /** Empty text for an empty host; `h1:5432,h2` is two. */
  readonly hosts: readonly { readonly host: string; readonly port: number | null }[];
  readonly rawHosts: string;
  readonly database: string | null;
  readonly rawDatabase: string;
  readonly parameters: readonly UrlParameter[];
}

const ENCODE = "special characters in user and password are written as %XX, or the password goes into password_file";

/**
 * Takes a URL apart as libpq does: `scheme://user:password@host:port,host:port/database?name=value&name=value`, where every
 * piece is percent-encoded and `+` is a plus. Throws BadUrl, alone and early, for all that could be a password with a sign in
 * it that was not encoded: nothing behind such a sign is what it seems to be, so nothing of it may be named.
 */
export function splitUrl(text: string): UrlParts {
  if (/\p{Cc}/u.test(text)) throw new BadUrl(["has a line break or another control character in it"]);
  if (text.includes("#")) throw new BadUrl(["has a # in it; write it as %23, or put the password into password_file"]);
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):(?:\/\/)?(.*)$/i.exec(text) ?? [];
  const [front = "", query] = cut(rest, "?");
  const [authority = "", path] = cut(front, "/");
  const at = authority.lastIndexOf("@");
  const isBroken = path?.includes("@") || path?.includes("/") ||
    at < 0 && !path && query?.includes("@");
  if (isBroken) throw new BadUrl([`is no valid URL; ${ENCODE}`]);
  const [rawUser = "", rawPassword] = at < 0 ? [""] : cut(authority.slice(0, at), ":");
  const rawHosts = authority.slice(at + 1);
  return {
    scheme: scheme.toLowerCase(),
    rawUser,
    user: rawUser === "" ? null : decode(rawUser, "user"),
    password: rawPassword === undefined || rawPassword === "" ? null : decode(rawPassword, "password"),
    hosts: rawHosts.split(",").map(hostOf),
    rawHosts,
    rawDatabase: path ?? "",
    database: path === undefined || path === "" ? null : decode(path, "database"),
    parameters: (query ?? "").split("&").flatMap(parameterOf),
  };
}

/** What stands before and behind the first `sign`; without it there is nothing behind. */
function cut(text: string, sign: string): [string, string?] {
  const place = text.indexOf(sign);
  return place < 0 ? [text] : [text.slice(0, place), text.slice(place + 1)];
}

function decode(raw: string, what: string): string {
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    throw new BadUrl([
      `has a ${what} with a % that is no %XX; write % as %25${what === "password" ? ", or use password_file" : ""}`,
    ]);
  }
  if (/\p{Cc}/u.test(text)) throw new BadUrl([`has a control character in its ${what}`]);
  return text;
}

function hostOf(raw: string): { host: string; port: number | null } {
  const [, bracketed, plain = "", port = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(raw) ??
    noHost();
  return { host: checkedHost(decode(bracketed ?? plain, "host"), bracketed !== undefined), port: portOf(port) };
}

/** A host's name, an address, or the path of a Unix socket (its directory for PostgreSQL); empty stays empty. */
export function checkedHost(host: string, isBracketed = false): string {
  if (host.startsWith("/")) return host.length > 1 ? host.replace(/\/+$/, "") : host;
  if (host === "") return isBracketed ? noHost() : host;
  if (host.includes(":")) return /^[0-9a-f:.]+(?:%[A-Za-z0-9._-]+)?$/i.test(host) ? host : noHost();
  return !isBracketed && /^[\p{L}\p{N}._-]+$/u.test(host) ? host : noHost();
}

/** `null` when there is none. */
export function portOf(text: string): number | null {
  if (text === "") return null;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new BadUrl([`has a port that is no number between 1 and 65535; ${ENCODE}`]);
}

function noHost(): never {
  throw new BadUrl([`has a host that is no name, address or socket; an IPv6 address stands in [ ], and ${ENCODE}`]);
}

function parameterOf(raw: string, index: number): UrlParameter[] {
  if (raw === "") return [];
  const [rawName = "", rawValue] = cut(raw, "=");
  const place = index + 1;
  return [{
    name: decode(rawName, "parameter's name"),
    raw,
    value: rawValue === undefined ? null : decode(rawValue, `value of the ${ordinal(place)} parameter`),
    place,
  }];
}

/** `2nd` */
export function ordinal(place: number): string {
  const ending = place % 100 > 10 && place % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][place % 10] ?? "th";
  return `${place}${ending}`;
}
