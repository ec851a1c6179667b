import assert from "node:assert/strict";
import { changedKeys } from "../../lib/config/effective.ts";
import { ALL_KEYS } from "../../lib/config/check_tree.ts";
import { loadConfig, type Need } from "../../lib/config/load_config.ts";
import { takeOver } from "../../lib/app/live_config.ts";

async function load(
  yaml: string,
  env: Record<string, string> = {},
  overrides = {},
  { needs = [], files = {} }: { readonly needs?: readonly Need[]; readonly files?: Record<string, string> } = {},
) {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_effective_" });
  try {
    for (const [name, text] of Object.entries({ ...files, "config.yaml": yaml })) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    return await loadConfig({ flag: undefined, env, cwd: folder, home: null, overrides, needs });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const YAML = `
lms: {url: "postgres://u:s3cret-of-lms@h/lms", name: inst}
notify:
  gather: \${GATHER:-5m}
  fuse: null
zulip: {api_key: abcdefabcdefabcdefabcdefabcdef12}
users: {overrides: {a@x.example: 7}}
state: {url: "pglite:/x/state"}
`;

Deno.test("effective keys are all keys, each with where its value comes from, and no secret", async () => {
  const config = await load(YAML, { LMS_ACTIVITY_POLL_INTERVAL: "30", ZULIP_SITE: "https://z.example" }, {
    "log.level": { value: "debug", from: "--log-level" },
  });
  const keys = new Map((config.effective ?? []).map((one) => [one.key, one]));
  const leaves = ALL_KEYS.map((path) => path.join(".")).filter((key, _, all) =>
    !all.some((other) => other.startsWith(`${key}.`))
  );
  const fuse = (key: string) => !key.startsWith("notify.fuse.");
  assert.deepEqual([...keys.keys()].filter((key) => key !== "notify.fuse"), leaves.filter(fuse));
  const said = (key: string) => [keys.get(key)?.value, keys.get(key)?.origin];
  assert.deepEqual(said("lms.name"), ["inst", "config.yaml:2"]);
  assert.deepEqual(said("poll.interval"), ["30s", "LMS_ACTIVITY_POLL_INTERVAL"]);
  assert.deepEqual(said("zulip.site"), ["https://z.example", "ZULIP_SITE"]);
  assert.deepEqual(said("log.level"), ["debug", "--log-level"]);
  assert.deepEqual(said("notify.gather"), ["5m", "config.yaml:4, from the environment"]);
  assert.deepEqual(said("notify.fuse"), [null, "config.yaml:5"]);
  assert.deepEqual(said("notify.quiet"), [null, "default"]);
  assert.deepEqual(said("zulip.api_key"), ["***", "config.yaml:6"]);
  assert.deepEqual(said("users.overrides"), [{ "a@x.example": 7 }, "config.yaml:7"]);
  assert.doesNotMatch(JSON.stringify(config.effective), /s3cret-of-lms|abcdefabcdef/);
});

Deno.test("changedKeys() and takeOver() name what changed, secrets too, and keep what needs a restart", async () => {
  const before = await load(YAML);
  assert.deepEqual(changedKeys(before, await load(YAML)), []);
  const next = await load(
    YAML.replace("5m", "1m").replace("s3cret-of-lms", "an0ther-one").replace("ef12", "ef13").replace(
      "fuse: null",
      "revisions: none",
    ),
  );
  const { config, changed, needRestart } = takeOver(before, next);
  assert.deepEqual(changed.filter((key) => !key.startsWith("notify.fuse")), [
    "lms.url",
    "notify.gather",
    "notify.revisions",
    "zulip.api_key",
  ]);
  assert.deepEqual(needRestart, ["lms.url", "zulip.api_key"]);
  assert.deepEqual([config.lms, config.notify.gatherMs, config.notify.revisions], [before.lms, 60_000, "none"]);
  assert.deepEqual(takeOver(config, next).changed, ["lms.url", "zulip.api_key"], "said again until the restart");

  // What nothing needs is not read, which is no change of it.
  const key = `${
    YAML.replace(/zulip:.*/, "")
  }\nzulip: {site: "https://z.example", email: b@z.example, api_key_file: key}\n`;
  const needs = ["delivery"] as const;
  const on = await load(key, {}, {}, { needs, files: { key: "abcdefabcdefabcdefabcdefabcdef12" } });
  const off = await load(key.replace("gather: ${GATHER:-5m}", "enabled: false"), {}, {}, { needs });
  assert.deepEqual(changedKeys(on, off).filter((changed) => !changed.startsWith("notify.")), []);
});

Deno.test("effective keys show ids beyond 2^53 with all their digits, and tell them apart", async () => {
  const of = (batch: string) => load(`${YAML}students: {batches: [4, ${batch}]}\n`);
  const [before, now] = [await of("9007199254740992"), await of("9007199254740993")];
  const shown = (now.effective ?? []).find(({ key }) => key === "students.batches")?.value;
  assert.deepEqual(shown, [4, "9007199254740993"]);
  assert.deepEqual(changedKeys(before, now), ["students.batches"]);
});
