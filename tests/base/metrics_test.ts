import assert from "node:assert/strict";
import { createMetrics } from "../../lib/base/metrics.ts";
import { refusalLabel } from "../../lib/tell/send_chunk.ts";
import { Health } from "../../lib/app/health_server.ts";
import { systemClock } from "../../lib/base/clock.ts";

Deno.test("metrics follow Prometheus's rules, name their source, and say nothing of what never was", async () => {
  const metrics = createMetrics("1.2.3", "testpress");
  const before = await metrics.registry.metrics();
  assert.doesNotMatch(before, /^lmsmon_last_successful_poll_timestamp_seconds[ {]/m, "no poll yet: unset, not 1970");
  assert.match(before, /^lmsmon_build_info\{version="1\.2\.3"\} 1$/m);
  assert.match(before, /^process_cpu_seconds_total \d/m);
  metrics.lastPoll.set(1_800_000_000);
  metrics.polls.inc({ mode: "quick", result: "ok" });
  metrics.refusals.inc({ reason: refusalLabel("BAD_REQUEST") });
  metrics.refusals.inc({ reason: refusalLabel("student 17 <x@y>") });
  const text = await metrics.registry.metrics();
  assert.match(text, /^lmsmon_last_successful_poll_timestamp_seconds\{source="testpress"\} 1800000000$/m);
  assert.match(text, /^lmsmon_refusals_total\{source="testpress",reason="OTHER"\} 1$/m);
  for (
    const line of text.split("\n").filter((each) => /^lmsmon_/.test(each) && !each.startsWith("lmsmon_build_info"))
  ) {
    assert.match(line, /\{source="testpress"[,}]|\{le="[^"]+",source="testpress"/, line);
  }
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    assert.equal(name?.endsWith("_total"), type === "counter", `${name} is a ${type}`);
    assert.match(name ?? "", /^(lmsmon|process)_[a-z_]+$/);
  }
});

Deno.test("/readyz is false while delivery is blocked, and says why", () => {
  const health = new Health(systemClock, 1000);
  assert.deepEqual([health.status().ready, health.status().reason], [false, "no poll has ended well yet"]);
  health.good(true);
  assert.deepEqual([health.status().ready, health.status().reason], [true, null]);
  health.delivery("delivery is blocked: HTTP 502");
  const { ready, reason, delivery } = health.status();
  assert.deepEqual([ready, reason, delivery], [false, "delivery is blocked: HTTP 502", "blocked"]);
  health.delivery(null);
  assert.equal(health.status().ready, true);
  let heldBackMs = 29_000; // the usual pace
  health.pacedBy(() => heldBackMs);
  assert.equal(health.status().ready, true);
  heldBackMs = 299_500;
  assert.match(health.status().reason ?? "", /^delivery is blocked: Zulip asks to be left alone for another 300 s/);
  assert.equal(health.status().delivery, "blocked");
  heldBackMs = 0;
  health.refused();
  assert.match(health.status().reason ?? "", /waits to be confirmed/);
});

Deno.test("docs/metrics.md names every series that /metrics has, and no other", async () => {
  const text = await createMetrics("1.2.3", "testpress").registry.metrics();
  const served = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name).sort();
  const documented = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  const cells = documented.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1] ?? "");
  assert.deepEqual(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name)).sort(), served);
});
