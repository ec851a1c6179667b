import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config/load_config.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const UNIT = `${ROOT}docs/lmsmon.service`;
const readme = await Deno.readTextFile(`${ROOT}README.md`);
const unit = await Deno.readTextFile(UNIT);

/** What stands in the README's code blocks of a language. */
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map((m) => m[1]);

Deno.test("the README shows the unit as the file has it", () => {
  assert.deepEqual(blocks("ini"), [unit]);
});

Deno.test("the way back to the version before is typed by who may not enter the state: cd is in what sudo runs", () => {
  const outside = blocks("sh").join("").split("\n").filter((line) => /^\s*cd \/var\/lib\/lmsmon/.test(line));
  assert.deepEqual(outside, []);
});

Deno.test("the unit starts what the README installs, gives up on what a restart cannot mend, and keeps its files to itself", () => {
  const lines = new Set(unit.split("\n"));
  for (
    const line of [
      "Type=exec",
      "ExecStart=/usr/local/bin/lmsmon --config /etc/lmsmon/config.yaml watch",
      "Restart=on-failure",
      "RestartPreventExitStatus=2 3",
      "UMask=0077",
      "StateDirectory=lmsmon",
      "LoadCredential=lms_password:/etc/lmsmon/lms_password",
    ]
  ) assert.ok(lines.has(line), line);
});

const analyze = await new Deno.Command("systemd-analyze", { args: ["--version"] }).output().catch(() => null);

Deno.test({
  ignore: analyze === null,
  name: `the unit's exposure is below 2.5${analyze === null ? " [install systemd: it has systemd-analyze]" : ""}`,
}, async () => {
  const { stdout } = await new Deno.Command("systemd-analyze", {
    args: ["security", "--offline=yes", "--no-pager", UNIT],
    stderr: "null",
  }).output();
  const [, level] = /Overall exposure level for lmsmon\.service: (\d+\.\d+)/.exec(new TextDecoder().decode(stdout)) ??
    [];
  assert.ok(level !== undefined && Number(level) < 2.5, level);
});

Deno.test("the README's configurations load, with credentials of the unit and without", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_config_" });
  try {
    const configurations = blocks("yaml").filter((text) => text?.startsWith("lms:"));
    assert.ok(configurations.length > 0);
    for (const text of configurations) {
      await Deno.writeTextFile(`${folder}/config.yaml`, text ?? "");
      await Deno.writeTextFile(`${folder}/lms_password`, "secret");
      await Deno.writeTextFile(`${folder}/zuliprc`, "[api]\n");
      const config = await loadConfig({
        flag: `${folder}/config.yaml`,
        env: { CREDENTIALS_DIRECTORY: folder },
        cwd: folder,
        home: null,
        needs: ["lms", "state", "zulip"],
      });
      assert.equal(config.lms.password?.reveal(), "secret");
      assert.equal(config.zulip.configFile, `${folder}/zuliprc`);
      const without = await loadConfig({ flag: `${folder}/config.yaml`, env: {}, cwd: folder, home: null });
      assert.equal(without.zulip.configFile, "/etc/lmsmon/zuliprc");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
