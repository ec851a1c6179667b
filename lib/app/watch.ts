import { CommandError } from "../ops/errors.ts";
import type { CommandContext } from "./command_context.ts";
import type { WatchOptions } from "./command_options.ts";

/** Stub until its owner replaces it. */
export function runWatch(_context: CommandContext, _options: WatchOptions): Promise<number | void> {
  return Promise.reject(new CommandError("Cannot run this command: not built yet"));
}
