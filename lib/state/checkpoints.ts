import type { Logger } from "@logtape/logtape";
import { walSinceCheckpoint, writeCheckpoint } from "../../sql/state/upkeep.ts";
import type { PgliteEngine } from "../drivers/pglite/pglite_engine.ts";
import { PgliteSocket } from "../drivers/pglite/pglite_socket.ts";
import type { Sql } from "./state_db.ts";
import { embeddedPool } from "./state_pool.ts";

export interface CheckpointOptions {
  /** What may have to be replayed after a crash: 100 MB take a second. */
  readonly mostBytes?: number;
  readonly lookMs?: number;
}

const MOST_BYTES = 32 << 20;
const LOOK_MS = 1_000;

/**
 * Writes checkpoints of an embedded database. On a server a background process does. The embedded PostgreSQL writes one only
 * when it is opened and closed, so its write-ahead log would grow for as long as a watch runs: the disk fills up, and after a
 * crash everything is replayed (450 MB: 5 s, tried).
 */
export class Checkpoints implements AsyncDisposable {
  readonly #sql: Sql;
  readonly #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> | null = null;
  #executed = 0;

  constructor(
    private readonly engine: PgliteEngine,
    private readonly log: Logger,
    { mostBytes = MOST_BYTES, lookMs = LOOK_MS }: CheckpointOptions = {},
  ) {
    this.#sql = embeddedPool(() => Promise.resolve(new PgliteSocket(engine)), { connections: 1 }, log);
    this.#timer = setInterval(() => this.#look(mostBytes), lookMs);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** An idle database is not asked. */
  #look(mostBytes: number): void {
    if (this.#looking !== null || this.engine.executed === this.#executed) return;
    this.#looking = this.#write(mostBytes)
      // A full disk, or a crash of the engine: whoever uses it hears of that, and it is tried again.
      .catch((error) => this.log.debug("Cannot write a checkpoint of the embedded database", { error }))
      .finally(() => {
        this.#executed = this.engine.executed;
        this.#looking = null;
      });
  }

  async #write(mostBytes: number): Promise<void> {
    const [wal] = await walSinceCheckpoint(this.#sql);
    if ((wal?.bytes ?? 0) >= mostBytes) await writeCheckpoint(this.#sql);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#sql.end();
  }
}
