import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The sources of another version of the program, in a temporary folder. */
export class ReleasedVersion implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** Why there is none, or the sources as they were at `commit`. */
  static async of(commit: string): Promise<ReleasedVersion | string> {
    const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-version-" });
    const archive = `${folder}/sources.tar`;
    // Not `git worktree`: that writes into the repository, whose other users know nothing of this run.
    const made = await run("git", ["-c", "safe.directory=*", "-C", ROOT, "archive", "--output", archive, commit]) ??
      await run("tar", ["-xf", archive, "-C", folder]);
    if (made === null) return new ReleasedVersion(folder);
    await Deno.remove(folder, { recursive: true });
    return `commit ${commit} is not in this clone (${made}): clone the whole history (git fetch --unshallow)`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Why it failed. */
async function run(program: string, args: string[]): Promise<string | null> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).output();
  return success ? null : new TextDecoder().decode(stderr).trim();
}
