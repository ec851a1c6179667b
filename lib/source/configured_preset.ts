import type { PresetMaker } from "../../sql/lms/preset.ts";
import { fixed, presetOf } from "../../sql/lms/presets.ts";
import type { LmsConfig } from "../config/config.ts";
import { readMapping } from "./mapping.ts";

/** The preset of a configuration, a mapping in YAML or one that lmsmon has; `undefined` when it is neither. */
export function configuredPreset(config: LmsConfig): PresetMaker | undefined {
  if (config.preset !== "custom") return presetOf(config);
  if (config.mapping === undefined || config.mapping === null) return undefined;
  return fixed(readMapping(config.mapping, config.name));
}

/** Whether statements hold what the owner of a configuration wrote. */
export function readsForeignSql(config: LmsConfig): boolean {
  return config.preset === "custom";
}
