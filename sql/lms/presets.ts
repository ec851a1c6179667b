import type { Preset } from "./preset.ts";
import { testpress } from "./testpress/preset.ts";

/** Every preset by its name in the configuration. */
export const presets: ReadonlyMap<string, Preset> = new Map([testpress].map((preset) => [preset.name, preset]));
