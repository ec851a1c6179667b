import { readFileSync } from "node:fs";
import type postgres from "postgres";
import { ConfigError } from "../ops/errors.ts";

export type ServerOptions = Pick<
  postgres.Options<Record<string, postgres.PostgresType>>,
  "host" | "port" | "path" | "database" | "user" | "ssl" | "prepare"
>;

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/**
 * What a `postgres://` URL of libpq's kind says, without the password. Takes `sslmode` (default `prefer`), `sslrootcert`,
 * `sslcert`, `sslkey`, `host` (a directory: a Unix socket) and `prepare=false` (for poolers that share connections
 * between transactions); the driver would pass what it does not know on to the server, which refuses it.
 */
export function readServerUrl(text: string): ServerOptions {
  const url = new URL(text);
  const parameters = url.searchParams;
  const host = parameters.get("host") ?? decodeURIComponent(url.hostname);
  const port = Number(url.port || parameters.get("port") || 5432);
  const isSocket = host.startsWith("/");
  return {
    host: isSocket ? "localhost" : host.replace(/^\[|\]$/g, "") || "localhost",
    port,
    ...(isSocket ? { path: `${host}/.s.PGSQL.${port}` } : {}),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.username === "" ? {} : { user: decodeURIComponent(url.username) }),
    ssl: isSocket ? false : sslOf(parameters),
    prepare: parameters.get("prepare") !== "false",
  };
}

function sslOf(parameters: URLSearchParams): NonNullable<ServerOptions["ssl"]> {
  const mode = parameters.get("sslmode") ?? (parameters.has("sslrootcert") ? "verify-full" : "prefer");
  if (!SSL_MODES.includes(mode)) {
    throw new ConfigError(`Cannot use state.url: unknown sslmode "${mode}"`, {
      hint: `one of ${SSL_MODES.join(", ")}`,
    });
  }
  if (mode === "disable") return false;
  const root = parameters.get("sslrootcert");
  const verifies = mode.startsWith("verify-") || (root !== null && mode !== "prefer" && mode !== "allow");
  const files = {
    ...(root === null || root === "system" ? {} : { ca: read("sslrootcert", root) }),
    ...(parameters.has("sslcert") ? { cert: read("sslcert", parameters.get("sslcert") ?? "") } : {}),
    ...(parameters.has("sslkey") ? { key: read("sslkey", parameters.get("sslkey") ?? "") } : {}),
  };
  if (!verifies) {
    // Only the bare words fall back to no TLS, or skip the certificate; with a client certificate TLS is meant.
    return Object.keys(files).length === 0
      ? (mode === "require" ? "require" : "prefer")
      : { ...files, rejectUnauthorized: false };
  }
  return {
    ...files,
    rejectUnauthorized: true,
    ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
  };
}

function read(parameter: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`Cannot use state.url: ${parameter} "${path}" cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
