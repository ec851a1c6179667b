import assert from "node:assert/strict";
import { createMetrics } from "../../lib/base/metrics.ts";

const FOLDER = new URL("../../docs/operations/", import.meta.url).pathname;
const alerts = await Deno.readTextFile(`${FOLDER}alerts.yml`);
// Where the program is missing, the promise may be refused or never be made.
const promtool =
  await (async () =>
    await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" }).output())()
    .catch(() => null);

Deno.test({
  ignore: promtool === null,
  name: `the alert rules fire when they should${
    promtool === null ? " [no promtool here: apt-get install prometheus]" : ""
  }`,
}, async () => {
  for (const args of [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]) {
    const { success, stdout, stderr } = await new Deno.Command("promtool", { args, cwd: FOLDER }).output();
    assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  }
});

Deno.test("alerts and dashboard ask only for series that lmsmon has, and the runbook names each alert", async () => {
  const dashboard = await Deno.readTextFile(`${FOLDER}grafana-dashboard.json`);
  const { panels } = JSON.parse(dashboard);
  assert.ok(panels.length > 5);
  const known = await createMetrics("0", "lms").registry.metrics();
  const asked = new Set(
    [...`${alerts}${dashboard}`.matchAll(/\b(lmsmon_[a-z_]+?)(?:_bucket)?\b(?=[{)\[ "'])/g)].map(([, name]) =>
      name ?? ""
    ),
  );
  for (const name of asked) assert.match(known, new RegExp(`^# HELP ${name.replace(/_bucket$/, "")} `, "m"), name);
  const runbook = await Deno.readTextFile(`${FOLDER}../operations.md`);
  for (const [, name] of alerts.matchAll(/alert: (\w+)/g)) assert.match(runbook, new RegExp(`\\| \`${name}\``));
});
