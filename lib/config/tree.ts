import type { KeyPath } from "./problem.ts";

/** The value at `path` of a tree of plain data, `undefined` where there is none. */
export function valueAt(tree: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined,
    tree,
  );
}

/** Sets it, making groups on the way; false when something else than a group is in the way (a problem of its own). */
export function setAt(tree: unknown, path: readonly string[], value: unknown): boolean {
  let group = tree;
  for (const [i, part] of path.entries()) {
    if (typeof group !== "object" || group === null || Array.isArray(group)) return false;
    if (i === path.length - 1) return Reflect.set(group, part, value);
    if (valueAt(group, [part]) == null) Reflect.set(group, part, {});
    group = Reflect.get(group, part);
  }
  return false;
}
