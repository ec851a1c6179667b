import type { Logger } from "@logtape/logtape";
import postgres from "postgres";
import { logger } from "../base/log.ts";
import { driverTypes } from "./driver_types.ts";
import { OWN_APPLICATION } from "../drivers/pglite/pglite_session.ts";
import { endAfterLoss } from "../drivers/postgres/end_after_loss.ts";
import { guardTransactions } from "../drivers/postgres/guard_transactions.ts";
import type { Sql, StateDb, StateMode } from "./state_db.ts";

type PoolOptions = postgres.Options<Record<string, postgres.PostgresType>>;

interface PoolSize {
  readonly connections?: number;
  /** Seconds. */
  readonly connectTimeoutS?: number;
}

/** What one process takes, where nothing else is asked for. */
export const MOST_CONNECTIONS = 4;
/** How long queries in flight may take when the state is closed, seconds. */
const CLOSE_TIMEOUT_S = 5;

/** A pool over connections that `connect` makes; it must never reject (RefusedSocket). */
export function embeddedPool(
  connect: () => Promise<unknown>,
  options: PoolSize = {},
  log: Logger = logger("state"),
  losses: ConnectionLosses | null = null,
): Sql {
  return statePool(
    {
      host: "embedded",
      port: 5432,
      user: "lmsmon",
      pass: () => "",
      database: "lmsmon",
      ssl: false,
      prepare: true,
      // Of connecting to an owner that was stopped; opening the database itself has no limit.
      connect_timeout: options.connectTimeoutS ?? 30,
      max_lifetime: null,
      socket: connect,
      connection: { application_name: OWN_APPLICATION },
    } as PoolOptions,
    options,
    log,
    losses,
  );
}

/** Every option is given, because the driver takes missing ones from PG… variables of the environment. */
export function statePool(
  chosen: PoolOptions,
  options: PoolSize,
  log: Logger,
  losses: ConnectionLosses | null = null,
): Sql {
  let lost = false;
  const sql = postgres({
    max: options.connections ?? MOST_CONNECTIONS,
    idle_timeout: 0,
    keep_alive: 60,
    max_pipeline: 100,
    // Seconds before a lost connection is tried again; grows with the number of failures.
    backoff: (failures: number) => Math.min(3 ** failures / 100, 5),
    sslnegotiation: null,
    target_session_attrs: undefined,
    debug: false,
    fetch_types: true,
    publications: "alltables",
    types: driverTypes as unknown as Record<string, postgres.PostgresType>,
    onnotice: (notice) => log.debug("The state database says: {message}", { message: notice["message"] }),
    onclose: () => {
      lost = true;
      losses?.closed();
    },
    ...chosen,
  } as PoolOptions);
  return guardTransactions(endAfterLoss(sql, () => lost) as unknown as Sql);
}

/** Counts how often a pool lost an established connection. */
export class ConnectionLosses {
  #count = 0;
  #goodbyes = 0;

  /** Rises with every loss. */
  get count(): number {
    return this.#count;
  }

  /** This side ends a connection, because it is old: what closes next was not lost. */
  expectClose(): void {
    this.#goodbyes++;
  }

  closed(): void {
    if (this.#goodbyes > 0) this.#goodbyes--;
    else this.#count++;
  }
}

/** A state database over a pool; `retire` runs before its connections are closed, `release` when they are. */
export class PooledState implements StateDb {
  #closing: Promise<void> | null = null;

  constructor(
    readonly sql: Sql,
    readonly copy: boolean,
    private readonly currentMode: () => StateMode,
    private readonly connectionLosses: ConnectionLosses,
    private readonly release: () => Promise<void>,
    private readonly retire: () => void = () => {},
    readonly plaintextHost: () => string | null = () => null,
  ) {}

  get mode(): StateMode {
    return this.currentMode();
  }

  get losses(): number {
    return this.connectionLosses.count;
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      this.retire();
      this.#closing = this.sql.end({ timeout: CLOSE_TIMEOUT_S }).finally(() => this.release());
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
