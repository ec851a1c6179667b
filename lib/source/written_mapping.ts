import { outputColumns, outputHashed, outputName, type Preset } from "../../sql/lms/preset.ts";

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
