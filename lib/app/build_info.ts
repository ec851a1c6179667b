import manifest from "../../deno.json" with { type: "json" };

/** What a build writes down about itself; none of it where lmsmon runs from its sources. */
export interface BuildInfo {
  readonly commit: string | null;
  /** Day of the commit. */
  readonly date: string | null;
  /** How and where it was made: `deno compile, x86_64-unknown-linux-gnu`. */
  readonly build: string;
}

/**
 * From `build.json`, which `.ci/build.ts` puts beside the bundled program; else from the work tree's git, as far as that can be
 * read.
 */
export function buildInfo(): BuildInfo {
  const built = readJson(new URL("./build.json", import.meta.url));
  if (built !== null) {
    return { commit: textOf(built, "commit"), date: textOf(built, "date"), build: textOf(built, "build") ?? "unknown" };
  }
  return { commit: headOf(new URL("../../", import.meta.url)), date: null, build: `sources, ${Deno.build.target}` };
}

export const programVersion: string = manifest.version;

function readText(url: URL): string | null {
  try {
    return Deno.readTextFileSync(url).trim();
  } catch {
    return null; // not there, or no permission to look
  }
}

function readJson(url: URL): object | null {
  const text = readText(url);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function textOf(value: object, key: string): string | null {
  const found: unknown = Reflect.get(value, key);
  return typeof found === "string" && found !== "" ? found : null;
}

/** The commit that is checked out, in a clone or in a work tree of one. */
function headOf(root: URL): string | null {
  const pointer = readText(new URL(".git", root));
  const [, path] = pointer === null ? [] : /^gitdir: (.+)$/m.exec(pointer) ?? [];
  const git = path === undefined ? new URL(".git/", root) : new URL(`file://${path}/`);
  const head = readText(new URL("HEAD", git));
  if (head === null) return null;
  const [, ref] = /^ref: (.+)$/.exec(head) ?? [];
  if (ref === undefined) return head;
  const common = readText(new URL("commondir", git));
  const shared = common === null ? git : new URL(`${common}/`, git);
  const packed = readText(new URL("packed-refs", shared))?.split("\n").find((line) => line.endsWith(` ${ref}`));
  return readText(new URL(ref, shared)) ?? packed?.split(" ")[0] ?? null;
}
