import { changedKeys } from "../config/effective.ts";
import type { Config } from "../config/config.ts";

/** The configuration of a running daemon: it can be exchanged between two rounds. */
export class LiveConfig {
  #config: Config;
  #changed = new AbortController();

  constructor(config: Config) {
    this.#config = config;
  }

  get config(): Config {
    return this.#config;
  }

  /** Aborts when the present configuration is no longer the one. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  exchange(next: Config): void {
    this.#config = next;
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort();
  }
}

/** What a running daemon cannot exchange: its connections, what it listens on, whether it is there at all. */
const NEEDS_RESTART = /^(enabled$|lms\.|state\.|zulip\.|listen$|log\.format$)/;

export interface Reloaded {
  /** The new configuration as far as it can be taken over. */
  readonly config: Config;
  readonly changed: readonly string[];
  /** Those of them that hold after a restart only. */
  readonly needRestart: readonly string[];
}

/** What becomes of a new configuration in a running daemon. Pure. */
export function takeOver(current: Config, next: Config): Reloaded {
  const changed = changedKeys(current, next);
  const kept = (key: string) => NEEDS_RESTART.test(key);
  const old = new Map((current.effective ?? []).map((one) => [one.key, one]));
  return {
    config: {
      ...next,
      enabled: current.enabled,
      source: current.source,
      lms: current.lms,
      state: current.state,
      zulip: current.zulip,
      listen: current.listen,
      log: { ...next.log, format: current.log.format },
      // What still needs a restart is said again by the next reload, too.
      effective: (next.effective ?? []).map((one) => kept(one.key) ? old.get(one.key) ?? one : one),
    },
    changed,
    needRestart: changed.filter(kept),
  };
}

/** For logs and results: `notify.gather, students.batches; lms.url only after a restart`. */
export function reloadWords({ changed, needRestart }: Pick<Reloaded, "changed" | "needRestart">): string {
  if (changed.length === 0) return "nothing changed";
  const now = changed.filter((key) => !needRestart.includes(key));
  const later = needRestart.length === 0 ? "" : `${needRestart.join(", ")} only after a restart`;
  return [now.join(", "), later].filter((part) => part !== "").join("; ");
}
