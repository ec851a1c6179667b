import assert from "node:assert/strict";
import { join } from "node:path";
import type { Config } from "../../lib/config/config.ts";
import { loadConfig, type LoadOptions } from "../../lib/config/load_config.ts";
import { ALL_KEYS } from "../../lib/config/check_tree.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { redact } from "../../lib/base/secrets.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LMS = "lms: {url: postgres://ro@lms.example/lms}\n";

/** A folder with the given files (home is `home/` in it), gone after the test. */
async function withFiles(files: Record<string, string>, work: (folder: string, load: Load) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_config_" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(join(folder, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, name), text);
    }
    await work(
      folder,
      (options = {}) => loadConfig({ flag: undefined, env: {}, cwd: folder, home: join(folder, "home"), ...options }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
type Load = (options?: Partial<LoadOptions>) => Promise<Config>;

async function problemsOf(loading: Promise<unknown>): Promise<string> {
  const error = await loading.then(() => assert.fail("was accepted"), (error: unknown) => error);
  assert(error instanceof ConfigError, String(error));
  return error.message;
}

Deno.test("config.example.yaml shows every key, and each with its default", async () => {
  await withFiles(
    { "example/config.yaml": await Deno.readTextFile(join(ROOT, "config.example.yaml")) },
    async (dir, load) => {
      const cwd = join(dir, "example");
      const example = await load({ cwd, needs: ["lms", "state"] });
      const defaults = await load({ cwd, noFile: true });
      assert.deepEqual(
        { ...example, effective: [], file: null, lms: { ...example.lms, url: "" } },
        { ...defaults, effective: [], file: null },
        "other than its default",
      );
      assert.equal(example.lms.url, "postgres://lms_readonly@lms.example.org:5432/lms");
      assert.equal(example.state.url, `pglite:${cwd}/lmsmon-state`);
      const text = await Deno.readTextFile(join(ROOT, "config.example.yaml"));
      for (const key of ALL_KEYS.map((path) => path.at(-1) ?? "")) assert(text.includes(key), `${key} is not shown`);
    },
  );
});

Deno.test("loadConfig() takes --config, then $LMSMON_CONFIG, ./config.yaml and ~/.config/lmsmon/config.yaml", async () => {
  const named = (name: string) => `lms: {name: ${name}}`;
  await withFiles({
    "flag.yaml": named("flag"),
    "env.yaml": named("env"),
    "config.yaml": named("here"),
    "home/.config/lmsmon/config.yaml": named("home"),
  }, async (folder, load) => {
    const env = { LMSMON_CONFIG: "env.yaml" };
    assert.equal((await load({ flag: "flag.yaml", env })).lms.name, "flag");
    assert.equal((await load({ env })).lms.name, "env");
    assert.equal((await load()).lms.name, "here");
    assert.equal((await load()).file, join(folder, "config.yaml"));
    await Deno.remove(join(folder, "config.yaml"));
    assert.equal((await load()).lms.name, "home");
  });
});

Deno.test("loadConfig() says where it looked when there is no file and an LMS or a state is needed", async () => {
  await withFiles({}, async (folder, load) => {
    const message = await problemsOf(load({ needs: ["lms"] }));
    assert.equal(
      message,
      `Cannot find a configuration: looked for ${folder}/config.yaml, ${folder}/home/.config/lmsmon/config.yaml, ` +
        "/etc/lmsmon/config.yaml",
    );
    assert.equal(await problemsOf(load({ needs: ["state"] })), message);
    assert.equal((await load()).state.url, `pglite:${folder}/lmsmon-state`);
  });
});

Deno.test("loadConfig() refuses a named file that is missing, a directory, binary or huge", async () => {
  await withFiles({ "nul.yaml": "a: \0", "big.yaml": "#".repeat(1_100_000) }, async (folder, load) => {
    assert.match(await problemsOf(load({ flag: "none.yaml" })), /none\.yaml \(from --config\): there is no such file/);
    assert.match(
      await problemsOf(load({ env: { LMSMON_CONFIG: "x" } })),
      /x \(from \$LMSMON_CONFIG\): there is no such/,
    );
    assert.match(await problemsOf(load({ flag: folder })), /it is a directory/);
    assert.match(await problemsOf(load({ flag: "nul.yaml" })), /it is not UTF-8 text/);
    assert.match(await problemsOf(load({ flag: "big.yaml" })), /larger than 1 MiB/);
  });
});

Deno.test("loadConfig() refuses deep nesting without a stack overflow", async () => {
  await withFiles({ "a.yaml": "[".repeat(200_000), "b.yaml": "- ".repeat(50_000) }, async (_folder, load) => {
    assert.match(await problemsOf(load({ flag: "a.yaml" })), /cannot be read as YAML/);
    assert.match(await problemsOf(load({ flag: "b.yaml" })), /cannot be read as YAML/);
  });
});

Deno.test("loadConfig() reports every problem at once, in the order of the file", async () => {
  await withFiles({
    "config.yaml": "poll:\n  intervall: 30s\n  full_pass: soon\nlms: {password: x, password_file: y}\nlisten: 1\n",
  }, async (_folder, load) => {
    const env = { LMS_ACTIVITY_POLL_INTERVAL: "often", LMS_NOTIFY_MENTORS_ENABLED: "maybe" };
    assert.deepEqual((await problemsOf(load({ needs: ["lms"], env }))).split("\n"), [
      "LMS_ACTIVITY_POLL_INTERVAL: must be a number of seconds such as 60",
      "LMS_NOTIFY_MENTORS_ENABLED: must be true or false",
      'config.yaml:2:3: poll.intervall: unknown key (did you mean "interval"?)',
      'config.yaml:3:14: poll.full_pass: must be a duration such as 30s, 15m, 24h, 7d or 1h30m, not "soon"',
      "config.yaml:4:1: lms.url: is missing; write postgres://USER@HOST:5432/DATABASE or mysql://…",
      "config.yaml:4:35: lms.password_file: is set, and lms.password too; keep one of them",
      "config.yaml:5:9: listen: must be HOST:PORT such as 127.0.0.1:9464, not 1",
    ]);
  });
});

Deno.test("loadConfig() reports everything that is wrong in one list, map or pair at once", async () => {
  await withFiles({
    "config.yaml": 'notify: {digest: {at: ["24:00", "13:30", 7]}}\n' +
      "users: {overrides: {a@inst.example: [], b@inst.example: 7, c@inst.example: true}}\n" +
      "poll: {event_types: [exam_pased, exam_passed, nothing]}\n" +
      "insights: {tell: {wekday: Mon, at: 8, most: 0}}\n",
  }, async (_folder, load) => {
    assert.deepEqual((await problemsOf(load({ needs: [] }))).split("\n").map((line) => line.split(": must ")[0]), [
      "config.yaml:1:24: notify.digest.at[0]",
      "config.yaml:1:42: notify.digest.at[2]",
      "config.yaml:2:37: users.overrides.a@inst.example",
      "config.yaml:2:76: users.overrides.c@inst.example",
      'config.yaml:3:22: poll.event_types[0]: unknown event type "exam_pased" (did you mean "exam_passed"?)',
      'config.yaml:3:47: poll.event_types[2]: unknown event type "nothing"; there are exam_started, exam_completed, ' +
      "exam_failed, exam_passed, content_started, content_completed, content_watched",
      'config.yaml:4:27: insights.tell.wekday: unknown key (did you mean "weekday"?)',
      "config.yaml:4:36: insights.tell.at",
      "config.yaml:4:45: insights.tell.most",
    ]);
  });
});

Deno.test("loadConfig() lets flags beat LMS_* variables, and those beat the file", async () => {
  await withFiles({
    "config.yaml": "enabled: true\npoll: {interval: 5m, event_types: [exam_failed]}\nnotify: {enabled: true}\n",
  }, async (_folder, load) => {
    const env = {
      LMS_ACTIVITY_MONITOR_ENABLED: "False",
      LMS_ACTIVITY_POLL_INTERVAL: "90",
      LMS_NOTIFY_MENTORS_ENABLED: "0",
      LMS_EVENT_TYPES_TO_MONITOR: "exam_passed, exam_started",
    };
    const overrides = { "poll.interval": { value: "2s", from: "--interval" } };
    assert.equal((await load()).poll.intervalMs, 300_000);
    const config = await load({ env });
    assert.equal(config.enabled, false);
    assert.equal(config.notify.enabled, false);
    assert.equal(config.poll.intervalMs, 90_000);
    assert.deepEqual(config.poll.eventTypes, ["exam_passed", "exam_started"]);
    assert.equal((await load({ env, overrides })).poll.intervalMs, 2000);
    assert.equal((await load({ env: { LMS_ACTIVITY_POLL_INTERVAL: "" } })).poll.intervalMs, 300_000);
  });
});

Deno.test("loadConfig() names the variable or flag whose value is wrong", async () => {
  await withFiles({ "config.yaml": "" }, async (_folder, load) => {
    assert.equal(
      await problemsOf(load({ env: { LMS_EVENT_TYPES_TO_MONITOR: "exam_pased" } })),
      'LMS_EVENT_TYPES_TO_MONITOR: unknown event type "exam_pased" (did you mean "exam_passed"?)',
    );
    assert.equal(
      await problemsOf(load({ env: { LMS_ACTIVITY_POLL_INTERVAL: "0" } })),
      'LMS_ACTIVITY_POLL_INTERVAL: must be at least 1s, not "0s"',
    );
    assert.match(
      await problemsOf(load({ overrides: { listen: { value: "x", from: "--listen" } } })),
      /^--listen: must be/,
    );
  });
});

Deno.test("loadConfig() lets the file beat ZULIP_* variables, and those beat the zuliprc", async () => {
  const env = { ZULIP_SITE: "env.example/", ZULIP_EMAIL: "env@x.example", ZULIP_API_KEY: "env-key-1234567" };
  await withFiles({ "config.yaml": "zulip: {email: file@x.example}", "home/.zuliprc": "[api]" }, async (dir, load) => {
    const { zulip } = await load({ env, needs: ["zulip"] });
    assert.equal(zulip.site, "https://env.example");
    assert.equal(zulip.email, "file@x.example");
    assert.equal(zulip.apiKey?.reveal(), "env-key-1234567");
    assert.equal(zulip.configFile, null, "no zuliprc when all three are known");
    const part = (await load({ env: { ZULIP_EMAIL: "env@x.example" }, needs: ["zulip"] })).zulip;
    assert.equal(part.configFile, join(dir, "home/.zuliprc"));
    assert.equal((await load({ env: { ZULIP_CONFIG: "bot.rc" } })).zulip.configFile, join(dir, "bot.rc"));
  });
});

Deno.test("loadConfig() names the zuliprc that is missing only when Zulip is needed", async () => {
  await withFiles({ "config.yaml": `${LMS}notify: {enabled: false}\n` }, async (folder, load) => {
    assert.match(
      await problemsOf(load({ needs: ["zulip"] })),
      new RegExp(
        `^config.yaml: zulip: no credentials for Zulip: cannot read ${folder}/home/.zuliprc: there is no such file`,
      ),
    );
    await load({ needs: ["lms", "state", "delivery"] }); // notify.enabled is false
  });
});

Deno.test("loadConfig() fills ${NAME} and ${NAME:-default} into values, never as YAML", async () => {
  await withFiles({
    "config.yaml": [
      "lms: {name: 'a${A}-${B:-b}', url: 'postgres://${USER}@h/db'}",
      "notify: {max_attempts: '${N}', fallback: {channel: '${INJECT}', topic: '$${A}'}}",
      "poll: {event_types: '${TYPES}'}",
      "students: {exclude_usernames: ['${A}']}",
    ].join("\n"),
  }, async (_folder, load) => {
    const config = await load({
      env: {
        A: "1",
        B: "",
        USER: "ro",
        N: "3",
        INJECT: "x, topic: y}\nenabled: false",
        TYPES: "exam_passed,exam_failed",
      },
    });
    assert.equal(config.lms.name, "a1-b");
    assert.equal(config.lms.url, "postgres://ro@h/db");
    assert.equal(config.notify.maxAttempts, 3);
    assert.deepEqual(config.notify.fallback, { channel: "x, topic: y}\nenabled: false", topic: "${A}" });
    assert.equal(config.enabled, true);
    assert.deepEqual(config.poll.eventTypes, ["exam_passed", "exam_failed"]);
    assert.deepEqual(config.students.excludeUsernames, ["1"]);
  });
});

Deno.test("loadConfig() wants an LMS's variables and secrets only where the LMS is needed", async () => {
  await withFiles({
    "config.yaml": "lms: {url: 'postgres://${LMS_HOST}/x', password_file: ./none}\nzulip: {api_key: '${KEY}'}\n",
  }, async (_folder, load) => {
    const config = await load({ needs: ["state"] });
    assert.equal(config.lms.url, "");
    assert.equal(config.lms.password, null);
    assert.equal(
      await problemsOf(load({ needs: ["lms"], env: { LMS_HOST: "h" } })),
      "config.yaml:1:55: lms.password_file: names no file that exists; create it, readable for this user, or set " +
        "lms.password",
    );
    assert.match(
      await problemsOf(load({ needs: ["lms"] })),
      /^config.yaml:1:12: lms.url: the environment variable LMS_HOST/,
    );
  });
});

Deno.test("loadConfig() reads secrets from files, without their last line break, relative to the configuration", async () => {
  await withFiles({
    "etc/config.yaml": `${
      LMS.replace("}", ", password_file: ../pw}")
    }state: {password_file: ~/state, url: "postgres://a@b/c"}`,
    "pw": "file-secret-1 \n",
    "home/state": "file-secret-2\r\n",
    "empty.yaml": "state: {password_file: ./nothing, url: 'postgres://a@b/c'}",
    "nothing": "\n",
  }, async (_folder, load) => {
    const config = await load({ flag: "etc/config.yaml", needs: ["lms", "state"] });
    assert.equal(config.lms.password?.reveal(), "file-secret-1 ");
    assert.equal(config.state.password?.reveal(), "file-secret-2");
    assert.match(await problemsOf(load({ flag: "empty.yaml", needs: ["state"] })), /nothing: it is empty/);
  });
});

Deno.test("loadConfig() refuses a file that holds no password, before a server says that it is wrong", async () => {
  for (
    const [bytes, problem] of [
      [new Uint8Array([0xff, 0xfe, 0x61, 0, 0x62, 0]), "is not UTF-8 text"], // as PowerShell redirects it
      [new TextEncoder().encode("a\0b\0"), "is not UTF-8 text"],
      [new TextEncoder().encode("first\nsecond\n"), "has several lines, and a password or key has one"],
      [new TextEncoder().encode("  \n"), "is empty"],
    ] as const
  ) {
    await withFiles({ "config.yaml": LMS.replace("}", ", password_file: pw}") }, async (folder, load) => {
      await Deno.writeFile(join(folder, "pw"), bytes);
      const told = await problemsOf(load({ needs: ["lms"] }));
      assert.match(told, new RegExp(`lms.password_file: cannot use ${folder}/pw: it ${problem};`));
      assert(!/first|second/.test(told));
    });
  }
  await withFiles({ "config.yaml": LMS.replace("}", ", password_file: pw}") }, async (folder, load) => {
    await Deno.writeTextFile(join(folder, "pw"), "\uFEFFonly-one\r\n\n");
    assert.equal((await load({ needs: ["lms"] })).lms.password?.reveal(), "only-one");
  });
});

Deno.test("P7: a password inside a URL is taken out of it and never printed", async () => {
  await withFiles({
    "config.yaml": "lms: {url: 'mariadb://ro:s%40cret-word@h:3307/lms?ssl=true'}\n" +
      "state: {url: 'postgresql://me@h2/s?password=another-secret'}\n",
  }, async (_folder, load) => {
    const config = await load({ needs: ["lms", "state"] });
    assert.equal(config.lms.url, "mysql://ro@h:3307/lms?ssl=true");
    assert.equal(config.lms.password?.reveal(), "s@cret-word");
    assert.equal(config.state.url, "postgres://me@h2/s");
    assert.equal(config.state.password?.reveal(), "another-secret");
    const printed = `${JSON.stringify(config)} ${Deno.inspect(config, { depth: 9 })}`;
    assert(!/cret-word|another-secret/.test(printed), printed);
    assert.equal(redact("login s@cret-word or s%40cret-word failed"), "login *** or *** failed");
  });
});

Deno.test("loadConfig() finds the certificates of a URL beside the configuration and at home, or names the parameter", async () => {
  const pem = await Deno.readTextFile(new URL("../bot/tls/authority.pem", import.meta.url));
  await withFiles({
    "etc/config.yaml": "lms: {url: 'postgres://ro@h/lms?sslrootcert=../ca.pem'}\n" +
      "state: {url: 'postgres://me@h2/s?sslmode=require&sslrootcert=~/ca.pem'}\n",
    "ca.pem": pem,
    "home/ca.pem": pem,
    "wrong.yaml": "lms: {url: 'postgres://ro@h/lms?sslmode=verify-ca&sslrootcert=hunter2.pem'}\n" +
      "state: {url: 'postgres://me@h2/s?sslrootcert=wrong.yaml'}\n",
    "both.yaml": "lms:\n  url: mysql://ro@h/lms?sslMode=VERIFY_CA&sslca=none.pem&requireSSL=x&Passwd=S3cretWord\n",
  }, async (folder, load) => {
    const config = await load({ flag: "etc/config.yaml", needs: ["lms", "state"] });
    assert.equal(config.lms.url, `postgres://ro@h/lms?sslrootcert=${folder}/ca.pem`);
    assert.equal(config.state.url, `postgres://me@h2/s?sslmode=require&sslrootcert=${folder}/home/ca.pem`);
    assert.equal(
      await problemsOf(load({ flag: "wrong.yaml", needs: ["lms", "state"] })),
      "wrong.yaml:1:12: lms.url: names a sslrootcert that does not exist; a relative path begins where the configuration file is\n" +
        `wrong.yaml:2:14: state.url: names a sslrootcert that is no certificate in PEM form: ${folder}/wrong.yaml`,
    );
    await load({ flag: "wrong.yaml", needs: [] }); // what a command does not need is not read
    const problems = await problemsOf(load({ flag: "both.yaml", needs: [] }));
    assert.match(
      problems,
      /^both.yaml:2:8: lms.url: has the parameter "requireSSL", .* known are host, .*sslmode/,
    );
    assert.doesNotMatch(problems, /S3cretWord/);
  });
});

Deno.test("loadConfig() gives a group whose keys are all commented out its defaults", async () => {
  await withFiles({ "config.yaml": "poll:\n#  interval: 30s\nnotify:\nlms:\n" }, async (_folder, load) => {
    const config = await load();
    assert.equal(config.poll.intervalMs, 60_000);
    assert.equal(config.notify.digestAbove, 1);
  });
});

Deno.test("loadConfig() reads null where it means off or no limit", async () => {
  await withFiles({
    "config.yaml": "notify: {max_per_mentor: null, max_age: null, fuse: null, digest: {at: []}}\n" +
      "students: {batches: [4, 9007199254740993]}\n",
  }, async (_folder, load) => {
    const { notify, students } = await load();
    assert.equal(notify.maxPerMentor, null);
    assert.equal(notify.maxAgeMs, null);
    assert.equal(notify.fuse, null);
    assert.deepEqual(notify.digest.at, []);
    assert.deepEqual(students.batches, ["4", "9007199254740993"]);
  });
});

Deno.test("loadConfig() reads notify.gather and notify.quiet, off where they say so", async () => {
  for (
    const [text, gatherMs, quiet] of [
      ["{}", 600_000, null],
      ["{gather: 0, quiet: null}", 0, null],
      ["{gather: 0s, quiet: 22:00-07:00}", 0, { from: 1320, to: 420 }],
      ["{gather: 90s, quiet: 9:30 - 24:00}", 90_000, { from: 570, to: 0 }],
      ['{gather: "${GATHER:-0}", quiet: "${QUIET:-00:00-06:15}"}', 0, { from: 0, to: 375 }],
    ] as const
  ) {
    await withFiles({ "config.yaml": `notify: ${text}\n` }, async (_folder, load) => {
      const { notify } = await load();
      assert.deepEqual([notify.gatherMs, notify.quiet], [gatherMs, quiet], text);
    });
  }
});

Deno.test("loadConfig() needs nothing while lmsmon is switched off", async () => {
  await withFiles({ "config.yaml": "enabled: false" }, async (_folder, load) => {
    const needs = ["lms", "state", "delivery"] as const;
    assert.equal((await load({ needs, nothingWhenDisabled: true })).enabled, false);
    assert.match(await problemsOf(load({ needs })), /lms.url: is missing/);
  });
});

Deno.test("P7: a secret written where the path of its file belongs is not shown, for no such key", async () => {
  const secret = "Hunter2/hunter2";
  const cases = [
    [`lms: {url: 'postgres://ro@h/lms', password_file: ${secret}}`, "lms.password_file"],
    [`lms: {url: 'postgres://ro@h/lms', password_file: ./${secret}}`, "lms.password_file"],
    [`lms: {url: 'postgres://ro@h/lms', password_file: config.yaml/${secret}}`, "lms.password_file"],
    [`lms: {url: 'postgres://ro@h/lms', password_file: ${secret.repeat(30)}}`, "lms.password_file"],
    [`${LMS}state: {url: 'postgres://ro@h/state', password_file: ${secret}}`, "state.password_file"],
    [`${LMS}zulip: {site: z.example.org, email: b@x.example, api_key_file: ${secret}}`, "zulip.api_key_file"],
    [`${LMS}zulip: {config_file: ${secret}}`, "zulip.config_file"],
  ] as const;
  for (const [text, key] of cases) {
    await withFiles({ "config.yaml": `${text}\n` }, async (_folder, load) => {
      const problems = await problemsOf(load({ needs: ["lms", "state", "zulip"] }));
      assert.match(problems, new RegExp(`^config.yaml:\\d+:\\d+: ${key}: .*names no file that exists`, "m"));
      assert.ok(!/hunter/i.test(problems), problems);
    });
  }
});

Deno.test("a password file below a folder that is there is named when it is missing: ${CREDENTIALS_DIRECTORY} says to nobody where", async () => {
  await withFiles({
    "config.yaml":
      "lms: {url: 'postgres://ro@h/lms', password_file: '${PLACE}/lms_password'}\nzulip: {config_file: '${PLACE}/rc'}\n",
  }, async (folder, load) => {
    const problems = await problemsOf(load({ env: { PLACE: folder }, needs: ["lms", "zulip"] }));
    assert.ok(
      problems.includes(`lms.password_file: cannot read ${folder}/lms_password: there is no such file`),
      problems,
    );
    assert.ok(
      problems.includes(`zulip.config_file: no credentials for Zulip: cannot read ${folder}/rc: there is no`),
      problems,
    );
    assert.doesNotMatch(await problemsOf(load({ env: { PLACE: "/hunter2" }, needs: ["lms", "zulip"] })), /hunter/);
  });
});

Deno.test("loadConfig() still names a password file that is there and cannot be used", async () => {
  await withFiles(
    { "config.yaml": "lms: {url: 'postgres://ro@h/lms', password_file: secret}\n", "secret/x": "" },
    async (folder, load) => {
      assert.match(
        await problemsOf(load({ needs: ["lms"] })),
        new RegExp(`cannot read ${folder}/secret: it is a directory`),
      );
    },
  );
});

Deno.test("P7: what a variable of the environment holds is in no problem", async () => {
  await withFiles({ "config.yaml": LMS }, async (_folder, load) => {
    for (
      const name of [
        "LMS_ACTIVITY_MONITOR_ENABLED",
        "LMS_ACTIVITY_POLL_INTERVAL",
        "LMS_NOTIFY_MENTORS_ENABLED",
        "LMS_EVENT_TYPES_TO_MONITOR",
        "ZULIP_ALLOW_INSECURE",
      ]
    ) {
      const problems = await problemsOf(load({ env: { [name]: "hunter2hunter2" } }));
      assert.match(problems, new RegExp(`^${name}`));
      assert.ok(!problems.includes("hunter"), problems);
    }
  });
});

Deno.test("P7: the secrets of a database URL are redacted from whatever quotes it, also when it cannot be read", async () => {
  const url = "postgres://ro:p4ss%2Fw0rd@h/lms?sslPassword=cl13nt%21key&passwd=0therw0rd&sslmode=require";
  await withFiles({ "config.yaml": `lms: {url: '${url}'}\n` }, async (_folder, load) => {
    await load({ needs: ["lms"] }).catch(() => {}); // whether or not such parameters are accepted
    for (const secret of ["p4ss%2Fw0rd", "p4ss/w0rd", "cl13nt%21key", "cl13nt!key", "0therw0rd"]) {
      assert.equal(redact(`a driver says ${secret}.`), "a driver says ***.");
    }
  });
});
