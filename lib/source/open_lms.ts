import type postgres from "postgres";
import { fixed, MOODLE_DEFAULTS, PRESET_NAMES, presetOf } from "../../sql/lms/presets.ts";
import type { LmsConfig } from "../config/config.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import { openTarget } from "../database/open_target.ts";
import { ConfigError } from "../base/errors.ts";
import type { LmsDriver } from "./lms_driver.ts";
import type { LmsTarget } from "./lms_errors.ts";
import type { LmsSource } from "./lms_source.ts";
import type { KeyStore } from "./lms_keys.ts";
import { timeReaders } from "./lms_times.ts";
import { moodleSiteLook } from "./moodle_site.ts";
import { borrowedPostgresDriver, postgresDriver } from "./postgres_driver.ts";
import { embeddedAddress, normalAddress } from "./source_address.ts";
import { SqlLmsSource } from "./sql_lms_source.ts";
import type { PresetMaker } from "../../sql/lms/preset.ts";
import { readMapping } from "./mapping.ts";

export interface LmsDeps {
  /** A ready postgres.js handle, such as one on an embedded LMS: used as it is, and left open by `close`. */
  readonly sql?: postgres.Sql;
  /** Opens `pglite:<dir>` (`null`: in memory), closed with the source; see lib/demo/embedded_lms.ts. */
  readonly openEmbedded?: (
    directory: string | null,
  ) => Promise<{ readonly sql: postgres.Sql; close(): Promise<void> }>;
  /** How long the client waits for an answer beyond the statement timeout before it drops the connection; 5 s. */
  readonly deadlineGraceMs?: number;
  /** Where it is remembered which text an id stands for. */
  readonly keyStore?: KeyStore | undefined;
  /** Hears how long each statement took, in seconds. */
  readonly onQuery?: ((seconds: number) => void) | undefined;
}

/**
 * The LMS of a configuration. Connects at the first call, so that an LMS that is away now may come later; throws
 * ConfigError for what no waiting heals (unknown preset, scheme, zone).
 */
export async function openLms(config: LmsConfig, deps: LmsDeps = {}): Promise<LmsSource> {
  const preset = configuredPreset(config);
  if (preset === undefined) {
    throw new ConfigError(`Cannot use lms.preset "${config.preset}": unknown`, {
      hint: `One of ${[...PRESET_NAMES, "custom"].join(", ")}`,
    });
  }
  let times;
  try {
    times = timeReaders(config.timezone);
  } catch (cause) {
    throw new ConfigError(`Cannot use lms.timezone "${config.timezone}": unknown time zone`, { cause });
  }
  const { driver, target, address } = await openDriver(config, deps);
  return new SqlLmsSource({
    name: config.name,
    preset,
    driver: deps.onQuery === undefined ? driver : timedDriver(driver, deps.onQuery),
    target,
    address,
    times,
    written: config.preset === "custom" ? config.mapping ?? null : null,
    keyStore: deps.keyStore,
    examDurationUnit: config.examDurationUnit,
    look: config.preset === "moodle" ? moodleSiteLook(config.moodle ?? MOODLE_DEFAULTS) : null,
  });
}

/** The driver alone, for tests that try to write through it. */
export async function openDriver(
  config: LmsConfig,
  deps: LmsDeps = {},
): Promise<{ driver: LmsDriver; target: LmsTarget; address: DatabaseAddress }> {
  const limits = {
    statementTimeoutMs: config.statementTimeoutMs,
    deadlineMs: config.statementTimeoutMs + (deps.deadlineGraceMs ?? 5000),
    foreignSql: readsForeignSql(config),
  };
  const embedded: LmsTarget = { dialect: "postgres", label: "the embedded database", user: "postgres" };
  const borrowed = (sql: postgres.Sql, close?: () => Promise<void>) => ({
    driver: borrowedPostgresDriver(sql, embedded.label, limits, close),
    target: embedded,
    address: embeddedAddress(config.url),
  });
  if (deps.sql !== undefined) return borrowed(deps.sql);
  if (config.url.startsWith("pglite:")) {
    const directory = config.url.slice("pglite:".length);
    if (deps.openEmbedded === undefined) {
      throw new ConfigError("Cannot use lms.url: an embedded LMS is for the demo and tests", {
        hint: "Write postgres://user@host:5432/database or mysql://user@host:3306/database",
      });
    }
    const { sql, close } = await deps.openEmbedded(directory === "" || directory === "memory" ? null : directory);
    return borrowed(sql, close);
  }
  const opened = openTarget(config, "lms");
  const { address, label, user } = opened.target;
  const { dialect } = address;
  const [open, owner] = dialect === "postgres"
    ? [postgresDriver, "postgres"]
    : [(await import("./mysql_driver.ts")).mysqlDriver, "root"]; // its library is large: not with every start
  return {
    driver: open(opened, limits),
    target: { dialect, label, user: user ?? owner },
    address: normalAddress(address),
  };
}

/** The same driver; `onQuery` hears how long each statement took, also one that failed. */
function timedDriver(driver: LmsDriver, onQuery: (seconds: number) => void): LmsDriver {
  return {
    dialect: driver.dialect,
    plaintextHost: () => driver.plaintextHost(),
    close: () => driver.close(),
    read: (work) =>
      driver.read((session) =>
        work({
          raw: session.raw,
          columns: (query) => session.columns(query),
          rows: async (query) => {
            const started = performance.now();
            try {
              return await session.rows(query);
            } finally {
              onQuery((performance.now() - started) / 1000);
            }
          },
        })
      ),
  };
}

/** The preset of a configuration, a mapping in YAML or one that lmsmon has; `undefined` when it is neither. */
export function configuredPreset(config: LmsConfig): PresetMaker | undefined {
  if (config.preset !== "custom") return presetOf(config);
  if (config.mapping === undefined || config.mapping === null) return undefined;
  return fixed(readMapping(config.mapping, config.name));
}

/** Whether statements hold what the owner of a configuration wrote. */
function readsForeignSql(config: LmsConfig): boolean {
  return config.preset === "custom";
}
