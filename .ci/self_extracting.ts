import { contentOf } from "./verify.js";

export interface SelfExtracting {
  /** The file to make. */
  readonly target: string;
  /** A folder with `deno` and `program/main.js`; what the launcher needs beside them is added. */
  readonly content: string;
  readonly version: string;
  /** For `deno run`. */
  readonly flags: readonly string[];
  /** 1 (fast) to 9 (small), default 9. */
  readonly compression?: number;
}

const HELPERS = ["verify.js", "remove_unused.js", "hold.js"];

/** One executable file of the launcher and a packed folder. */
export async function selfExtracting({ target, content, version, flags, compression = 9 }: SelfExtracting) {
  for (const helper of HELPERS) await Deno.copyFile(new URL(helper, import.meta.url), `${content}/${helper}`);
  const launcher = await Deno.readTextFile(new URL("./launcher.sh", import.meta.url));
  const head = launcher
    .replaceAll("@VERSION@", version)
    .replaceAll("@CONTENT@", contentOf(content))
    .replaceAll("@PERMISSIONS@", flags.join(" "))
    .replaceAll("@LINES@", String(launcher.split("\n").length));
  const tar = `${target}.tar`;
  // Sorted and without owners, times and the builder's umask: the same sources make the same file.
  const plain = ["--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--mode=u=rwX,go=rX"];
  await must("tar", [...plain, "-cf", tar, "-C", content, "."]);
  await must("gzip", [`-${compression}nf`, tar]);
  await Deno.writeTextFile(target, head);
  const packed = await Deno.open(`${tar}.gz`);
  await Deno.writeFile(target, packed.readable, { append: true });
  await Deno.chmod(target, 0o755);
  await Deno.remove(`${tar}.gz`);
}

async function must(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot build: ${command} failed\n${new TextDecoder().decode(stderr)}`);
}
