import type { Logger } from "@logtape/logtape";
import type { Migration } from "../../sql/state/migrations/manifest.ts";
import type { StateConfig } from "../config/config.ts";
import { openTarget } from "../database/open_target.ts";
import { ServerSockets } from "../database/server_sockets.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { dropSchema } from "../../sql/state/migrations.ts";
import {
  adoptTemplate,
  migrate,
  type MigrationStatus,
  readMigrationStatus,
  refuseForeignMigrations,
  requireMigrated,
} from "./migrate.ts";
import { copyBefore } from "./copy_before.ts";
import { isCreated, type StateDirectory, stateDirectory } from "./owner_directory.ts";
import { OwnerState } from "./owner_state.ts";
import { type EngineOptions, PgliteEngine } from "../drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../drivers/pglite/pglite_socket.ts";
import { memoryLimit } from "../drivers/deno/memory_limit.ts";
import { requireMemory } from "./require_memory.ts";
import type { Sql, StateDb } from "./state_db.ts";
import { stateTemplate } from "./template.ts";
import { isConnectionCut } from "../base/database_errors.ts";
import { stateError, statementMode } from "./state_errors.ts";
import { LockWatch } from "./lock_watch.ts";
import { oneAtATime } from "../drivers/postgres/one_at_a_time.ts";
import { endsIdleSession, PoolerWatch, SENT_TIMEOUT_MS } from "./pooler.ts";
import { KEPT_SETTINGS, requireSettings, SESSION_SETTINGS } from "./session_settings.ts";
import { ConnectionLosses, embeddedPool, PooledState, statePool } from "./state_pool.ts";

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
  /** Aborts: no further migration is begun. */
  readonly signal?: AbortSignal;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Seconds to wait for a server (default 10), or for an answer of the process that owns the directory (default 30). */
  readonly connectTimeoutS?: number;
  /** Connections at most; default 4. */
  readonly connections?: number;
  /** How often is looked who keeps this process waiting in a state on a server, milliseconds; default 10 s. */
  readonly lockLookMs?: number;
}

const EMBEDDED = "pglite:";
const CONNECT_TIMEOUT_S = 10;
const ELECTIONS = 10;
const ELECTION_PAUSE_MS = 100;
/** One for each connection that may have been made before a pooler was recognised, and the one after. */
const POOLER_TRIES = 6;

/**
 * Opens the state database that the configuration names.
 *
 * Errors: StateError (cannot be reached, opened, refused), MigrationError (not migrated, newer, edited, too old a server),
 * ConfigError (what the URL says about TLS).
 *
 * Permissions (tried): `--allow-env=PGAPPNAME,PGTARGETSESSIONATTRS`, which the driver reads always; for a server `net` of its
 * address, `sys` when the URL names no user, `read` of certificate files; embedded `read` and `write` of the directory, `net=unix:<directory>/lmsmon.sock`
 * (and the temporary directory when that path is longer than a socket's may be), and `read` of Deno's cache for PGlite's files.
 */
export async function openState(config: StateConfig, options: OpenStateOptions = {}): Promise<StateDb> {
  const log = options.log ?? logger("state");
  const [state, pooler] = config.url.startsWith(EMBEDDED)
    ? [await openEmbedded(config.url.slice(EMBEDDED.length), options, log), null]
    : openServer(config, options, log);
  const clock = options.clock ?? systemClock;
  for (let tries = 1;; tries++) {
    try {
      await pooler?.look(state.sql);
      if (pooler?.recognised) await requireSettings(state.sql, config.url);
      await checkMigrations(state, config.url, options, log);
      return state;
    } catch (error) {
      if (pooler?.explains(error) && tries < POOLER_TRIES) continue;
      // The owner of the directory died while it was asked: the next connection finds another, or owns it itself.
      if (config.url.startsWith(EMBEDDED) && isConnectionCut(error) && tries < ELECTIONS) {
        await clock.sleep(ELECTION_PAUSE_MS);
        continue;
      }
      await state.close().catch(() => {});
      if (pooler?.forbidsTransactions) throw statementMode(config.url, error);
      throw stateError(config.url, error);
    }
  }
}

/** A database in memory, for tests and dry runs. */
export async function openMemory(
  options: Pick<OpenStateOptions, "log" | "connections" | "migrate"> & EngineOptions = {},
): Promise<StateDb> {
  const isGiven = options.pglite?.loadDataDir !== undefined;
  const pglite = { ...options.pglite, ...(isGiven ? {} : { loadDataDir: await stateTemplate() }) };
  const engine = await PgliteEngine.open(null, { ...options, pglite });
  const losses = new ConnectionLosses();
  const connect = () => Promise.resolve(new PgliteSocket(engine));
  const sql = embeddedPool(connect, options, options.log ?? logger("state"), losses);
  const state = new PooledState(sql, false, () => "embedded", losses, () => engine.close());
  if (options.migrate !== "skip") await migrate(sql);
  else if (!isGiven) await dropSchema(sql);
  return state;
}

