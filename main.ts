import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { host, notEmpty, showExamples, withCommon } from "./commands/common.ts";
import { commands } from "./commands/commands.ts";
import { requireOnce } from "./commands/say_it_once.ts";
import { helpOfWords, requireCommands, suggestCommand } from "./commands/suggest_command.ts";
import denoJson from "./deno.json" with { type: "json" };
import { earlyCode, heedEarlySignals } from "./lib/base/early_signals.ts";
import { reportError } from "./lib/base/report_error.ts";
import { isStrayRejection } from "./lib/drivers/postgres/stray_rejection.ts";

const EXIT_CODES = `
Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 state database not migrated or newer than
the program; 4 LMS or Zulip unreachable or credentials refused; 130/143 stopped by a signal (watch: by a second one).`;

/** They run until somebody stops them. */
const DAEMONS = ["watch", "mcp", "demo"];

const LEVELS = ["debug", "info", "warning", "error"] as const;

/** `warn` is a level by the name that half the world has for it. */
function logLevel(text: string): string {
  const level = text === "warn" ? "warning" : text;
  if (LEVELS.some((known) => known === level)) return level;
  throw new InvalidArgumentError(`Allowed choices are ${LEVELS.join(", ")}.`);
}

/**
 * The command line as a whole. Only the commands that `args` name come with their flags, without `args` all of them: of the others
 * the help says what they are for.
 */
export async function buildProgram(args?: readonly string[]) {
  const program = withCommon(new Command("lmsmon"))
    .description("Watches an LMS database and tells each student's mentors on Zulip what their students do.")
    .version(`lmsmon ${denoJson.version}`, "-V, --version", "show the version")
    .option("--config <FILE>", "default: $LMSMON_CONFIG, ./config.yaml, ~/.config/lmsmon/, /etc/lmsmon/", notEmpty)
    .addOption(new Option("--log-level <LEVEL>").choices(LEVELS).argParser(logLevel))
    .addOption(new Option("--log-format <FORMAT>", "default: pretty on a terminal").choices(["pretty", "json"]))
    .helpCommand("help [COMMAND]", "show a command's help")
    .configureHelp({
      subcommandTerm: (command) => command.name() === "help" ? "help [COMMAND]" : `${command.name()} [options]`,
    })
    .addHelpText("after", EXIT_CODES);
  if (args === undefined || args.some((arg) => /^(help|-h|--help)$/.test(arg))) {
    showExamples((await import("./commands/examples.ts")).examplesHelp);
  }
  // Both speak of all the others.
  const all = args === undefined || args.includes("completion") || args.includes("man");
  for (const { name, about, load } of commands) {
    const command = all || args.includes(name) ? await load() : withCommon(new Command(name));
    program.addCommand(command.description(about));
  }
  return program;
}

/** Runs one command line; resolves to the exit code, never throws. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const program = await buildProgram(args);
    await requireCommands(program, args);
    requireOnce(program, args);
    await program.parseAsync(helpOfWords(program, args), { from: "user" });
    return host.exitCode;
  } catch (error) {
    return reportError(suggestCommand(error), args);
  }
}

if (import.meta.main) {
  // A promise nobody waits for must end the process like any other error, without a raw stack trace.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    if (isStrayRejection(event.reason)) return;
    Deno.exit(reportError(event.reason, Deno.args));
  });
  host.exit = (code) => Deno.exit(code);
  host.listens = heedEarlySignals(host.exit, earlyCode(Deno.args.some((arg) => DAEMONS.includes(arg))));
  Deno.exit(await main(Deno.args));
}
