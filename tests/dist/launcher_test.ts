import assert from "node:assert/strict";
import { selfExtracting } from "../../.ci/self_extracting.ts";
import { makeOwnPlace } from "./own_place.ts";

const ignore = Deno.build.os !== "linux";
const isRoot = Deno.uid() === 0;
const NOBODY = 65534;
const DAY_S = 24 * 3600;

/** What the launcher starts here: says so, and with "wait" stays until its input ends. */
const PROGRAM = `console.log("started", ...Deno.args);
if (Deno.args[0] === "wait") for await (const _ of Deno.stdin.readable);`;

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Released files around a small program, and an own place for their caches. */
class Place implements Disposable {
  readonly root = makeOwnPlace(".lmsmon-launcher-");

  /** A version whose content nobody else has. */
  async release(name: string): Promise<string> {
    const content = `${this.root}/content-${name}`;
    Deno.mkdirSync(`${content}/program`, { recursive: true });
    Deno.writeTextFileSync(`${content}/program/main.js`, `// ${name} ${crypto.randomUUID()}\n${PROGRAM}`);
    // Copying the runtime's hundred megabytes for each case would take minutes.
    Deno.writeTextFileSync(`${content}/deno`, `#!/bin/sh\nexec "${Deno.execPath()}" "$@"\n`, { mode: 0o755 });
    const target = `${this.root}/${name}`;
    await selfExtracting({ target, content, version: name, flags: ["--no-prompt", "--allow-read"], compression: 1 });
    return target;
  }

