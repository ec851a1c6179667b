import { absolute, exists, ioProblem, readAtMost } from "./config_file.ts";
import { Filled } from "./fill_env.ts";
import type { KeyPath } from "./problem.ts";
import { valueAt } from "./tree.ts";
import { Secret } from "../base/secrets.ts";

const KEYS: readonly KeyPath[] = [
  ["lms", "password_file"],
  ["state", "password_file"],
  ["zulip", "api_key_file"],
];

/** The files of passwords and keys, absolute, as far as the configuration names them; the zuliprc in use is `zulip.configFile`. */
export function secretFiles(tree: unknown, base: string, home: string | null): string[] {
  return KEYS.flatMap((path) => {
    const value = valueAt(tree, path);
    const text = value instanceof Filled ? value.text : value;
    return typeof text === "string" && text.trim() !== "" ? [absolute(text.trim(), base, home)] : [];
  });
}

const MAX_BYTES = 64 * 1024;
/** Without its name: somebody may have written the secret where the path of its file belongs. */
const NO_FILE = "names no file that exists";

/** The secret in a file, without the line break that editors and `echo` put at its end; otherwise what is wrong with it. */
export async function readSecretFile(path: string): Promise<Secret | string> {
  let bytes: Uint8Array | null;
  try {
    bytes = await readAtMost(path, MAX_BYTES);
  } catch (error) {
    return exists(path) ? `cannot read ${path}: ${ioProblem(error)}` : NO_FILE;
  }
  if (bytes === null) return `cannot use ${path}: it is larger than 64 KiB, so it is no password or key`;
  const text = new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
  return text === "" ? `cannot use ${path}: it is empty` : new Secret(text);
}
