import assert from "node:assert/strict";
import { join } from "node:path";
import { formerStateWords } from "../../lib/config/default_state.ts";
import { loadConfig } from "../../lib/config/load_config.ts";

/** A machine's `/etc` and `/var/lib` in a folder of its own. */
async function withMachine(work: (machine: Machine) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_config_" });
  const system = { config: join(folder, "etc/lmsmon/config.yaml"), state: join(folder, "var/lib/lmsmon/state") };
  try {
    await Deno.mkdir(join(folder, "etc/lmsmon"), { recursive: true });
    await Deno.writeTextFile(system.config, "log: {level: info}\n");
    const load = (options: { readonly flag?: string; readonly cwd?: string; readonly home?: string } = {}) =>
      loadConfig({ flag: undefined, env: {}, cwd: folder, home: join(folder, "home"), system, ...options });
    await work({ folder, system, load });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Machine {
  readonly folder: string;
  readonly system: { readonly config: string; readonly state: string };
  readonly load: (options?: { readonly flag?: string; readonly cwd?: string; readonly home?: string }) => ReturnType<
    typeof loadConfig
  >;
}

Deno.test("the machine's own configuration has its state in /var/lib, whoever runs the command and however the file is named", () =>
  withMachine(async ({ folder, system, load }) => {
    const wanted = `pglite:${system.state}`;
    assert.equal((await load()).state.url, wanted);
    assert.equal((await load({ home: join(folder, "other") })).state.url, wanted);
    assert.equal((await load({ flag: system.config })).state.url, wanted);
    assert.equal((await load({ flag: "config.yaml", cwd: join(folder, "etc/lmsmon") })).state.url, wanted);
    assert.equal((await load({ flag: "./etc/../etc/lmsmon/config.yaml" })).state.url, wanted);
    assert.equal((await load()).state.former, undefined);
  }));

Deno.test("any other configuration has its state beside it", () =>
  withMachine(async ({ folder, load }) => {
    await Deno.writeTextFile(join(folder, "config.yaml"), "log: {level: info}\n");
    assert.equal((await load()).state.url, `pglite:${folder}/lmsmon-state`);
    await Deno.writeTextFile(join(folder, "etc/lmsmon/other.yaml"), "log: {level: info}\n");
    assert.equal((await load({ flag: "etc/lmsmon/other.yaml" })).state.url, `pglite:${folder}/etc/lmsmon/lmsmon-state`);
  }));

Deno.test("a state at the default of 0.1 goes on being used, and is told of", () =>
  withMachine(async ({ folder, system, load }) => {
    const former = join(folder, "etc/lmsmon/lmsmon-state");
    await Deno.mkdir(former);
    const { state } = await load();
    assert.equal(state.url, `pglite:${former}`);
    assert.deepEqual(state.former, { path: former, now: system.state, isUsed: true });
    const { message, hint } = formerStateWords({ path: former, now: system.state, isUsed: true });
    assert.ok(message.includes(former) && message.includes(system.state));
    assert.ok(hint.includes(`mv ${former} ${system.state}`));
  }));

Deno.test("a state at the default of 0.1 beside one at the present default is told of, and the present one is used", () =>
  withMachine(async ({ folder, system, load }) => {
    const former = join(folder, "etc/lmsmon/lmsmon-state");
    await Deno.mkdir(former);
    await Deno.mkdir(system.state, { recursive: true });
    const { state } = await load();
    assert.equal(state.url, `pglite:${system.state}`);
    assert.deepEqual(state.former, { path: former, now: system.state, isUsed: false });
  }));

Deno.test("a configured state.url is used as it is, whatever lies at a default", () =>
  withMachine(async ({ folder, system, load }) => {
    await Deno.mkdir(join(folder, "etc/lmsmon/lmsmon-state"));
    await Deno.writeTextFile(system.config, `state: {url: "pglite:./mine"}\n`);
    const { state } = await load();
    assert.equal(state.url, `pglite:${folder}/etc/lmsmon/mine`);
    assert.equal(state.former, undefined);
  }));
