import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandModel, FlagModel, ProgramModel } from "../lib/app/program_model.ts";
import { EVENT_TYPES } from "../lib/model/event_types.ts";
import { examplesOf } from "./examples.ts";

/** What commander knows of the command line, as plain values. Every command must be loaded. */
export function describeProgram(program: CommandUnknownOpts): ProgramModel {
  return {
    about: program.description(),
    version: program.version() ?? "",
    flags: flagsOf(program),
    commands: program.commands.map(describeCommand),
  };
}

function describeCommand(command: CommandUnknownOpts): CommandModel {
  const [first] = command.registeredArguments;
  return {
    name: command.name(),
    about: command.description(),
    usage: command.registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
    )
      .join(" "),
    words: first?.argChoices ?? [],
    flags: flagsOf(command),
    examples: examplesOf(command.name()),
    commands: command.commands.map(describeCommand),
  };
}

function flagsOf(command: CommandUnknownOpts): FlagModel[] {
  const help: FlagModel = { short: "-h", long: "--help", value: null, about: "show this help", choices: [] };
  return [
    ...command.options.filter((option) => !option.hidden).map((option): FlagModel => {
      const value = /[<[](.+?)[>\]]/.exec(option.flags)?.[1] ?? null;
      return {
        short: option.short ?? null,
        long: option.long ?? option.flags,
        value,
        about: option.description +
          (option.argChoices ? `${option.description ? ": " : ""}${option.argChoices.join(", ")}` : ""),
        choices: option.argChoices ?? (value?.startsWith("TYPE") ? EVENT_TYPES : []),
      };
    }),
    help,
  ];
}
