import { resolve } from "node:path";
import { styleText } from "node:util";
import { Command, InvalidArgumentError, type OptionValues } from "@commander-js/extra-typings";
import type { CommandContext } from "../lib/app/command_context.ts";
import type { CommandSettings } from "../lib/app/run_command.ts";
import { standardOutput, writeStderr } from "../lib/base/output.ts";

/** The process as commands see it: where the exit code goes, and how a second signal ends everything. */
export const host = {
  exitCode: 0,
  /** main sets it: only main.ts may end the process. */
  exit: (_code: number): void => {},
  /** The command hears signals itself from now on. */
  listens: (): void => {},
};

/** The worked examples of a command; main loads them where a help is asked for. */
let examplesOf: (command: string) => string = () => "";

export function showExamples(examples: (command: string) => string): void {
  examplesOf = examples;
}

/** What all commands have in common: errors are thrown instead of printed, and a help that does not vary. */
export function withCommon<Args extends unknown[], Opts extends OptionValues, Globals extends OptionValues>(
  command: Command<Args, Opts, Globals>,
): Command<Args, Opts, Globals> {
  return command
    .exitOverride()
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", () => examplesOf(command.name()))
    .configureHelp({ showGlobalOptions: true, ...(hasColors() ? COLORFUL : {}) })
    .configureOutput({
      writeOut: (text) => standardOutput.writeLine(text.replace(/\n$/, "")),
      writeErr: writeStderr,
      outputError: () => {}, // main prints it, as it prints every error
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: hasColors,
      getErrHasColors: () => false,
    });
}

/** On a terminal, unless NO_COLOR asks for none. */
const hasColors = () => standardOutput.isTerminal && !Deno.noColor;

const COLORFUL = {
  styleTitle: (text: string) => styleText("bold", text),
  styleCommandText: (text: string) => styleText("bold", text),
  styleSubcommandTerm: (text: string) => styleText("cyan", text),
  styleOptionTerm: (text: string) => styleText("cyan", text),
};

/**
 * Runs a command's work in its context. Everything heavy (configuration, logging, databases) is imported here and in
 * `work`, so that `--help` starts at once.
 */
export async function execute(
  command: { optsWithGlobals(): OptionValues },
  settings: CommandSettings,
  work: (context: CommandContext) => Promise<number | void>,
): Promise<void> {
  const { runCommand } = await import("../lib/app/run_command.ts");
  const running = runCommand(command.optsWithGlobals(), settings, work, host.exit);
  host.listens(); // it does since it was called, and no signal is heard in between
  host.exitCode = await running;
}

/** For flags with a whole number, at least `min`. */
export function wholeNumberFrom(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min) return value;
    throw new InvalidArgumentError(
      /^\d{16,}$/.test(text) ? "It is too large." : `It must be a whole number, at least ${min}.`,
    );
  };
}

/** As to most programs; whoever means a file of that name writes `./-`. */
export const STDOUT = "-";

/** Where a command is to write: absolute, and stdout by the name that it has as a file. */
export function outputPath(text: string): string {
  return text === STDOUT ? "/dev/stdout" : resolve(text);
}

export function notEmpty(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}
