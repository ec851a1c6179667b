import { join, resolve } from "node:path";
import { Secret } from "../base/secrets.ts";
import { BadUrl } from "./bad_url.ts";
import { addressLabel, type DatabaseAddress, isSameAddress } from "./database_address.ts";
import { choiceOf, oneOf, type ReadParameters, readParameters, valueOf } from "./read_parameters.ts";
import { readTlsWish, type TlsWish } from "./tls_words.ts";
import { splitUrl, type UrlParts } from "./url_grammar.ts";
import { readHosts, type TargetHost } from "./url_hosts.ts";
import { type Dialect, findParameter, type KnownParameter, parametersOf } from "./url_parameters.ts";

export type SessionAttrs = "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby";
const SESSION_ATTRS = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;

/** A database on a server and how to get in, as the URL says it. */
export interface DatabaseTarget {
  readonly address: DatabaseAddress;
  /** `address.hosts` with what else is needed to connect; at least one, and on MySQL one. */
  readonly hosts: readonly TargetHost[];
  readonly user: string | null;
  readonly tls: TlsWish;
  /** PostgreSQL's schemas in the order in which a table is looked for; none: the role's own. */
  readonly schemas: readonly string[];
  readonly sessionAttrs: SessionAttrs;
  readonly loadBalance: boolean;
  readonly connectTimeoutS: number | null;
  readonly applicationName: string | null;
  /** Options of the server's command line, `-c name=value`. */
  readonly options: string | null;
  /** False for poolers that share connections between transactions. */
  readonly prepare: boolean;
  /** For errors: `db.example.org:5432/lms`. */
  readonly label: string;
}

export interface DatabaseUrl {
  /** Without any secret; `postgres:`, `mysql:` or `pglite:/absolute/dir`, files absolute. Safe to print, and reads the same. */
  readonly url: string;
  readonly password: Secret | null;
  /** Opens the client's key (`sslpassword`). */
  readonly keyPassword: Secret | null;
  /** `null` for `pglite:`. */
  readonly target: DatabaseTarget | null;
}

export interface UrlPlace {
  /** Whose URL it is: some words and defaults belong to one of them. */
  readonly part: "lms" | "state";
  /** Where relative paths begin; absent: they stay as they are. */
  readonly base?: string;
  readonly home?: string | null;
}

const SCHEMES: Readonly<Record<string, Dialect | "pglite">> = {
  postgres: "postgres",
  postgresql: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  pglite: "pglite",
};

/** Reads `lms.url` or `state.url`. A pure value out of text: no file is looked at. Throws BadUrl with every problem. */
export function parseDatabaseUrl(text: string, place: UrlPlace): DatabaseUrl {
  const allowed = place.part === "lms" ? ["postgres", "mysql", "pglite"] as const : ["postgres", "pglite"] as const;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? "";
  const dialect = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (dialect === undefined || !allowed.some((name) => name === dialect)) {
    const beginnings = allowed.map((name) => name === "pglite" ? "pglite:" : `${name}://`);
    throw new BadUrl([`must begin with ${beginnings.join(" or ")}`]);
  }
  if (dialect === "pglite") return { url: pgliteUrl(text, place), password: null, keyPassword: null, target: null };
  return serverUrl(dialect, splitUrl(text), place);
}

