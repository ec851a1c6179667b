/**
 * `deno task build [FOLDER [TARGET]]`: makes `dist/lmsmon`, one executable file for this platform or for `TARGET`
 * (`aarch64-apple-darwin`), and says how it was made and how large it is. First choice is `deno compile`; where its base binary cannot be had (it comes from Deno's own release host, never from npm)
 * a self-extracting file is made of the Deno binary that npm ships and the bundled program; for another platform there is none, and it
 * ends with 3.
 */
import { bundleProgram } from "./bundle_program.ts";
import { selfExtracting } from "./self_extracting.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** Permissions of the released program: no run, no ffi. */
const PERMISSIONS = ["--no-prompt", "--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
/** Another folder as argument: tests build beside each other. */
const DIST = Deno.args[0] ?? "dist";
const PLATFORM = Deno.args[1] ?? Deno.build.target;
const IS_HERE = PLATFORM === Deno.build.target;
const PROGRAM = `${DIST}/build/program`;

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

async function run(command: string, args: string[]) {
  const output = await new Deno.Command(command, { args, stdout: "piped", stderr: "piped" }).output();
  return { ok: output.success, stderr: new TextDecoder().decode(output.stderr) };
}

/** Commit and day, for `lmsmon version`; empty where there is no git. */
async function git(...args: string[]): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, stdout: "piped", stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return "";
  }
}

async function writeBuildInfo(how: string): Promise<void> {
  const [commit, date, changed] = await Promise.all([
    git("rev-parse", "HEAD"),
    git("log", "-1", "--format=%cs"),
    git("status", "--porcelain", "--untracked-files=no"),
  ]);
  const info = {
    commit: commit === "" ? "" : `${commit}${changed === "" ? "" : " with changes"}`,
    date,
    build: `${how}, ${PLATFORM}`,
  };
  await Deno.writeTextFile(`${PROGRAM}/build.json`, JSON.stringify(info));
}

/** True when `deno compile` made the file; false when its base binary is out of reach. */
async function compile(target: string): Promise<boolean> {
  // Chunks too: dynamic imports are loaded lazily (deno.json), so that compile would not follow them by itself.
  const parts = [...Deno.readDirSync(PROGRAM)].map(({ name }) => name).filter((name) => name !== "main.js");
  const include = parts.flatMap((name) => ["--include", `${PROGRAM}/${name}`]);
  const { ok, stderr } = await run(Deno.execPath(), [
    "compile",
    "--quiet",
    ...IS_HERE ? [] : ["--target", PLATFORM],
    ...PERMISSIONS,
    V8_FLAGS,
    ...include,
    "--output",
    target,
    `${PROGRAM}/main.js`,
  ]);
  if (ok) return true;
  if (!/download|denort|error sending request|dns|tunnel|connect|403|404/i.test(stderr)) throw new Error(stderr);
  return false;
}

const target = `${DIST}/lmsmon${PLATFORM.includes("windows") ? ".exe" : ""}`;
await Deno.remove(DIST, { recursive: true }).catch(() => {});
await Deno.mkdir(DIST, { recursive: true });
await bundleProgram(PROGRAM);
await writeBuildInfo("deno compile");
let how = "deno compile";
if (!(await compile(target))) {
  if (!IS_HERE) {
    await Deno.remove(DIST, { recursive: true });
    say(`deno compile: its base binary for ${PLATFORM} cannot be reached from here`);
    Deno.exit(3);
  }
  say(
    "deno compile: its base binary cannot be reached from here (set DENORT_BIN to one you have); making a self-extracting file",
  );
  await writeBuildInfo("self-extracting");
  how = `self-extracting: Deno ${Deno.version.deno} and the bundled program, gzip`;
  await Deno.copyFile(Deno.execPath(), `${DIST}/build/deno`);
  await Deno.chmod(`${DIST}/build/deno`, 0o755);
  const { version }: { version: string } = JSON.parse(await Deno.readTextFile("deno.json"));
  await selfExtracting({ target, content: `${DIST}/build`, version, flags: [...PERMISSIONS, V8_FLAGS] });
}
await Deno.remove(`${DIST}/build`, { recursive: true });
const { size } = await Deno.stat(target);
say(`${target}: ${(size / 1e6).toFixed(1)} MB (${how}), ${PLATFORM}`);
