import { CommandError } from "../ops/errors.ts";
import type { CommandContext } from "./command_context.ts";
import type { DoctorOptions } from "./command_options.ts";

/** Stub until its owner replaces it. */
export function runDoctor(_context: CommandContext, _options: DoctorOptions): Promise<number | void> {
  return Promise.reject(new CommandError("Cannot run this command: not built yet"));
}
