import type { Logger } from "@logtape/logtape";
import postgres from "postgres";
import type { Migration } from "../../sql/state/migrations/manifest.ts";
import type { StateConfig } from "../config/config.ts";
import { type Clock, systemClock } from "../ops/clock.ts";
import { logger } from "../ops/log.ts";
import { driverTypes } from "./driver_types.ts";
import { guardTransactions } from "./guard_transactions.ts";
import {
  migrate,
  type MigrationStatus,
  readMigrationStatus,
  refuseForeignMigrations,
  requireMigrated,
} from "./migrate.ts";
import { isCreated, stateDirectory } from "./owner_directory.ts";
import { OwnerState } from "./owner_state.ts";
import { type EngineOptions, PgliteEngine } from "./pglite_engine.ts";
import { PgliteSocket } from "./pglite_socket.ts";
import { readServerUrl } from "./server_options.ts";
import type { Sql, StateDb, StateMode } from "./state_db.ts";
import { stateError } from "./state_errors.ts";

export interface OpenStateOptions {
  /**
   * `require` (default): a server must be migrated, an embedded state migrates itself. `auto`: both are migrated. `skip`:
   * neither is looked at; for `migrate` itself.
   */
  readonly migrate?: "auto" | "require" | "skip";
  /**
   * Nothing is to change: an embedded state that was never created is opened in memory, empty and migrated; an older one is
   * not migrated but refused; a server refuses writes.
   */
  readonly dryRun?: boolean;
  /** Hears of every migration that this opening applied. */
  readonly onApplied?: (migration: Migration) => void;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Connections at most; default 4. */
  readonly connections?: number;
}

/** How long queries in flight may take when the state is closed, seconds. */
const CLOSE_TIMEOUT_S = 5;
const CONNECT_TIMEOUT_S = 10;

type PoolOptions = postgres.Options<Record<string, postgres.PostgresType>>;

/**
 * Opens the state database that the configuration names.
 *
 * Errors: StateError (cannot be reached, opened, refused), MigrationError (not migrated, newer, edited, too old a server),
 * ConfigError (what the URL says about TLS).
 *
 * Permissions: a server needs `net` (`read` for certificate files); embedded needs `read` and `write` of the directory
 * (and of the temporary one when the directory's path is longer than a socket's may be), `net=unix:…/lmsmon.sock`, and
 * `sys` and `env` reads that the driver does without need.
 */
export async function openState(config: StateConfig, options: OpenStateOptions = {}): Promise<StateDb> {
  const log = options.log ?? logger("state");
  const state = config.url.startsWith("pglite:")
    ? await openEmbedded(config.url.slice("pglite:".length), options, log)
    : openServer(config, options, log);
  try {
    await checkMigrations(state, options, log);
    return state;
  } catch (error) {
    await state.close().catch(() => {});
    throw stateError(config.url, error);
  }
}

/** A database in memory, for tests and dry runs. */
export async function openMemory(
  options: Pick<OpenStateOptions, "log" | "connections" | "migrate"> & EngineOptions = {},
): Promise<StateDb> {
  const engine = await PgliteEngine.open(null, options);
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), options, options.log ?? logger("state"));
  const state = new OpenState(sql, false, () => "embedded", () => engine.close());
  if (options.migrate !== "skip") await migrate(sql);
  return state;
}

async function openEmbedded(path: string, options: OpenStateOptions, log: Logger): Promise<StateDb> {
  const directory = stateDirectory(path);
  if (options.dryRun && !(await isCreated(directory))) {
    return await openMemory({ ...options, migrate: options.migrate === "skip" ? "skip" : "auto" });
  }
  const owner = new OwnerState(directory, options.clock ?? systemClock, (engine) => prepareOwned(engine, options, log));
  const sql = embeddedPool(() => owner.connect(), options, log);
  return new OpenState(sql, false, () => owner.owns ? "embedded" : "via_owner", () => owner.close());
}

