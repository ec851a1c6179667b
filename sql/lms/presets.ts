import { type Preset, type PresetMaker, withPrefix } from "./preset.ts";
import { moodle, type MoodleSite } from "./moodle/preset.ts";
import { testpress } from "./testpress/preset.ts";

/** What of a configuration says how an LMS reads. */
export interface PresetSettings {
  readonly preset: string;
  readonly moodle?: MoodleSite | undefined;
}

/** A Moodle whose settings are nowhere given. */
export const MOODLE_DEFAULTS: MoodleSite = {
  prefix: "mdl_",
  mentorRoles: ["mentor", "parent"],
  media: ["h5pactivity", "hvp"],
  assignments: false,
};

/** Presets by name. Each makes itself of the settings; see {@link PresetMaker}. */
const MAKERS: Readonly<Record<string, (settings: PresetSettings) => PresetMaker>> = {
  testpress: () => fixed(testpress),
  moodle: ({ moodle: site = MOODLE_DEFAULTS }) => moodle(site),
};

export const PRESET_NAMES: readonly string[] = Object.keys(MAKERS);

/** The preset of that name; `undefined` when there is none. */
export function presetOf(settings: PresetSettings): PresetMaker | undefined {
  return Object.hasOwn(MAKERS, settings.preset) ? MAKERS[settings.preset]?.(settings) : undefined;
}

/** A preset that is the same whatever tables there are. */
export function fixed(preset: Preset, prefix = ""): PresetMaker {
  return { base: withPrefix(preset, prefix), build: null };
}
