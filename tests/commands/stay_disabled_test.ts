import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { stayDisabled } from "../../lib/app/stay_disabled.ts";
import type { Config } from "../../lib/config/config.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { Health } from "../../lib/app/health_server.ts";

Deno.test("watch with enabled: false says so at once and every hour, until it is stopped", async () => {
  const soft = new AbortController();
  const slept: number[] = [];
  const said: string[] = [];
  const log = getLogger(["lmsmon", "test"]);
  await stayDisabled({
    config: { listen: null, poll: { intervalMs: 1000 } } as Config,
    stop: { soft: soft.signal, hard: soft.signal },
    clock: {
      ...systemClock,
      sleep: (ms) => {
        slept.push(ms);
        if (slept.length === 3) soft.abort();
        return Promise.resolve();
      },
    },
    log: Object.assign(Object.create(log), { warning: (text: string) => said.push(text), info: () => {} }),
  });
  assert.deepEqual(slept, [3_600_000, 3_600_000, 3_600_000]);
  assert.equal(said.length, 3);
  assert.match(said[0] ?? "", /switched off \(enabled: false\)/);
});

Deno.test("/readyz of a watch with enabled: false says that it is switched off, not that polls fail", () => {
  const health = new Health(systemClock, 1000);
  health.switchedOff();
  assert.deepEqual(health.status(), {
    ready: false,
    reason: "lmsmon is switched off (enabled: false)",
    role: "off",
    delivery: "blocked",
    lastGoodAgeS: null,
  });
});
