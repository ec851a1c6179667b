import { z } from "zod";
import { didYouMean, isSlipOf, type KeyPath, type Problem } from "./problem.ts";
import { shown } from "./fields.ts";
import { type RawConfig, schema } from "./schema.ts";
import { valueAt } from "./tree.ts";

/** Checks the raw tree against the schema; every problem at once, `config` null when there is any. */
export function checkTree(tree: unknown): { config: RawConfig | null; problems: Problem[] } {
  if (tree === null || tree === undefined) tree = {}; // an empty file, or one with comments only
  const result = schema.safeParse(tree);
  if (result.success) return { config: result.data, problems: [] };
  return { config: null, problems: result.error.issues.flatMap((issue) => problemsOf(issue, tree)) };
}

function problemsOf(issue: z.core.$ZodIssue, tree: unknown): Problem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) =>
      isSlipOf(name, KEY_NAMES)
        ? { path: [...path, name], atKey: true, message: `unknown key${suggestKey(path, name)}` }
        : { path: [...path, name], atKey: true, hidden: true, message: "has an unknown key here (it may be a secret)" }
    );
  }
  if (issue.code === "invalid_type") {
    const value = valueAt(tree, path);
    // The file with the password may have been named by mistake, or the address with its password be written where its
    // group belongs: nothing of a text is shown.
    const what = typeof value === "object" ? shown(value) : "text";
    return [{ path, message: `must be a group of keys (name: value), not ${what}` }];
  }
  return [{ path, message: issue.message }];
}

/** A near key of the same group, else the same key in another group (`interval` at the top is `poll.interval`). */
function suggestKey(path: KeyPath, name: string): string {
  const here = ALL_KEYS.filter((known) => known.length === path.length + 1 && path.every((p, i) => known[i] === p));
  const near = didYouMean(name, here.map((known) => known.at(-1) ?? ""));
  if (near !== "") return near;
  const elsewhere = ALL_KEYS.find((known) => known.at(-1) === name) ??
    ALL_KEYS.find((known) => known.join("_") === name);
  return elsewhere === undefined ? "" : ` (did you mean "${elsewhere.join(".")}"?)`;
}

/** Whatever a key may have been meant to be, also `lms_url` for `lms.url`. */
const KEY_NAMES = keysOf(schema, []).flatMap((path) => [path.at(-1) ?? "", path.join("_")]);

/** Paths of all keys, groups included, read off the schema itself. */
export const ALL_KEYS: readonly (readonly string[])[] = keysOf(schema, []);

function keysOf(type: unknown, path: readonly string[]): string[][] {
  if (type instanceof z.ZodObject) {
    return Object.entries(type.shape).flatMap(([name, child]) => [[...path, name], ...keysOf(child, [...path, name])]);
  }
  if (type instanceof z.ZodPrefault || type instanceof z.ZodNullable) return keysOf(type.unwrap(), path);
  if (type instanceof z.ZodPipe) return keysOf(type.out, path);
  return [];
}
