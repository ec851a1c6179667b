import { outputColumns, outputHashed, outputName, type Preset } from "../../sql/lms/preset.ts";
import type { KeyPath } from "../config/problem.ts";
import { valueAt } from "../config/tree.ts";

/** Every key there is, for slips of the finger. */
export const KNOWN = [
  "kinds",
  "people",
  "links",
  "batches",
  "courses",
  "chapters",
  "ids",
  "prefix",
  "exam",
  "assignment",
  "content",
  "student",
  "mentor",
  "table",
  "from",
  "key",
  "keyType",
  "rows",
  "columns",
  "hashed",
  "states",
  "verdicts",
  "ungraded",
  "watchable",
  "times",
  "durationUnit",
  "identity",
  "newest",
  "column",
  "log",
  "activity",
  "active",
  "self",
  "media",
  "placement",
  "side",
  "context",
  "activities",
  "enrolments",
  "exemptions",
];

/** YAML has names in snake case, as columns of queries are; words of the LMS stay as they are. */
export function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      camel(key),
      key === "states" || key === "verdicts" ? inner : camelKeys(inner),
    ]),
  );
}
const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A preset as a mapping in YAML would say it, so that `lms.preset: custom` takes it: what has a default is left out. */
export function writtenMapping({ name: _, number: __, ...preset }: Preset): unknown {
  return written(preset);
}

const isEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Words of the LMS stay as they are, names of ours are in snake case; queries without the blank line that a template begins with. */
function written(value: unknown): unknown {
  if (typeof value === "string") return value.trim();
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (inner === null && key !== "active") return [];
      if (key === "columns" && isEqual(inner, outputColumns)) return [];
      if (key === "hashed" && isEqual(inner, outputHashed)) return [];
      if (key === "version" || inner === undefined) return []; // of a mapping the text is its version
      return [[outputName(key), key === "states" || key === "verdicts" ? inner : written(inner)]];
    }),
  );
}

/** A path of the program's names as the file has it. */
export function writtenPath(tree: unknown, path: KeyPath): KeyPath {
  return path.reduce<(string | number)[]>((written, part) => {
    // One thing may stand where a list is read.
    if (typeof part === "number" && !Array.isArray(valueAt(tree, written))) return [...written];
    const has = (name: string | number) => valueAt(tree, [...written, name]) !== undefined;
    return [...written, typeof part === "string" && !has(part) && has(outputName(part)) ? outputName(part) : part];
  }, []);
}
