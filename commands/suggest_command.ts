import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { commands } from "./commands.ts";
import { walkArgs } from "./walk_args.ts";

/** What other programs call it. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  backup: "state dump",
  check: "doctor",
  copy: "state copy",
  daemon: "watch",
  dump: "state dump",
  follow: "watch",
  health: "doctor",
  hold: "pause",
  list: "stats",
  log: "audit",
  ping: "notify-test",
  restore: "state restore",
  run: "watch",
  serve: "watch",
  resend: "retry",
  start: "watch",
  status: "stats",
  sync: "poll-once",
  unhold: "release",
  update: "migrate",
  upgrade: "migrate",
  verify: "doctor",
  why: "explain",
};

/** An unknown command for which the command line knows no near one: what it is called here, or what there is. */
export function suggestCommand(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "commander.unknownCommand") return error;
  const word = /'(.*)'/s.exec(error.message)?.[1]?.toLowerCase() ?? "";
  const meant = namesMeant(word);
  // Before what only looks like it: "start" is nearer to stats than to watch, "export" to report than to export-ai.
  if (meant.length === 0 && error.message.includes("Did you mean")) return error;
  const message = error.message.replace(/^error: /, "").replace(/\s*\(Did you mean.*$/s, "").trim();
  return new UsageError(message, { hint: hintOf(meant), cause: error });
}

/** Commands that other programs call so, or that the word is a part of. */
function namesMeant(word: string): string[] {
  const other = Object.hasOwn(ALSO_CALLED, word) ? ALSO_CALLED[word] : undefined;
  if (other !== undefined) return [other];
  const part = word.replaceAll("_", "-");
  if (part.length < 3) return [];
  return commands.map(({ name }) => name).filter((name) =>
    name.startsWith(part) || part.startsWith(name) || name.split("-").includes(part)
  );
}

const hintOf = (meant: readonly string[]) =>
  meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : `There are ${commands.map(({ name }) => name).join(", ")}`;

/** `help consumers drop` is `consumers drop --help`: the command line's own help knows one word. */
export function helpOfWords(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const words = positional(program, args);
  const at = args.indexOf("help");
  if (words.length > 1 && words.every((word) => word === "help")) return ["help"];
  if (words[0] !== "help" || words.length < 3) return [...args];
  return [...args.slice(0, at), ...args.slice(at + 1), "--help"];
}

/**
 * Rejects for a command that does not exist where the command line would print a help instead, as if all were well (`help nonsense`,
 * `nonsense --help`), or count words (`consumers dorp`).
 */
export async function requireCommands(program: CommandUnknownOpts, args: readonly string[]): Promise<void> {
  const asksHelp = args.some((arg) => /^(help|-h|--help)$/.test(arg));
  let words = positional(program, args);
  while (words[0] === "help") words = words.slice(1);
  let group = program;
  for (const word of words) {
    const next = group.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (next === undefined) {
      const isGroup = group.commands.length > 0 && group.registeredArguments.length === 0;
      if (isGroup && (group !== program ? word !== "help" : asksHelp)) throw await unknown(group, program, word);
      return;
    }
    group = next;
  }
}

async function unknown(group: CommandUnknownOpts, program: CommandUnknownOpts, word: string): Promise<UsageError> {
  const { nearest } = await import("../lib/text/nearest.ts"); // no start needs it
  const names = group.commands.map((command) => command.name());
  const meant = group === program ? namesMeant(word.toLowerCase()) : [];
  const near = meant.length > 0 ? meant : nearest(word, names.map((name) => ({ id: name, text: name })));
  const whole = group === program ? word : `${group.name()} ${word}`;
  const hint = near.length > 0 || group === program
    ? hintOf(near)
    : `There are ${names.map((name) => `${group.name()} ${name}`).join(", ")}`;
  return new UsageError(`unknown command '${whole}'`, { hint });
}

/** The words that are no flags, nor values of flags. */
const positional = (program: CommandUnknownOpts, args: readonly string[]) =>
  [...walkArgs(program, args)].flatMap((walked) => "word" in walked ? [walked.word] : []);