async function openEmbedded(path: string, options: OpenStateOptions, log: Logger): Promise<StateDb> {
  const directory = stateDirectory(path);
  if (options.dryRun && !(await isCreated(directory))) {
    requireMemory(path, memoryLimit());
    return await openMemory({ ...options, migrate: options.migrate === "skip" ? "skip" : "auto" });
  }
  const prepare = (engine: PgliteEngine, isNew: boolean) => prepareOwned(engine, { directory, isNew }, options, log);
  const owner = new OwnerState(directory, options.clock ?? systemClock, prepare, log);
  const losses = new ConnectionLosses();
  const sql = embeddedPool(() => owner.connect(), options, log, losses);
  const mode = () => owner.owns ? "embedded" : "via_owner";
  return new PooledState(sql, false, mode, losses, () => owner.close(), () => owner.retire());
}

/** What the owner does before it serves anybody, also when it takes the ownership over from one that died. */
async function prepareOwned(
  engine: PgliteEngine,
  { directory, isNew }: { readonly directory: StateDirectory; readonly isNew: boolean },
  options: OpenStateOptions,
  log: Logger,
): Promise<void> {
  if (options.migrate === "skip" && !isNew) return;
  const sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), { connections: 1 }, log);
  try {
    if (options.migrate === "skip") return void await dropSchema(sql);
    if (isNew) tellNew(await adoptTemplate(sql), options, log);
    const status = await readMigrationStatus(sql);
    if (options.dryRun) return requireMigrated(status);
    await runPending(sql, status, options, log, isNew ? null : directory);
  } finally {
    await sql.end();
  }
}

function openServer(config: StateConfig, options: OpenStateOptions, log: Logger): [StateDb, PoolerWatch] {
  const { target, password, keyPassword } = openTarget(config, "state");
  const losses = new ConnectionLosses();
  const sockets = new ServerSockets(target, {
    user: target.user,
    password,
    keyPassword,
    connectTimeoutMs: (options.connectTimeoutS ?? CONNECT_TIMEOUT_S) * 1000,
  });
  sockets.watched.onGoodbye = () => losses.expectClose();
  const kept = {
    application_name: target.applicationName ?? "lmsmon",
    ...(target.options === null ? {} : { options: target.options }),
    ...KEPT_SETTINGS,
  };
  const pooler = new PoolerWatch(!target.prepare, options.dryRun !== true, kept, log);
  sockets.watched.onAnswer = (bytes) => {
    if (endsIdleSession(bytes)) losses.expectClose();
    return pooler.answered(bytes);
  };
  const pool = statePool(
    {
      ...sockets.options(),
      prepare: target.prepare,
      max_lifetime: 3600,
      connection: {
        ...kept,
        ...(target.prepare ? { ...SESSION_SETTINGS, idle_in_transaction_session_timeout: SENT_TIMEOUT_MS } : {}),
        ...(target.prepare && options.dryRun ? { default_transaction_read_only: true } : {}),
      },
    },
    options,
    log,
    losses,
  );
  pooler.attach(pool);
  const sql = oneAtATime(pool, () => pooler.recognised);
  const locks = new LockWatch(sql, log, { lookMs: options.lockLookMs });
  const state = new PooledState(
    sql,
    true,
    () => "server",
    losses,
    () => sockets.close(),
    () => locks.end(),
    () => sockets.plaintextHost,
  );
  return [state, pooler];
}

async function checkMigrations(state: StateDb, url: string, options: OpenStateOptions, log: Logger): Promise<void> {
  // Connects, also when nothing is to be checked: an error here is better than one in the middle.
  const status = await readMigrationStatus(state.sql);
  if (options.migrate === "skip") return;
  if (options.migrate !== "auto" || options.dryRun) return requireMigrated(status);
  // Embedded, only an owner of an older version leaves something to do here.
  const directory = state.mode === "server" || !url.startsWith(EMBEDDED)
    ? null
    : stateDirectory(url.slice(EMBEDDED.length));
  await runPending(state.sql, status, options, log, directory);
}

async function runPending(
  sql: Sql,
  status: MigrationStatus,
  options: OpenStateOptions,
  log: Logger,
  /** Of an embedded state: it is copied before. */
  directory: StateDirectory | null,
): Promise<void> {
  refuseForeignMigrations(status);
  const [first] = status.pending;
  if (first === undefined) return;
  if (directory !== null && status.applied.length > 0) {
    const copy = await copyBefore(directory, sql, first.version);
    const madeBy = status.applied.at(-1)?.programVersion ?? null;
    if (copy !== null) log.info("The state as lmsmon {made_by} left it is kept in {copy}", { copy, made_by: madeBy });
  }
  await migrate(sql, undefined, {
    onApplied: (migration) => tellApplied([migration], options, log),
    ...(options.signal && { signal: options.signal }),
  });
}

/** Of a new state one line: it was made at this version, not brought to it. */
function tellNew(applied: readonly Migration[], options: OpenStateOptions, log: Logger): void {
  log.info("Made a new embedded state, version {version}", { version: applied.at(-1)?.version ?? 0 });
  for (const migration of applied) options.onApplied?.(migration);
}

function tellApplied(applied: readonly Migration[], options: OpenStateOptions, log: Logger): void {
  for (const migration of applied) {
    log.info("Applied migration {name}", { name: migration.name });
    options.onApplied?.(migration);
  }
}
