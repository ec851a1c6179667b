import type { Config } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load_config.ts";

/** The configuration where no file says anything, and no command needs anything. */
export function defaultConfig(): Promise<Config> {
  return loadConfig({
    flag: undefined,
    noFile: true,
    env: {},
    cwd: Deno.cwd(),
    home: null,
    needs: [],
    nothingWhenDisabled: false,
    overrides: {},
  });
}
