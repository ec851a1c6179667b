import assert from "node:assert/strict";
import { join } from "node:path";
import { PROGRAM, START } from "../support/program.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Root enters every folder, unless it gives up the right to. */
const AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
const canTry = Deno.build.os === "linux" &&
  (!isRoot || await new Deno.Command("setpriv", { args: ["--version"] }).output().then((o) => o.success, () => false));

/** `lmsmon config --check`, typed in `folder`, which is closed by then. */
async function checkFrom(folder: string, home: string, ...flags: readonly string[]) {
  const { DENO_DIR, XDG_CACHE_HOME, HOME = "/root", PATH = "" } = Deno.env.toObject();
  const lmsmon = [...(isRoot ? AS_ANYBODY : []), Deno.execPath(), ...START, PROGRAM, ...flags, "config", "--check"];
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'chmod 0 . && exec "$@"', "sh", ...lmsmon],
    cwd: folder,
    clearEnv: true,
    env: { PATH, NO_COLOR: "1", HOME: home, DENO_DIR: DENO_DIR ?? `${XDG_CACHE_HOME ?? `${HOME}/.cache`}/deno` },
  }).output();
  return { code, out: decode(stdout), err: decode(stderr) };
}

Deno.test({
  ignore: !canTry,
  name: "sudo -u lmsmon from a home that it may not enter: the configuration is looked for in the next place",
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_config_" });
  const closed = join(folder, "somebody");
  try {
    await Deno.mkdir(closed);
    await Deno.mkdir(join(folder, ".config/lmsmon"), { recursive: true });
    const file = join(folder, ".config/lmsmon/config.yaml");
    await Deno.writeTextFile(file, "lms: {url: postgres://ro@lms.example/lms}\nnotify: {enabled: false}\n");
    const found = await checkFrom(closed, folder);
    assert.equal(found.code, 0, found.err);
    assert.ok(found.out.startsWith(`${file} is right`), found.out);

    await Deno.chmod(closed, 0o700);
    const named = await checkFrom(closed, folder, "--config", "config.yaml");
    assert.equal(named.code, 2, "who names a file means that one");
    assert.match(
      named.err,
      /config\.yaml \(from --config\): permission denied\nhint: Run it as a user who may read that/,
    );

    // A file that can be seen and not read was meant for somebody; going on would take another one.
    await Deno.chmod(closed, 0o700);
    await Deno.chmod(file, 0);
    const unreadable = await checkFrom(closed, folder);
    assert.equal(unreadable.code, 2);
    assert.match(unreadable.err, /\.config\/lmsmon\/config\.yaml: permission denied\nhint: .*sudo -u lmsmon lmsmon/);
  } finally {
    await Deno.chmod(closed, 0o700);
    await Deno.remove(folder, { recursive: true });
  }
});
