import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { nearest } from "../lib/text/nearest.ts";
import { commands } from "./commands.ts";

/** What other programs call it. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  check: "doctor",
  daemon: "watch",
  dump: "export-ai",
  follow: "watch",
  health: "doctor",
  hold: "pause",
  list: "stats",
  log: "audit",
  ping: "notify-test",
  restore: "reconcile",
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
  // Before what only looks like it: "start" is nearer to stats than to watch.
  if (error.message.includes("Did you mean") && !Object.hasOwn(ALSO_CALLED, word)) return error;
  const message = error.message.replace(/^error: /, "").replace(/\s*\(Did you mean.*$/s, "").trim();
  return new UsageError(message, { hint: meant(word), cause: error });
}

function meant(word: string): string {
  const names = commands.map(({ name }) => name);
  const part = word.replaceAll("_", "-");
  const other = Object.hasOwn(ALSO_CALLED, word) ? ALSO_CALLED[word] : undefined;
  if (other !== undefined) return `Did you mean ${other}?`;
  const like = part.length < 3
    ? []
    : names.filter((name) => name.startsWith(part) || part.startsWith(name) || name.split("-").includes(part));
  return like.length > 0 ? `Did you mean ${like.join(" or ")}?` : `There are ${names.join(", ")}`;
}

/** `help consumers drop` is `consumers drop --help`: the command line's own help knows one word. */
export function helpOfWords(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const words = positional(program, args);
  const at = args.indexOf("help");
  if (words.length > 1 && words.every((word) => word === "help")) return ["help"];
  if (words[0] !== "help" || words.length < 3) return [...args];
  return [...args.slice(0, at), ...args.slice(at + 1), "--help"];
}

/**
 * Throws for a command that does not exist where the command line would print a help instead, as if all were well (`help nonsense`,
 * `nonsense --help`), or count words (`consumers dorp`).
 */
export function requireCommands(program: CommandUnknownOpts, args: readonly string[]): void {
  const asksHelp = args.some((arg) => /^(help|-h|--help)$/.test(arg));
  let words = positional(program, args);
  while (words[0] === "help") words = words.slice(1);
  let group = program;
  for (const word of words) {
    const next = group.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (next === undefined) {
      const isGroup = group.commands.length > 0 && group.registeredArguments.length === 0;
      if (isGroup && (group !== program ? word !== "help" : asksHelp)) throw unknown(group, program, word);
      return;
    }
    group = next;
  }
}

function unknown(group: CommandUnknownOpts, program: CommandUnknownOpts, word: string): UsageError {
  const names = group.commands.map((command) => command.name());
  const isElsewhere = group === program && Object.hasOwn(ALSO_CALLED, word.toLowerCase());
  const near = isElsewhere ? [] : nearest(word, names.map((name) => ({ id: name, text: name })));
  const whole = group === program ? word : `${group.name()} ${word}`;
  const hint = near.length > 0
    ? `Did you mean ${near.join(" or ")}?`
    : group === program
    ? meant(word.toLowerCase())
    : `There are ${names.map((name) => `${group.name()} ${name}`).join(", ")}`;
  return new UsageError(`unknown command '${whole}'`, { hint });
}

/** The words that are no flags, nor values of the flags before the command. */
function positional(program: CommandUnknownOpts, args: readonly string[]): string[] {
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") break;
    if (!arg.startsWith("-")) words.push(arg);
    else if (program.options.some(({ long, required }) => long === arg && required)) i++;
  }
  return words;
}
