import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { LmsConfig } from "../config/config.ts";
import { ConfigError } from "../ops/errors.ts";

export type TlsMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** Where the LMS is and how to get in, out of `lms.url`. */
export interface LmsAddress {
  readonly dialect: "postgres" | "mysql";
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Revealed here and handed to the driver only. */
  readonly password: string | null;
  readonly tls: { readonly mode: TlsMode; readonly ca: string | null };
  /** PostgreSQL schema, from `?schema=` (Prisma's spelling) or `?search_path=`. */
  readonly schema: string | null;
  /** For errors: `db.example.org:5432/lms`. */
  readonly label: string;
}

const MODES: Readonly<Record<string, TlsMode>> = {
  "disable": "disable",
  "disabled": "disable",
  "false": "disable",
  "0": "disable",
  "allow": "prefer",
  "prefer": "prefer",
  "preferred": "prefer",
  "require": "require",
  "required": "require",
  "true": "require",
  "1": "require",
  "no-verify": "require",
  "verify-ca": "verify-ca",
  "verify_ca": "verify-ca",
  "verify-full": "verify-full",
  "verify_identity": "verify-full",
  "verify-identity": "verify-full",
};

/** Throws ConfigError when the URL cannot be used. */
export function lmsAddress(config: LmsConfig): LmsAddress {
  const scheme = /^([a-z]+):/.exec(config.url)?.[1] ?? "";
  const dialect = ["postgres", "postgresql"].includes(scheme)
    ? "postgres"
    : ["mysql", "mariadb"].includes(scheme)
    ? "mysql"
    : null;
  if (dialect === null) {
    throw new ConfigError(`Cannot use lms.url: unknown scheme "${scheme}"`, {
      hint: "Write postgres://user@host:5432/database or mysql://user@host:3306/database",
    });
  }
  let url: URL;
  try {
    url = new URL(config.url);
  } catch {
    throw new ConfigError("Cannot use lms.url: it is no URL", {
      hint: "Percent-encode signs such as @ : / # in the user name or password, or use lms.password_file",
    });
  }
  const parameter = (...names: string[]) => names.map((n) => url.searchParams.get(n)).find((v) => v !== null) ?? null;
  const host = decodeURIComponent(url.hostname.replace(/^\[|\]$/g, "")) || parameter("host", "socket") || "127.0.0.1";
  const port = Number(url.port || (dialect === "postgres" ? 5432 : 3306));
  const database = decodeURIComponent(url.pathname.replace(/^\//, ""));
  if (database === "") {
    throw new ConfigError("Cannot use lms.url: it names no database", {
      hint: `Write ${scheme}://${url.username || "user"}@${host}:${port}/DATABASE`,
    });
  }
  const transport = tls(
    host,
    parameter("sslmode", "ssl-mode", "ssl_mode", "ssl"),
    parameter("sslrootcert", "ssl-ca", "ssl_ca"),
  );
  if (dialect === "mysql" && transport.mode === "verify-full" && isIP(host) !== 0) {
    // mysql2 compares names only, and would take any certificate of the same authority without a word.
    throw new ConfigError(`Cannot use lms.url: verify-full needs a host name, and "${host}" is an address`, {
      hint: "Write the name that the server's certificate holds, or use verify-ca",
    });
  }
  const password = config.password?.reveal() ?? (url.password === "" ? null : decodeURIComponent(url.password));
  return {
    dialect,
    host,
    port,
    database,
    user: decodeURIComponent(url.username) || parameter("user") || (dialect === "postgres" ? "postgres" : "root"),
    password,
    tls: transport,
    schema: dialect === "postgres" ? parameter("schema", "search_path") : null,
    label: host.startsWith("/")
      ? `${host}/${database}`
      : `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`,
  };
}

function tls(host: string, mode: string | null, caFile: string | null): LmsAddress["tls"] {
  let ca: string | null = null;
  if (caFile !== null && caFile !== "system") {
    try {
      ca = readFileSync(caFile, "utf8");
    } catch (cause) {
      throw new ConfigError(`Cannot read the certificate file "${caFile}" of lms.url`, { cause });
    }
  }
  if (mode === null) {
    // On this very machine nobody listens in between; elsewhere TLS is taken where the server offers it.
    const local = host.startsWith("/") || host === "localhost" || host === "::1" || host.startsWith("127.");
    return { mode: caFile !== null ? "verify-full" : local ? "disable" : "prefer", ca };
  }
  // mysql2's own spelling: ssl={"rejectUnauthorized":true}
  const known = mode.startsWith("{")
    ? (/"rejectUnauthorized"\s*:\s*false/.test(mode) ? "require" : "verify-full")
    : MODES[mode.toLowerCase()];
  if (known === undefined) {
    throw new ConfigError(`Cannot use lms.url: unknown TLS mode "${mode}"`, {
      hint: "One of disable, prefer, require, verify-ca, verify-full",
    });
  }
  return { mode: known, ca };
}