/** What the owner does before it serves anybody, also when it takes the ownership over from one that died. */
async function prepareOwned(engine: PgliteEngine, options: OpenStateOptions, log: Logger): Promise<void> {
  if (options.migrate === "skip") return;
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), { connections: 1 }, log);
  try {
    const status = await readMigrationStatus(sql);
    if (options.dryRun) return requireMigrated(status);
    await runPending(sql, status, options, log);
  } finally {
    await sql.end();
  }
}

function openServer(config: StateConfig, options: OpenStateOptions, log: Logger): StateDb {
  const server = readServerUrl(config.url);
  const sql = pool(
    {
      ...server,
      pass: config.password?.reveal() ?? "",
      connect_timeout: CONNECT_TIMEOUT_S,
      max_lifetime: 3600,
      connection: {
        application_name: "lmsmon",
        TimeZone: "UTC",
        DateStyle: "ISO, MDY",
        // A stopped process must not keep the lease's row, and everybody else with it. Poolers refuse the setting.
        ...(server.prepare ? { idle_in_transaction_session_timeout: 60_000 } : {}),
        ...(server.prepare && options.dryRun ? { default_transaction_read_only: true } : {}),
      },
    },
    options,
    log,
  );
  return new OpenState(sql, true, () => "server", () => Promise.resolve());
}

/** A pool over connections that `connect` makes; it must never reject (RefusedSocket). */
export function embeddedPool(
  connect: () => Promise<unknown>,
  options: Pick<OpenStateOptions, "connections"> = {},
  log: Logger = logger("state"),
): Sql {
  return pool(
    {
      host: "embedded",
      user: "lmsmon",
      database: "lmsmon",
      ssl: false,
      prepare: true,
      // Of connecting to an owner that was stopped; opening the database itself has no limit.
      connect_timeout: 30,
      max_lifetime: null,
      socket: connect,
    } as PoolOptions,
    options,
    log,
  );
}

/** Every option is given, because the driver takes missing ones from PG… variables of the environment. */
function pool(chosen: PoolOptions, options: Pick<OpenStateOptions, "connections">, log: Logger): Sql {
  const sql = postgres({
    max: options.connections ?? 4,
    idle_timeout: 0,
    keep_alive: 60,
    max_pipeline: 100,
    // Seconds before a lost connection is tried again; grows with the number of failures.
    backoff: (failures: number) => Math.min(3 ** failures / 100, 5),
    sslnegotiation: null,
    debug: false,
    fetch_types: true,
    publications: "alltables",
    types: driverTypes as unknown as Record<string, postgres.PostgresType>,
    onnotice: (notice) => log.debug("The state database says: {message}", { message: notice["message"] }),
    ...chosen,
  } as PoolOptions);
  return guardTransactions(sql as unknown as Sql);
}

async function checkMigrations(state: StateDb, options: OpenStateOptions, log: Logger): Promise<void> {
  // Connects, also when nothing is to be checked: an error here is better than one in the middle.
  const status = await readMigrationStatus(state.sql);
  if (options.migrate === "skip") return;
  if (options.migrate === "auto" && !options.dryRun) await runPending(state.sql, status, options, log);
  else requireMigrated(status);
}

async function runPending(
  sql: Sql,
  status: MigrationStatus,
  options: OpenStateOptions,
  log: Logger,
): Promise<void> {
  refuseForeignMigrations(status);
  if (status.pending.length === 0) return;
  for (const migration of await migrate(sql)) {
    log.info("Applied migration {name}", { name: migration.name });
    options.onApplied?.(migration);
  }
}

class OpenState implements StateDb {
  #closing: Promise<void> | null = null;

  constructor(
    readonly sql: Sql,
    readonly copy: boolean,
    private readonly currentMode: () => StateMode,
    private readonly release: () => Promise<void>,
  ) {}

  get mode(): StateMode {
    return this.currentMode();
  }

  close(): Promise<void> {
    this.#closing ??= this.sql.end({ timeout: CLOSE_TIMEOUT_S }).finally(() => this.release());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