  folder(name: string, mode = 0o700): string {
    const path = `${this.root}/${name}`;
    Deno.mkdirSync(path, { recursive: true });
    Deno.chmodSync(path, mode);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

const env = (given: Readonly<Record<string, string>>) => ({ PATH: Deno.env.get("PATH") ?? "", ...given });

async function run(
  file: string,
  given: Readonly<Record<string, string>>,
  shell: readonly string[] = [],
): Promise<Result> {
  const [command = file, ...args] = [...shell, file, "x y"];
  const options = { args, env: env(given), clearEnv: true, cwd: "/" };
  const { code, stdout, stderr } = await whenClosed(() => new Deno.Command(command, options).output());
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/**
 * A process that another test starts while a script is written has it open for writing until it runs its own program, and until then
 * the script cannot be run ("Text file busy").
 */
async function whenClosed<T>(start: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Error) || !/\(os error 26\)/.test(error.message)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function refused({ code, out, err }: Result, why: RegExp): void {
  assert.equal(out, "");
  assert.match(err, why);
  assert.match(err, /^error: Cannot start lmsmon: .*\nhint: .*LMSMON_CACHE.*\n$/);
  assert.equal(code, 1);
}

const started = ({ code, out, err }: Result) =>
  assert.deepEqual({ code, out, err }, { code: 0, out: "started x y\n", err: "" });

/** The only unpacked version in a cache. */
function versionIn(cache: string): string {
  const [version, ...more] = [...Deno.readDirSync(cache)].filter((entry) => entry.isDirectory);
  assert.ok(version !== undefined && more.length === 0);
  return `${cache}/${version.name}`;
}

const shells = [["sh"], ["dash"], ["busybox", "sh"], ["bash", "--posix"]];

for (const shell of shells) {
  const [command = ""] = shell;
  const isHere = new Deno.Command("sh", { args: ["-c", `command -v ${command}`] }).outputSync().success;
  Deno.test({
    name: `the launcher unpacks, starts again and refuses under ${shell.join(" ")}`,
    ignore: ignore || !isHere,
    fn: async () => {
      using place = new Place();
      const file = await place.release("v1");
      const cache = `${place.root}/home/.cache/lmsmon`;
      started(await run(file, { HOME: `${place.root}/home` }, shell));
      const version = versionIn(cache);
      started(await run(file, { HOME: `${place.root}/home` }, shell));
      assert.equal(versionIn(cache), version, "unpacked once");
      refused(await run(file, {}, shell), /none of LMSMON_CACHE, XDG_CACHE_HOME and HOME is set/);
      Deno.chmodSync(cache, 0o777);
      refused(await run(file, { HOME: `${place.root}/home` }, shell), /everybody may write \S+\/lmsmon\n/);
    },
  });
}

Deno.test({
  name: "a hang-up ends nothing while the launcher unpacks, and who stops it finds nothing left",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    // A gzip that hits the launcher before it unpacks: the shell heeds a signal when the command in hand has ended.
    const bin = place.folder("bin");
    Deno.writeTextFileSync(
      `${bin}/gzip`,
      `#!/bin/sh\nkill -s "$HIT" $PPID\nPATH=\${PATH#*:}\nexec gzip "$@"\n`,
      { mode: 0o755 },
    );
    const PATH = `${bin}:${Deno.env.get("PATH")}`;
    for (const signal of ["INT", "TERM"] as const) {
      const cache = place.folder(`cache-${signal}`);
      const { status, stdout } = new Deno.Command(file, {
        ...{ args: ["x y"], env: { PATH, HIT: signal, LMSMON_CACHE: cache }, clearEnv: true, cwd: "/" },
        ...{ stdin: "null", stdout: "piped", stderr: "null" },
      }).spawn();
      assert.equal(await new Response(stdout).text(), "");
      assert.equal((await status).signal, `SIG${signal}`);
      assert.deepEqual([...Deno.readDirSync(cache)], []);
    }
    started(await run(file, { PATH, HIT: "HUP", LMSMON_CACHE: place.folder("cache") }));
  },
});

Deno.test({
  name: "two first starts at once leave one copy, and both start, wherever one of them overtakes the other",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    // The slow start meets the other one, from its beginning to its end, right before it runs one of its tools.
    for (const tool of ["mkdir", "tail", "rm", "ln", "readlink"]) {
      const cache = place.folder(`cache-${tool}`);
      const bin = place.folder(`bin-${tool}`);
      const other = `${place.root}/other-${tool}`;
      Deno.writeTextFileSync(
        `${bin}/${tool}`,
        `#!/bin/sh\nPATH=\${PATH#*:}\n[ -e ${other} ] || { : > ${other}; ${file} other > ${other} 2>&1; }\nexec ${tool} "$@"\n`,
        { mode: 0o755 },
      );
      started(await run(file, { PATH: `${bin}:${Deno.env.get("PATH")}`, LMSMON_CACHE: cache }));
      versionIn(cache);
      // Where nothing is left to remove, nothing is, and nobody overtakes.
      if (tool !== "rm") assert.equal(await Deno.readTextFile(other), "started other\n", tool);
      started(await run(file, { LMSMON_CACHE: cache }));
    }
  },
});

Deno.test({
  name: "the launcher without HOME does not run what a stranger unpacked in the temporary folder",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    const temporary = Deno.makeTempDirSync({ dir: "/tmp", prefix: "lmsmon-stranger-" });
    try {
      // As the stranger would: a finished version under the right name.
      const content = /^content=(\w+)$/m.exec(await Deno.readTextFile(file))?.[1] ?? assert.fail();
      Deno.mkdirSync(`${temporary}/lmsmon/${content}`, { recursive: true });
      Deno.writeTextFileSync(`${temporary}/lmsmon/${content}/complete`, "");
      Deno.writeTextFileSync(`${temporary}/lmsmon/${content}/deno`, "#!/bin/sh\necho strange code\n", { mode: 0o755 });
      for (const part of ["program", "cache"]) Deno.mkdirSync(`${temporary}/lmsmon/${content}/${part}`);
      for (const part of ["hold.js", "program/main.js"]) {
        Deno.writeTextFileSync(`${temporary}/lmsmon/${content}/${part}`, "");
      }
      refused(await run(file, { TMPDIR: temporary }), /none of LMSMON_CACHE/);
      refused(await run(file, { HOME: "", XDG_CACHE_HOME: "", LMSMON_CACHE: "" }), /none of LMSMON_CACHE/);
      for (const given of [{ XDG_CACHE_HOME: temporary }, { LMSMON_CACHE: `${temporary}/lmsmon` }]) {
        refused(await run(file, given), /everybody may write \/tmp\n/);
      }
      Deno.removeSync(`${temporary}/lmsmon/${content}/hold.js`); // also when it does not look like a whole version
      refused(await run(file, { XDG_CACHE_HOME: temporary }), /everybody may write \/tmp\n/);
      const cache = place.folder("cache");
      started(await run(file, { LMSMON_CACHE: cache }));
      Deno.removeSync(`${versionIn(cache)}/hold.js`);
      refused(await run(file, { LMSMON_CACHE: cache }), /lmsmon: \S+\/cache\/\w+ is not whole or cannot be read\n/);
    } finally {
      Deno.removeSync(temporary, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "the launcher refuses every place below a folder that everybody may write, sticky or reached by a link, and makes nothing there",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    const safe = place.folder("safe");
    for (const [name, mode] of [["open", 0o777], ["sticky", 0o1777]] as const) {
      const world = place.folder(name, mode);
      const why = new RegExp(`everybody may write ${world}\n`);
      refused(await run(file, { LMSMON_CACHE: `${world}/a/b` }), why);
      refused(await run(file, { XDG_CACHE_HOME: world }), why);
      refused(await run(file, { HOME: `${world}/../${name}` }), why);
      assert.deepEqual([...Deno.readDirSync(world)], []);
      Deno.symlinkSync(safe, `${world}/link`);
      refused(await run(file, { LMSMON_CACHE: `${world}/link` }), why);
      Deno.symlinkSync(world, `${safe}/${name}`);
      const reached = new RegExp(`everybody may write (${world}|${safe}/${name})\n`);
      refused(await run(file, { LMSMON_CACHE: `${safe}/${name}/cache` }), reached);
      assert.deepEqual([...Deno.readDirSync(world)].map((entry) => entry.name), ["link"]);
    }
    Deno.symlinkSync(place.folder("elsewhere"), `${safe}/link`);
    started(await run(file, { LMSMON_CACHE: `${safe}/link` })); // one's own link to one's own folder
  },
});

Deno.test({
  name:
    "the launcher refuses a cache that its group or everybody may write, and a finished version that others may change",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    for (const mode of [0o770, 0o720, 0o702, 0o777]) {
      const cache = place.folder("cache", mode);
      refused(await run(file, { LMSMON_CACHE: cache }), /(group \d+|everybody) may write \S+\/cache\n/);
      assert.deepEqual([...Deno.readDirSync(cache)], []);
    }
    const cache = place.folder("cache", 0o755);
    started(await run(file, { LMSMON_CACHE: cache }));
    const version = versionIn(cache);
    for (const part of ["", "/deno", "/hold.js", "/program", "/program/main.js", "/cache", "/complete"]) {
      const { mode } = Deno.statSync(version + part);
      for (const more of [0o020, 0o002]) {
        Deno.chmodSync(version + part, (mode ?? 0) & 0o7777 | more);
        refused(await run(file, { LMSMON_CACHE: cache }), /(group \d+|everybody) may write /);
      }
      Deno.chmodSync(version + part, (mode ?? 0) & 0o7777);
    }
    started(await run(file, { LMSMON_CACHE: cache }));
  },
});

Deno.test({
  name: "the launcher refuses a cache that is not one's own",
  ignore,
  fn: async () => {
    using place = new Place();
    const file = await place.release("v1");
    if (!isRoot) return refused(await run(file, { LMSMON_CACHE: "/usr" }), /\/usr belongs to another user \(uid 0\)/);
    const stranger = new RegExp(`belongs to another user \\(uid ${NOBODY}\\)`);
    const cache = place.folder("cache");
    started(await run(file, { LMSMON_CACHE: cache }));
    const version = versionIn(cache);
    for (const path of [cache, version, `${version}/deno`, `${version}/complete`, `${version}/program/main.js`]) {
      Deno.chownSync(path, NOBODY, NOBODY);
      refused(await run(file, { LMSMON_CACHE: cache }), stranger);
      Deno.chownSync(path, 0, 0);
    }
    // A user's own home, as `sudo` may leave it in HOME.
    const home = place.folder("home");
    Deno.chownSync(home, NOBODY, NOBODY);
    refused(await run(file, { HOME: home }), stranger);
    assert.deepEqual([...Deno.readDirSync(home)], []);
    // Only root and the user may stand above the cache, no further group.
    const shared = place.folder("shared");
    Deno.chownSync(shared, 0, NOBODY);
    Deno.chmodSync(shared, 0o775);
    refused(await run(file, { LMSMON_CACHE: `${shared}/cache` }), /group 65534 may write \S+\/shared\n/);
    started(await run(file, { LMSMON_CACHE: cache }));
  },
});

Deno.test({
  name: "a first start removes versions that were unused for 30 days, and none that runs, is newer, or holds no lock",
  ignore,
  fn: async () => {
    using place = new Place();
    const cache = `${place.root}/cache`;
    const given = { LMSMON_CACHE: cache };
    const old = await place.release("old");
    const running = new Deno.Command(old, {
      args: ["wait"],
      env: env(given),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
    })
      .spawn();
    const reader = running.stdout.getReader();
    await reader.read(); // it has started, so it holds its lock
    const version = versionIn(cache);
    const link = version.replace(/\.\d+$/, "");
    const ago = (path: string, days: number) => {
      const then = Date.now() / 1000 - days * DAY_S;
      Deno.utimeSync(path, then, then);
    };
    const other = (name: string, files: readonly string[], days: number) => {
      const path = `${cache}/${name}`;
      Deno.mkdirSync(path);
      for (const file of files) Deno.writeTextFileSync(`${path}/${file}`, "");
      ago(files.includes("used") ? `${path}/used` : path, days);
      return path;
    };
    const unused = other(`${"a".repeat(32)}.1`, ["lock", "used", "complete"], 31);
    Deno.symlinkSync(`${"a".repeat(32)}.1`, `${cache}/${"a".repeat(32)}`);
    const unfinished = other(`${"b".repeat(32)}.2`, ["lock"], 31);
    const recent = other(`${"c".repeat(32)}.3`, ["lock", "used", "complete"], 29);
    const withoutLock = other(`${"d".repeat(32)}.4`, ["complete"], 400);
    const notOurs = other("something-else", ["lock", "used"], 400);
    ago(`${version}/used`, 31);

    const exists = (path: string) => Deno.lstatSync(path) !== null;
    const isGone = (path: string) => assert.throws(() => exists(path), Deno.errors.NotFound);
    started(await run(await place.release("new"), given));
    for (const path of [unused, `${cache}/${"a".repeat(32)}`, unfinished]) isGone(path);
    for (const path of [version, link, recent, withoutLock, notOurs]) assert.ok(exists(path));

    await running.stdin.close();
    await reader.cancel();
    assert.equal((await running.status).code, 0);
    started(await run(await place.release("newer"), given));
    for (const path of [version, link]) isGone(path);

    // What was removed is unpacked anew, also when only its link was left.
    started(await run(old, given));
    Deno.removeSync(Deno.realPathSync(link), { recursive: true });
    started(await run(old, given));
    ago(`${link}/used`, 31);
    started(await run(old, given));
    assert.ok(
      Date.now() - (Deno.statSync(`${link}/used`).mtime?.getTime() ?? 0) < DAY_S * 1000,
      "a start marks its version as used",
    );
  },
});
