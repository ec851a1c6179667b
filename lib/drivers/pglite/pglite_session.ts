/*
 * Fault: PGlite knows no connections: prepared statements, settings, an open transaction and an error state of one user stay
 *   for the next, and COPY breaks the session in both directions.
 * Seen in: PGlite 0.5.16.
 * Upstream: none known.
 * Delete when: PGlite takes connections by itself.
 */

import type { PgliteEngine } from "./pglite_engine.ts";
import type { GateUser } from "./pglite_gate.ts";
import {
  CANCEL_REQUEST,
  closeStatement,
  errorResponse,
  GSS_REQUEST,
  IdleWatcher,
  MessageReader,
  PARSE,
  parsed,
  queried,
  QUERY,
  query,
  readyForQuery,
  SSL_REQUEST,
  startupParameters,
  SYNC,
  sync,
  TERMINATE,
  welcome,
} from "./pglite_messages.ts";

/** The `application_name` of connections that change nothing of the session; after anybody else it is put right. */
export const OWN_APPLICATION = "lmsmon";

/**
 * What `discard all` does, but for the prepared statements, which are everybody's, and sequences. A `set` in psql would else hold
 * for whoever polls: read only, scores rounded, times in another form.
 */
const PUT_RIGHT =
  "close all; set session authorization default; reset all; unlisten *; select pg_advisory_unlock_all(); " +
  "discard temp";

/** Where a session's answers go; `hangUp` closes the connection. */
export interface SessionClient {
  send(bytes: Uint8Array): void;
  hangUp(): void;
}

/**
 * One connection to the embedded database, speaking PostgreSQL's protocol. Keeps the engine's only session from a message
 * until the engine is idle again, so the others see no half of an exchange, no foreign transaction, and no error state.
 */
export class PgliteSession implements GateUser {
  readonly #reader = new MessageReader();
  readonly #watcher = new IdleWatcher();
  readonly #statements = new Set<string>();
  #started = false;
  #isOwn = false;
  #skipToSync = false;
  #ended: Promise<void> | null = null;
  #isFed = false;
  #restsSince = performance.now();

  constructor(private readonly engine: PgliteEngine, private readonly client: SessionClient) {}

  /** For how long the client has asked nothing and had no transaction open, milliseconds; 0 while it has. */
  get restedMs(): number {
    return this.#isFed || this.engine.gate.holds(this) ? 0 : performance.now() - this.#restsSince;
  }

  /** Takes bytes from the client, in order: call it again when the promise has resolved. Rejects when the engine broke. */
  async feed(chunk: Uint8Array): Promise<void> {
    this.#isFed = true;
    try {
      await this.#take(chunk);
    } finally {
      this.#isFed = false;
      this.#restsSince = performance.now();
    }
  }

  async #take(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk);
    while (!this.#started && this.#ended === null) {
      const startup = this.#reader.startup();
      if (startup === null) return;
      this.#start(startup);
    }
    for (let next = this.#reader.message(); next !== null; next = this.#reader.message()) {
      if (this.#ended !== null) return;
      await this.#handle(next);
    }
  }

  /** Rolls back what is open and forgets this connection's statements. Idempotent; the client is not told. */
  end(): Promise<void> {
    this.#ended ??= this.#leave();
    return this.#ended;
  }

  evict(): void {
    this.client.send(errorResponse("FATAL", "25P03", "terminating connection: it kept the embedded database waiting"));
    void this.end().catch(() => {});
    this.client.hangUp();
  }

  #start(packet: DataView): void {
    const code = packet.getInt32(0);
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.client.send(new TextEncoder().encode("N"));
    } else if (code === CANCEL_REQUEST) {
      // A statement blocks the whole process, so there is never one to cancel when this arrives.
      void this.end();
      this.client.hangUp();
    } else {
      this.#started = true;
      this.#isOwn = startupParameters(packet).get("application_name") === OWN_APPLICATION;
      this.client.send(welcome(this.engine.serverVersion));
    }
  }

  async #handle(message: Uint8Array): Promise<void> {
    if (message[0] === TERMINATE) {
      await this.end();
      this.client.hangUp();
      return;
    }
    if (this.#skipToSync && message[0] !== SYNC) return;
    this.#skipToSync = false;
    const refused = refusedCommand(message);
    if (refused !== null) return await this.#refuse(message, refused);
    if (message[0] === PARSE) this.#remember(parsed(message).name);
    await this.engine.gate.acquire(this);
    // Evicted or hung up while it waited: what it asked must not happen after it was told so.
    if (this.#ended !== null) return this.engine.gate.release(this);
    await this.#execute(message);
    if (!this.#watcher.idle) return;
    await this.#putRight();
    this.engine.gate.release(this);
  }

  async #putRight(): Promise<void> {
    if (!this.#isOwn) await this.engine.execute(query(PUT_RIGHT), () => {});
  }

  async #execute(message: Uint8Array): Promise<void> {
    this.#watcher.sent();
    await this.engine.execute(message, (bytes) => {
      this.#watcher.push(bytes);
      this.client.send(bytes);
    });
  }

  #remember(name: string): void {
    if (name !== "") this.#statements.add(name);
  }

  async #refuse(message: Uint8Array, command: string): Promise<void> {
    // Not inside the client's own call of write(): postgres.js would lose the Sync that it writes in answer, and wait for ever.
    await null;
    this.client.send(errorResponse("ERROR", "0A000", `${command} is not available on an embedded database`));
    if (message[0] === PARSE) this.#skipToSync = true;
    else this.client.send(readyForQuery());
  }

  async #leave(): Promise<void> {
    const { gate, broken } = this.engine;
    if (broken !== null) return gate.release(this);
    if (gate.holds(this)) {
      try {
        // Sync first: it ends an exchange that broke off in the middle, with an error or without.
        for (const message of [sync(), query("rollback")]) await this.engine.execute(message, () => {});
        await this.#putRight();
      } finally {
        gate.release(this);
      }
    }
    if (this.#statements.size > 0) void this.#forget();
  }

  /** In its turn, while the client is gone already: closing must not wait for somebody else's transaction. */
  async #forget(): Promise<void> {
    try {
      await this.engine.gate.acquire(this);
      const messages = [...[...this.#statements].map(closeStatement), sync()];
      for (const message of messages) await this.engine.execute(message, () => {});
    } catch {
      // Closed or broken meanwhile: the statements are gone with it.
    } finally {
      this.engine.gate.release(this);
    }
  }
}

/** COPY over the protocol wedges PGlite for everybody, and prepared statements are everybody's; an error harms nobody. */
function refusedCommand(message: Uint8Array): string | null {
  const sql = message[0] === QUERY ? queried(message) : message[0] === PARSE ? parsed(message).sql : "";
  const [, command] = /^\s*(copy|discard\s+all|deallocate\s+(?:prepare\s+)?all)\b/i.exec(sql) ?? [];
  return command === undefined ? null : command.toUpperCase().replace(/\s+/g, " ");
}
