import { absolute } from "./config_file.ts";
import { Filled } from "./fill_env.ts";
import type { KeyPath } from "./problem.ts";
import { valueAt } from "./tree.ts";

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
