import { join, resolve } from "node:path";
import type { FormerState } from "./config.ts";
import { exists, SYSTEM } from "./config_file.ts";

const NAME = "lmsmon-state";

/**
 * Where an embedded state lies when `state.url` is not configured: beside the configuration, but for the machine's own one, whose
 * folder no service may write to. There earlier versions had it beside the file, too; one that lies there is used for as long as
 * nothing is at the new place.
 */
export function defaultState(
  file: string | null,
  base: string,
  system: { readonly config: string; readonly state: string } = SYSTEM,
): { readonly path: string; readonly former: FormerState | null } {
  const beside = join(base, NAME);
  if (file === null || resolve(file) !== system.config) return { path: beside, former: null };
  if (!exists(beside)) return { path: system.state, former: null };
  const isUsed = !exists(system.state);
  return { path: isUsed ? beside : system.state, former: { path: beside, now: system.state, isUsed } };
}

/** What an operator is told of it. */
export function formerStateWords(
  { path, now, isUsed }: FormerState,
): { readonly message: string; readonly hint: string } {
  return isUsed
    ? {
      message: `The state lies in ${path}, the default of lmsmon 0.1, and is used there; the default is now ${now}`,
      hint: `stop lmsmon and move it (mv ${path} ${now}), or name it: state: {url: "pglite:${path}"}`,
    }
    : {
      message: `Another state lies in ${path}, the default of lmsmon 0.1; ${now} is used`,
      hint: `remove the one that you do not want, or name one: state: {url: "pglite:DIRECTORY"}`,
    };
}
