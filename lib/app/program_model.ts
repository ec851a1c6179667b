/** A flag as help, completion and manual show it. */
export interface FlagModel {
  readonly short: string | null;
  readonly long: string;
  /** `ID|USERNAME`; `null`: it takes no value. */
  readonly value: string | null;
  readonly about: string;
  /** Values it may have, where they are known. */
  readonly choices: readonly string[];
}

export interface Example {
  /** Without the program's name. */
  readonly line: string;
  readonly about: string;
}

export interface CommandModel {
  readonly name: string;
  readonly about: string;
  /** `[WHAT] [ID]`; empty: none. */
  readonly usage: string;
  /** Values of the first word behind it, where they are known. */
  readonly words: readonly string[];
  readonly flags: readonly FlagModel[];
  readonly examples: readonly Example[];
  /** Subcommands of a group. */
  readonly commands: readonly CommandModel[];
}

/** The whole command line: completion and manual are made of it, so that they say what `--help` says. */
export interface ProgramModel {
  readonly about: string;
  readonly version: string;
  readonly flags: readonly FlagModel[];
  readonly commands: readonly CommandModel[];
}
