import { CommandError } from "../base/errors.ts";

const SHORTEST = 16;

/**
 * The key in a file, its line end taken off. A key that others may read protects nobody, so such a file is refused, and a
 * short one, too. Throws CommandError, which never quotes it.
 */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const cannot = (why: string, hint: string, cause?: unknown) =>
    new CommandError(`Cannot use the key file ${path}: ${why}`, { hint, cause });
  let bytes: Uint8Array;
  try {
    const { mode, isFile } = await Deno.stat(path);
    if (!isFile) throw cannot("it is no file", "name a file with a long random text");
    if (mode !== null && (mode & 0o077) !== 0) {
      throw cannot("others may read it", `chmod 600 ${path}; who has the key can link the exports made under it`);
    }
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const why = error instanceof Deno.errors.NotFound ? "it does not exist" : "it cannot be read";
    throw cannot(why, "openssl rand -hex 32 > FILE makes one; chmod 600 FILE", error);
  }
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  if (end < SHORTEST) throw cannot(`it has fewer than ${SHORTEST} characters`, "openssl rand -hex 32 > FILE makes one");
  return bytes.slice(0, end);
}
