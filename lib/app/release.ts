import { CommandError } from "../ops/errors.ts";
import type { CommandContext } from "./command_context.ts";
import type { ReleaseOptions } from "./command_options.ts";

/** Stub until its owner replaces it. */
export function runRelease(_context: CommandContext, _options: ReleaseOptions): Promise<number | void> {
  return Promise.reject(new CommandError("Cannot run this command: not built yet"));
}
