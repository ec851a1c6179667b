import assert from "node:assert/strict";
import { join } from "node:path";
import { PROGRAM, START } from "./support/program.ts";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The real program in an empty folder of its own (which is also its home), with the given files. */
async function withProgram(
  files: Record<string, string>,
  work: (lmsmon: (...args: string[]) => Promise<Run>, folder: string) => Promise<void>,
  env: Record<string, string> = {},
) {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_main_" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    const lmsmon = async (...args: string[]): Promise<Run> => {
      const { code, stdout, stderr } = await command(args, folder, env).output();
      return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
    };
    await work(lmsmon, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function command(args: string[], cwd: string, env: Record<string, string> = {}): Deno.Command {
  const { DENO_DIR, XDG_CACHE_HOME, HOME = "/root", PATH = "" } = Deno.env.toObject();
  return new Deno.Command(Deno.execPath(), {
    args: [...START, PROGRAM, ...args],
    cwd,
    clearEnv: true,
    // Deno keeps its own cache while the program has another home.
    env: { PATH, NO_COLOR: "1", HOME: cwd, DENO_DIR: DENO_DIR ?? `${XDG_CACHE_HOME ?? `${HOME}/.cache`}/deno`, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

Deno.test("lmsmon --version and --help end with 0 and print to stdout", async () => {
  await withProgram({}, async (lmsmon) => {
    const version = await lmsmon("--version");
    assert.deepEqual([version.code, version.err], [0, ""]);
    assert.match(version.out, /^lmsmon \d+\.\d+\.\d+\n$/);
    for (const args of [["--help"], ["help", "watch"], ["watch", "--help"]]) {
      const help = await lmsmon(...args);
      assert.deepEqual([help.code, help.err], [0, ""]);
      assert.match(help.out, /^Usage: lmsmon/);
    }
  });
});

Deno.test("lmsmon without a command shows its help on stderr and ends with 2", async () => {
  await withProgram({}, async (lmsmon) => {
    const { code, out, err } = await lmsmon();
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /^Usage: lmsmon/);
  });
});

const WRONG_USAGE: [string[], string][] = [
  [["--config", "", "stats"], "error: option '--config <FILE>' argument '' is invalid. It must not be empty.\n"],
  [
    ["release", "--poll", "3", "--poll", "4", "--json"],
    '{"error":{"code":"usage","message":"--poll is given twice, with two values"',
  ],
  [["pol-once"], "error: unknown command 'pol-once'\nhint: Did you mean poll-once?\n"],
  [["poll-once", "--dry-rum"], "error: unknown option '--dry-rum'\nhint: Did you mean --dry-run?\n"],
  [["--confg", "x", "watch"], "error: unknown option '--confg'\nhint: Did you mean --config?\n"],
  [["watch", "--confg", "x"], "error: unknown option '--confg'\nhint: Did you mean --config?\n"],
  [
    ["export-ai", "--type", "exam_pased"],
    'error: Cannot use --type: unknown event type "exam_pased" (did you mean "exam_passed"?)\n',
  ],
  [["notify-test", "--event", "nap"], "error: Cannot use --event: unknown event type"],
  [
    ["export-ai", "--limit", "many"],
    "error: option '--limit <N>' argument 'many' is invalid. It must be a whole number, at least 1.",
  ],
  [
    ["export-ai", "--since", "'; drop table x; --"],
    'error: Cannot read --since: "\'; drop table x; --" is no time\nhint: Write a duration',
  ],
  [["export-ai", "--since", "1d", "--until", "2d"], "error: Cannot export: --until is not after --since"],
  [["export-ai", "surplus"], "error: too many arguments for 'export-ai'."],
  [
    ["map-users", "--only", "parents"],
    "error: option '--only <WHO>' argument 'parents' is invalid. Allowed choices are mentors",
  ],
  [["map-users", "--json", "--csv"], "option '--json' cannot be used with option '--csv'"],
  [["release"], "error: Cannot release: say what to do\nhint: lmsmon release --list"],
  [["release", "--drop"], "error: Cannot release: --drop needs --reason TEXT"],
  [["release", "--poll", "0"], "error: option '--poll <N>' argument '0' is invalid."],
  [
    ["watch", "--interval", "often"],
    'error: --interval: must be a duration such as 30s, 15m, 24h, 7d or 1h30m, not "often"',
  ],
  [["watch", "--listen", "9464"], 'error: --listen: must be HOST:PORT such as 127.0.0.1:9464, not "9464"'],
  [["stats", "--log-level", "loud"], "error: option '--log-level <LEVEL>' argument 'loud' is invalid."],
  [
    ["stats", "--config", "none.yaml"],
    "error: Cannot read the configuration none.yaml (from --config): there is no such file",
  ],
];
for (const [args, expected] of WRONG_USAGE) {
  Deno.test(`lmsmon ${args.join(" ")} ends with 2 and says why`, async () => {
    await withProgram({ "config.yaml": "lms: {url: 'postgres://ro@127.0.0.1:1/lms'}" }, async (lmsmon) => {
      const { code, out, err } = await lmsmon(...args);
      assert.equal(code, 2, err);
      assert.equal(out, "");
      // Logs may come before it; a warning about nothing is no part of the error.
      assert(err.includes(expected), err);
      assert(!/\n\s+at /.test(err), `a stack trace: ${err}`);
    }, { ZULIP_SITE: "https://127.0.0.1:1", ZULIP_EMAIL: "bot@x.example", ZULIP_API_KEY: "key-of-the-bot" });
  });
}

Deno.test("lmsmon --json prints its error as JSON on stderr", async () => {
  await withProgram({}, async (lmsmon) => {
    const wrong = await lmsmon("stats", "--json", "--al");
    assert.equal(wrong.code, 2);
    assert.deepEqual(JSON.parse(wrong.err).error.code, "usage");
    const missing = await lmsmon("poll-once", "--json");
    assert.deepEqual([missing.code, missing.out], [2, ""]);
    const { error } = JSON.parse(missing.err);
    assert.equal(error.code, "config");
    assert.match(error.message, /^Cannot find a configuration: looked for .*config\.yaml/);
    assert.match(error.hint, /^Copy config\.example\.yaml to config\.yaml/);
  });
});

Deno.test("lmsmon takes the global flags before and after the command", async () => {
  const files = { "mine.yaml": "enabled: false\nlog: {format: pretty}" };
  await withProgram(files, async (lmsmon) => {
    for (
      const args of [
        ["--config", "mine.yaml", "poll-once"],
        ["poll-once", "--config", "mine.yaml"],
        ["poll-once", "--config=mine.yaml"],
      ]
    ) {
      const { code, out, err } = await lmsmon(...args);
      assert.equal(code, 0, err);
      assert.match(out, /switched off/);
    }
  });
});

Deno.test("lmsmon poll-once says so and ends with 0 when enabled is false", async () => {
  await withProgram({ "config.yaml": "poll: {interval: 5s}" }, async (lmsmon) => {
    assert.match((await lmsmon("poll-once")).out, /^lmsmon is switched off/);
    const { code, out } = await lmsmon("poll-once", "--json");
    assert.deepEqual([code, JSON.parse(out)], [0, {
      schema: 1,
      command: "poll-once",
      source: "testpress",
      enabled: false,
    }]);
  }, { LMS_ACTIVITY_MONITOR_ENABLED: "false" });
});

Deno.test("P7: no secret of the configuration is in an error, at any log level", async () => {
  const secrets = ["lms-pass-word", "state-pass-word", "zulip-api-key-9"];
  const files = {
    "config.yaml": "lms: {url: 'postgres://ro:lms-pass-word@127.0.0.1:1/lms', timezone: Nowhere}\n" +
      "state: {url: 'postgres://127.0.0.1:1/s', password_file: pw}\nzulip: {site: 'x', email: e, api_key: '${KEY}'}",
    "pw": "state-pass-word\n",
  };
  await withProgram(files, async (lmsmon) => {
    for (const args of [["poll-once"], ["poll-once", "--json"], ["doctor", "--log-level", "debug"]]) {
      const { out, err } = await lmsmon(...args);
      for (const secret of secrets) assert(!`${out}${err}`.includes(secret), `${secret} in ${out}${err}`);
    }
  }, { KEY: "zulip-api-key-9" });
});

Deno.test("lmsmon --log-level debug adds the stack trace to an error", async () => {
  await withProgram({ "config.yaml": "x: 1" }, async (lmsmon) => {
    assert.match((await lmsmon("stats", "--log-level", "debug")).err, /\n\s+at /);
    assert.doesNotMatch((await lmsmon("stats")).err, /\n\s+at /);
  });
});

Deno.test("lmsmon --help ends quietly when nobody reads it", async () => {
  await withProgram({}, async (_lmsmon, folder) => {
    const child = command(["--help"], folder).spawn();
    await child.stdout.cancel();
    const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assert.deepEqual([code, err], [0, ""]);
  });
});

Deno.test("lmsmon --help loads no library but commander, so that it starts at once", async () => {
  const main = new URL("../main.ts", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", main.pathname] }).output();
  const graph: {
    redirects: Record<string, string>;
    modules: {
      specifier: string;
      kind?: string;
      dependencies?: { code?: { specifier: string }; isDynamic?: boolean }[];
    }[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>();
  const walk = (specifier: string) => {
    const target = graph.redirects[specifier] ?? specifier;
    if (loaded.has(target)) return;
    loaded.add(target);
    for (const { code, isDynamic } of modules.get(target)?.dependencies ?? []) {
      if (code !== undefined && !isDynamic) walk(code.specifier);
    }
  };
  walk(main.href);
  const libraries = [...loaded].filter((specifier) => specifier.startsWith("npm:"));
  assert(libraries.length > 0 && libraries.every((name) => name.includes("commander")), libraries.join(", "));
  assert(loaded.size < 40, `${loaded.size} modules`);
});
