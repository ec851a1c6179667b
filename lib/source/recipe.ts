import { createHash } from "node:crypto";
import { keyColumns, kindOf, type Preset } from "../../sql/lms/preset.ts";
import type { Kind } from "../model/event_types.ts";

/** Numbers from here on are of mappings that somebody wrote: made of their text, since nobody counts their versions. */
const WRITTEN = 2 ** 30;
/** The number of presets that are mappings in YAML. */
export const WRITTEN_PRESET = 0;

/**
 * The recipe of a kind's hashes: another number makes all known hashes worthless, so that every row is looked at again. That gives no
 * event, since events come from compared values.
 */
export function recipeOf(preset: Preset, kind: Kind, dialect: number): number {
  const of = kindOf(preset, kind);
  if (preset.number !== WRITTEN_PRESET) return preset.number * 10_000 + dialect * 1000 + of.version;
  // Not the query alone: a word that gets another meaning, or a row that becomes several attempts, is seen only when it is read anew.
  const meaning = [of.states, of.verdicts, of.ungraded, of.identity ?? "row"];
  const made = [
    ...[dialect, "from" in of ? of.from : of.table, keyColumns(of.key), of.hashed, of.side, of.rows ?? []],
    ...meaning,
  ];
  return WRITTEN + createHash("md5").update(JSON.stringify(made)).digest().readUInt32BE() % WRITTEN;
}
