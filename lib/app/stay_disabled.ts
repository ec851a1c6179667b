import manifest from "../../deno.json" with { type: "json" };
import { createMetrics } from "../base/metrics.ts";
import type { CommandContext } from "./command_context.ts";
import { Health, serveHealth } from "./health_server.ts";

const SAY_EVERY_MS = 60 * 60_000;

/**
 * `watch` with `enabled: false`: touches neither LMS, state nor Zulip, and says so every hour until it is stopped. If it ended,
 * whoever supervises it would start it again and again, or take it for broken. Alive, and not ready.
 */
export async function stayDisabled({ config, clock, stop, log }: Omit<CommandContext, "out">): Promise<void> {
  const health = new Health(clock, config.poll.intervalMs);
  health.switchedOff();
  const server = config.listen === null
    ? null
    : serveHealth({ ...config.listen, clock }, health, createMetrics(manifest.version, config.source.name));
  try {
    while (!stop.soft.aborted) {
      log.warning(
        "lmsmon is switched off (enabled: false): nothing is polled, nothing is sent. Set it to true and restart",
      );
      await clock.sleep(SAY_EVERY_MS, stop.soft);
    }
    log.info("Stopped cleanly");
  } finally {
    await server?.shutdown();
  }
}