function pgliteUrl(text: string, place: UrlPlace): string {
  const path = text.slice("pglite:".length).replace(/^\/\//, "");
  if (path.trim() === "") throw new BadUrl(["names no directory; write pglite:./lmsmon-state"]);
  // It would be a directory of that name: another state than the one that was meant, and an empty one.
  if (/\?[\w-]+=/.test(path)) {
    throw new BadUrl(['has parameters behind a "?", and an embedded database takes none; write pglite:./lmsmon-state']);
  }
  return `pglite:${absolute(path, place)}`;
}

function serverUrl(dialect: Dialect, parts: UrlParts, place: UrlPlace): DatabaseUrl {
  const known = parametersOf(dialect, place.part);
  const problems: string[] = [];
  const parameters = readParameters(parts.parameters, known, problems);
  // Before anything else can go wrong: from here on they are replaced wherever they turn up.
  const [frontPassword, password, keyPassword] = [
    parts.password,
    valueOf(parameters, "password") || null,
    valueOf(parameters, "sslpassword") || null,
  ].map((secret) => secret === null ? null : new Secret(secret));
  for (const { name, value } of parts.parameters) {
    if (value && findParameter(name, known)?.isSecret) new Secret(value); // also of one that is given twice
  }
  if (frontPassword && password) problems.push("has two passwords; keep one of them");
  const fallbackHost = place.part === "lms" ? "127.0.0.1" : "localhost";
  const hosts = readHosts(dialect, parts, parameters, fallbackHost, problems);
  const database = oneOf(parts.database, valueOf(parameters, "dbname"), "database", problems) ?? "";
  if (database === "") problems.push("names no database; it goes after the host: …/NAME");
  const address = { dialect, hosts: hosts.map(({ host, port }) => ({ host, port })), database };
  const tls = readTls(parameters, address, place, keyPassword !== null, problems);
  const target: DatabaseTarget = {
    address,
    hosts,
    user: oneOf(parts.user, valueOf(parameters, "user"), "user", problems),
    tls,
    schemas: readSchemas(parameters, problems),
    sessionAttrs: choiceOf(parameters, "target_session_attrs", SESSION_ATTRS, null, problems) ??
      // A state that cannot be written is of no use, so among several servers the one that can be is looked for.
      (place.part === "state" && hosts.length > 1 ? "read-write" : "any"),
    loadBalance: choiceOf(parameters, "load_balance_hosts", ["disable", "random"], "disable", problems) === "random",
    connectTimeoutS: readSeconds(parameters, "connect_timeout", problems),
    applicationName: valueOf(parameters, "application_name") ?? valueOf(parameters, "fallback_application_name"),
    options: valueOf(parameters, "options"),
    prepare: choiceOf(parameters, "prepare", ["true", "false"], "true", problems) === "true",
    label: addressLabel(address),
  };
  if (problems.length > 0) throw new BadUrl([...new Set(problems)]);
  return {
    url: printableUrl(dialect, parts, known, place),
    password: frontPassword ?? password ?? null,
    keyPassword: keyPassword ?? null,
    target,
  };
}

function readTls(
  parameters: ReadParameters,
  address: DatabaseAddress,
  place: UrlPlace,
  hasKeyPassword: boolean,
  problems: string[],
): TlsWish {
  const words = ["sslmode", "ssl", "tls"].flatMap((name) => parameters.get(name) ?? []);
  const file = (name: string) => {
    const path = valueOf(parameters, name);
    return path === null || name === "sslrootcert" && path === "system" ? path : absolute(path, place);
  };
  const said = { words, ca: file("sslrootcert"), cert: file("sslcert"), key: file("sslkey"), hasKeyPassword };
  return readTlsWish(said, address, place.part, problems);
}

function readSchemas(parameters: ReadParameters, problems: string[]): readonly string[] {
  const text = oneOfTwo(valueOf(parameters, "schema"), valueOf(parameters, "search_path"), problems);
  if (text === null) return [];
  const schemas = schemasOf(text);
  if (schemas === null) problems.push("has a list of schemas that is none; write schema=a,b");
  return schemas ?? [];
}

function oneOfTwo(schema: string | null, searchPath: string | null, problems: string[]): string | null {
  if (schema !== null && searchPath !== null && schema !== searchPath) {
    problems.push("names schemas in schema and others in search_path; keep one of them");
  }
  return schema ?? searchPath;
}

function readSeconds(parameters: ReadParameters, name: string, problems: string[]): number | null {
  const value = valueOf(parameters, name);
  if (value === null) return null;
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  problems.push(`has a value of ${name} that is no whole number of seconds, at least 1`);
  return null;
}

/** The URL as written, without secrets and with absolute paths. */
function printableUrl(dialect: Dialect, parts: UrlParts, known: readonly KnownParameter[], place: UrlPlace): string {
  const parameters = parts.parameters.flatMap(({ name, raw, value }) => {
    const parameter = findParameter(name, known);
    if (parameter?.isSecret) return [];
    if (!parameter?.isFile || value === null || value === "system") return [raw];
    const path = absolute(value, place);
    return [path === value ? raw : `${name}=${encodeURIComponent(path).replaceAll("%2F", "/")}`];
  });
  const user = parts.rawUser === "" ? "" : `${parts.rawUser}@`;
  const database = parts.rawDatabase === "" && parts.database === null ? "" : `/${parts.rawDatabase}`;
  return `${dialect}://${user}${parts.rawHosts}${database}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
}

function absolute(path: string, { base, home }: UrlPlace): string {
  if (home && (path === "~" || path.startsWith("~/"))) return join(home, path.slice(1));
  return base === undefined ? path : resolve(base, path);
}

/** True when both URLs (as `parseDatabaseUrl` gives them) may mean the same database: the state never goes into the LMS. */
export function isSameDatabase(a: DatabaseUrl, b: DatabaseUrl): boolean {
  if (a.target === null || b.target === null) {
    return a.target === b.target && a.url.replace(/\/+$/, "") === b.url.replace(/\/+$/, "");
  }
  return isSameAddress(everyWay(a.target), everyWay(b.target));
}

/** With the addresses that hosts are connected to in place of their names. */
function everyWay({ address, hosts }: DatabaseTarget): DatabaseAddress {
  const numbers = hosts.flatMap(({ hostaddr, port }) => hostaddr === null ? [] : [{ host: hostaddr, port }]);
  return { ...address, hosts: [...address.hosts, ...numbers] };
}

/**
 * `a,"b,c"` as the names a and b,c. Letters keep their case, as in Prisma's `schema=`; quotes are only needed around a comma.
 * `null` when it is no such list.
 */
export function schemasOf(text: string): string[] | null {
  const names: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")+)"|([^",]+))\s*(,|$)/y;
  for (let separator = ","; separator === ",";) {
    const [, quoted, plain = "", end = ""] = item.exec(text) ?? [];
    const name = quoted?.replaceAll('""', '"') ?? plain.trim();
    if (name === "") return null;
    names.push(name);
    separator = end;
  }
  return item.lastIndex === 0 || item.lastIndex === text.length ? names : null;
}
