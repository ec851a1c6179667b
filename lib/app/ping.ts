import type { Logger } from "../base/log.ts";

const PATIENCE_MS = 10_000;

/**
 * Tells a watchdog outside (healthchecks.io, Uptime Kuma, …) that a poll went well: when it hears nothing any more, it rings. One request
 * at a time, and no failure of it is lmsmon's trouble; the address is a secret, so it is never logged.
 */
export class Pinger {
  #busy = false;
  #failed = false;

  constructor(private readonly log: Pick<Logger, "warning" | "info">) {}

  async ping(url: string | null, signal?: AbortSignal): Promise<void> {
    if (url === null || this.#busy) return;
    this.#busy = true;
    try {
      const timeout = AbortSignal.timeout(PATIENCE_MS);
      const response = await fetch(url, {
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      if (this.#failed) this.log.info("health.ping_url answers again");
      this.#failed = false;
    } catch (error) {
      if (!this.#failed && signal?.aborted !== true) {
        const reason = error instanceof Error ? error.message.slice(0, 200) : "";
        this.log.warning("Cannot reach health.ping_url: {reason}", { reason });
      }
      this.#failed = true;
    } finally {
      this.#busy = false;
    }
  }
}
