import { dirname, isAbsolute } from "node:path";
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

/**
 * Whether what was written is a path for certain, no secret in a path's place: absolute, in a folder that is there. `${NAME}` is filled
 * in by then, so nobody sees in the configuration where the file was looked for.
 */
export const isSurelyPath = (written: string) =>
  isAbsolute(written) && dirname(written) !== dirname(dirname(written)) && exists(dirname(written));

/**
 * The secret in a file, without line breaks at its end, as editors and `echo` put one there; otherwise what is wrong with it. Several
 * lines, or what is no text, would only be refused by the server later, as a wrong password. `written`: the path as the configuration
 * has it.
 */
export async function readSecretFile(path: string, written: string): Promise<Secret | string> {
  let bytes: Uint8Array | null;
  try {
    bytes = await readAtMost(path, MAX_BYTES);
  } catch (error) {
    return exists(path) || isSurelyPath(written) ? `cannot read ${path}: ${ioProblem(error)}` : NO_FILE;
  }
  if (bytes === null) return `cannot use ${path}: it is larger than 64 KiB, so it is no password or key`;
  const text = utf8(bytes)?.replace(/[\r\n]+$/, "");
  if (text === undefined || text.includes("\0")) return `cannot use ${path}: it is not UTF-8 text`;
  if (/[\r\n]/.test(text)) return `cannot use ${path}: it has several lines, and a password or key has one`;
  return text.trim() === "" ? `cannot use ${path}: it is empty` : new Secret(text);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
