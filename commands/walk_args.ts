import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";

/** What a word of the command line is: a command or argument, or a flag with its value. */
export type Walked =
  | { readonly word: string }
  | { readonly flag: Option; readonly value: string | undefined; readonly isGlobal: boolean };

/**
 * The words of a command line, as the command line itself will take them; up to the first flag that neither the program nor the
 * command has that it stands behind, since nobody knows whether that takes the next word. The command line names such a flag itself.
 */
export function* walkArgs(program: CommandUnknownOpts, args: readonly string[]): Generator<Walked> {
  let command = program;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return;
    if (!arg.startsWith("-")) {
      yield { word: arg };
      command = command.commands.find((one) => one.name() === arg || one.aliases().includes(arg)) ?? command;
      continue;
    }
    const global = optionOf(program, arg);
    const flag = global ?? optionOf(command, arg);
    if (flag === undefined && !/^(-h|--help)$/.test(arg)) return;
    if (flag === undefined) continue;
    const equals = arg.indexOf("=");
    const inNext = flag.required && equals < 0;
    if (inNext) i++;
    yield { flag, value: inNext ? args[i] : equals < 0 ? undefined : arg.slice(equals + 1), isGlobal: !!global };
  }
}

const optionOf = ({ options }: CommandUnknownOpts, arg: string) =>
  options.find(({ long, short }) => long === arg.split("=")[0] || short === arg);
