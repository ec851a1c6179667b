import { ConfigError } from "../base/errors.ts";
import { BadUrl } from "./bad_url.ts";
import { type DatabaseTarget, parseDatabaseUrl } from "./database_url.ts";
import { readTlsFiles } from "./tls_files.ts";

/** The parts of `lms` or `state` in the configuration that say how to connect. */
export interface ConnectionConfig {
  readonly url: string;
  readonly password: { reveal(): string } | null;
  readonly keyPassword?: { reveal(): string } | null;
}

export interface OpenTarget {
  readonly target: DatabaseTarget;
  /** Revealed here and handed to the driver only. */
  readonly password: string | null;
  readonly keyPassword: string | null;
}

/** What a configured URL of a server says, its certificates looked at. Throws ConfigError. */
export function openTarget(config: ConnectionConfig, part: "lms" | "state"): OpenTarget {
  try {
    const { target, password, keyPassword } = parseDatabaseUrl(config.url, { part });
    if (target === null) throw new BadUrl(["names no server"]);
    const opened = {
      target,
      password: (config.password ?? password)?.reveal() ?? null,
      keyPassword: (config.keyPassword ?? keyPassword)?.reveal() ?? null,
    };
    readTlsFiles(target.tls, opened.keyPassword);
    return opened;
  } catch (error) {
    if (!(error instanceof BadUrl)) throw error;
    throw new ConfigError(`Cannot use ${part}.url: it ${error.message}`, {
      cause: error,
      hint: "docs/configuration.md has every parameter and word",
    });
  }
}
