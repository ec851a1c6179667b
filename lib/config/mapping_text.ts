import type { MappingText } from "./config.ts";
import { absolute, ioProblem, readAtMost } from "./config_file.ts";
import { Filled } from "./fill_env.ts";
import { parseYaml, type YamlTree } from "./parse_yaml.ts";
import type { Problem } from "./problem.ts";
import { valueAt } from "./tree.ts";

const PATH = ["lms", "mapping"];
const MAX_BYTES = 1024 * 1024;

export interface MappingPlace {
  readonly base: string;
  readonly home: string | null;
  /** The configuration itself, for a mapping inside it. */
  readonly label: string;
  readonly yaml: YamlTree;
}

/** `lms.mapping` of the tree: a file, or a mapping right there; `null` without one, or with a problem that was noted. */
export async function readMappingText(
  tree: unknown,
  place: MappingPlace,
  problems: Problem[],
): Promise<MappingText | null> {
  const given = valueAt(tree, PATH);
  if (valueAt(tree, ["lms", "preset"]) !== "custom") return null;
  if (given === null || given === undefined) {
    problems.push({
      path: ["lms", "preset"],
      message: "needs lms.mapping: the file with the mapping, or the mapping itself",
    });
    return null;
  }
  if (typeof given === "object" && !(given instanceof Filled)) {
    const { yaml, label } = place;
    return { label, value: valueAt(yaml.value, PATH), locate: (path) => yaml.locate([...PATH, ...path], false) };
  }
  return await readMappingFile(given instanceof Filled ? given.text : String(given), place, problems);
}

/** A mapping in a file of its own; `null` with a problem that was noted. */
export async function readMappingFile(
  path: string,
  place: Pick<MappingPlace, "base" | "home">,
  problems: Problem[],
): Promise<MappingText | null> {
  try {
    const bytes = await readAtMost(absolute(path, place.base, place.home), MAX_BYTES);
    if (bytes === null) throw new RangeError("it is larger than 1 MiB");
    const yaml = parseYaml(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    for (const { message, position } of yaml.errors) {
      const at = position === null ? "" : `:${position.line}:${position.column}`;
      problems.push({ path: PATH, message: `${path}${at}: cannot be read as YAML: ${message}` });
    }
    if (yaml.errors.length > 0) return null;
    return { label: path, value: yaml.value, locate: (at) => yaml.locate(at, false) };
  } catch (error) {
    problems.push({ path: PATH, message: `cannot be read (${path}): ${ioProblem(error)}` });
    return null;
  }
}
