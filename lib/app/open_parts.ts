import type { Sql } from "postgres";
import { connectZulip, type ZulipConnection } from "../bot/connect_zulip.ts";
import type { Config } from "../config/config.ts";
import { openLms } from "../source/open_lms.ts";
import { type KeyStore, memoryKeyStore } from "../source/lms_keys.ts";
import type { LmsSource } from "../source/lms_source.ts";
import { systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { PollSettings } from "../poll/poll_context.ts";
import { openMemory, openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import { stateKeyStore } from "./state_key_store.ts";

const HURRIED_CLOSE_MS = 1_500;

/** The edges of a command, each opened when first needed and closed together. */
export class OpenParts implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  #patienceMs: number | null = null;
  #zulip: ZulipConnection | null = null;
  #keyStore: KeyStore = memoryKeyStore();

  constructor(private readonly config: Config, private readonly metrics: Metrics | null = null) {}

  async state(options: { readonly dryRun?: boolean } = {}): Promise<StateDb> {
    const { config } = this;
    const db = config.state.url === "pglite:memory"
      ? await openMemory({ log: logger("state") })
      : await openState(config.state, { log: logger("state"), ...options });
    const stored = stateKeyStore(db);
    this.#keyStore = options.dryRun ? memoryKeyStore(stored) : stored;
    return this.#stack.use(db);
  }

  async lms(): Promise<LmsSource> {
    const { lms: config } = this.config;
    // An embedded LMS (demo, replay) is opened, and shared between processes, like an embedded state.
    const embedded = config.url.startsWith("pglite:")
      ? this.#stack.use(await openState({ url: config.url, password: null }, { migrate: "skip", log: logger("lms") }))
      : null;
    const { metrics } = this;
    const lms = await openLms(config, {
      // Of the state, once it is open: who only looks at the LMS needs none.
      keyStore: {
        keysOf: (ids) => this.#keyStore.keysOf(ids),
        remember: (entries) => this.#keyStore.remember(entries),
      },
      ...(embedded ? { sql: embedded.sql as unknown as Sql } : {}),
      onQuery: metrics === null ? undefined : (seconds) => metrics.lmsSeconds.observe(seconds),
    });
    this.#stack.defer(() => lms.close());
    return lms;
  }

  /** The one connection of the command. Throws ConfigError when Zulip's address or credentials are missing; nothing is asked yet. */
  zulip(): ZulipConnection {
    return this.#zulip ??= this.#connectZulip();
  }

  #connectZulip(): ZulipConnection {
    const { metrics } = this;
    const zulip = connectZulip(this.config.zulip, {
      log: logger("zulip"),
      onRequest: metrics === null ? undefined : (method, seconds) => metrics.zulipSeconds.observe(seconds, { method }),
    });
    this.#stack.defer(() => zulip.close());
    return zulip;
  }

  /** Runs `close` when the command ends, last opened first. */
  defer(close: () => void | Promise<void>): void {
    this.#stack.defer(close);
  }

  /** Something no longer answers: closing must not wait for it either. */
  hurry(): void {
    this.#patienceMs = HURRIED_CLOSE_MS;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#stack.disposeAsync();
    if (this.#patienceMs === null) return await closing;
    const ended = new AbortController();
    const closed = closing.catch(() => {}).finally(() => ended.abort());
    await Promise.race([closed, systemClock.sleep(this.#patienceMs, ended.signal)]);
  }
}

/** The part of the configuration that a poll decides by. */
export function pollSettings(config: Config): PollSettings {
  return { notify: config.notify, students: config.students, eventTypes: new Set(config.poll.eventTypes) };
}
