import { CommandError } from "../ops/errors.ts";
import type { CommandContext } from "./command_context.ts";
import type { DemoOptions } from "./command_options.ts";

/** Stub until its owner replaces it. */
export function runDemo(_context: CommandContext, _options: DemoOptions): Promise<number | void> {
  return Promise.reject(new CommandError("Cannot run this command: not built yet"));
}
