import type { ChaosRun } from "./chaos_run.ts";
import { SQL } from "./hostile_names.ts";
import type { Place } from "./place.ts";
import { runLmsmon } from "./watcher.ts";

/** Bombs, SQL in every string of the configuration, and connections that fail with a password at hand. */
export async function hostileConfigurations(run: ChaosRun, place: Place, secrets: readonly string[]): Promise<void> {
  const yaml = await Deno.readTextFile(place.config);
  const bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" +
    [..."bcdefghi"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(",")}]`).join("\n");
  const quoted = JSON.stringify(SQL);
  const variants: Record<string, readonly [string, readonly number[]]> = {
    "alias bomb": [bomb, [2]],
    "deep nesting": [`lms: ${"[".repeat(50_000)}`, [2]],
    "a huge key": [`${"k".repeat(5_000_000)}: 1`, [2]],
    "SQL as source name": [yaml.replace("name: testpress", `name: ${quoted}`), [0, 2]],
    "SQL as excluded student and override": [
      `${yaml}\nstudents: {exclude_usernames: [${quoted}]}\nadmin: {to: ${quoted}}\n`.replace(
        "users: {cache: 5s}",
        `users: {cache: 5s, overrides: {${quoted}: ${quoted}}}`,
      ),
      [0, 2],
    ],
    "SQL as fallback topic": [
      yaml.replace("  fuse: null", `  fuse: null\n  fallback: {channel: ${quoted}, topic: ${quoted}}`),
      [0, 1, 2, 4],
    ],
    "an LMS that is not there": [yaml.replace(/(lms:\n[^]*?url: "[^"]*:)\d+\//, "$11/"), [4]],
  };
  for (const [what, [text, codes]] of Object.entries(variants)) {
    run.tally.faults++;
    const config = `${place.folder}/hostile.yaml`;
    await Deno.writeTextFile(config, text);
    const began = performance.now();
    const { code, log, out, leaks } = await runLmsmon("poll-once", config, {
      args: ["--no-notify", "--log-level", "debug"],
      secrets,
    });
    const said = `${log.join("\n")}${out}`;
    if (!codes.includes(code)) run.fail(`${what}: poll-once ended with ${code}\n${said.slice(0, 500)}`);
    if (performance.now() - began > 30_000) run.fail(`${what}: took ${performance.now() - began} ms`);
    if (leaks.length > 0 || secrets.some((secret) => said.includes(secret))) run.fail(`${what} shows a secret`);
    if (/This is a fault/.test(said)) run.fail(`${what}: ${said.slice(0, 500)}`);
  }
}
