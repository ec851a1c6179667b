/**
 * `deno task release [--all]`: fills `dist/release` with what a release holds: a program for each platform, `SHA256SUMS`, and the bill of
 * materials. Where the base binary of `deno compile` for a platform cannot be had, that platform is left out and named; with `--all`, as in
 * the release workflow, it then ends with 1.
 */
import { createHash } from "node:crypto";
import { billOfMaterials } from "./sbom.ts";

export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

const FOLDER = "dist/release";
/** What .ci/build.ts ends with when there is no base binary. */
const NO_BASE = 3;

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

/** The program for one platform; `null`: its base binary cannot be had. */
async function build(target: string, version: string): Promise<string | null> {
  const folder = `dist/${target}`;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-env",
      ".ci/build.ts",
      folder,
      target,
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (code === NO_BASE) return null;
  if (code !== 0) throw new Error(`Cannot release: the build for ${target} ended with ${code}`);
  const ending = target.includes("windows") ? ".exe" : "";
  const name = `lmsmon-${version}-${target}${ending}`;
  await Deno.rename(`${folder}/lmsmon${ending}`, `${FOLDER}/${name}`);
  await Deno.remove(folder, { recursive: true });
  return name;
}

if (import.meta.main) {
  const { version }: { version: string } = JSON.parse(await Deno.readTextFile("deno.json"));
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
  await Deno.mkdir(FOLDER, { recursive: true });
  const missing: string[] = [];
  const names: string[] = [];
  for (const target of TARGETS) {
    const name = await build(target, version);
    if (name === null) missing.push(target);
    else names.push(name);
  }
  const bill = `lmsmon-${version}.cdx.json`;
  await Deno.writeTextFile(`${FOLDER}/${bill}`, `${JSON.stringify(await billOfMaterials(version), null, 2)}\n`);
  names.push(bill);
  const sums = await Promise.all(names.map(async (name) => `${await sha256(`${FOLDER}/${name}`)}  ${name}\n`));
  await Deno.writeTextFile(`${FOLDER}/SHA256SUMS`, sums.join(""));
  say(`${FOLDER}: ${[...names, "SHA256SUMS"].join(", ")}`);
  if (missing.length > 0) say(`left out, since their base binaries cannot be had: ${missing.join(", ")}`);
  if (missing.length > 0 && Deno.args.includes("--all")) Deno.exit(1);
}
