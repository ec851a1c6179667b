import { CommandError } from "../base/errors.ts";

/**
 * Whether an output is to be a folder: one that is there, or a name with a slash at its end, which is made then, for its owner only.
 * Throws CommandError where it cannot be made.
 */
export async function asFolder(out: string): Promise<boolean> {
  const found = await Deno.stat(out).catch(() => null);
  if (found !== null) return found.isDirectory;
  if (!out.endsWith("/")) return false;
  try {
    await Deno.mkdir(out, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(
      `Cannot make the folder ${out}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error, hint: "name a folder below one that you may write to; what is there already must be no file" },
    );
  }
  return true;
}
