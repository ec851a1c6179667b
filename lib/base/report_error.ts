import { describeError } from "./describe_error.ts";
import { ExitCode } from "./exit_codes.ts";
import { OutputClosed, printable, toJson, writeStderr, writeStderrRaw } from "./output.ts";

/**
 * Prints the error that ended a command, once, to stderr: `error: …` and `hint: …`, or one JSON object with --json. A stack
 * trace only with `--log-level debug`. Returns the exit code.
 */
export function reportError(error: unknown, args: readonly string[]): number {
  if (error instanceof OutputClosed) return ExitCode.done;
  const helpCode = shownHelp(error);
  if (helpCode !== null) return helpCode;
  const { code, message, hint, exitCode } = describeError(error);
  if (args.includes("--json")) {
    writeStderrRaw(`${toJson({ error: { code, message, hint } })}\n`);
  } else {
    // Who was asked to stop, and did, made no error.
    const head = code === "stopped" ? "" : "error: ";
    writeStderr(`${head}${lines(message)}\n${hint === null ? "" : `hint: ${lines(hint)}\n`}`);
  }
  if (isDebug(args) && error instanceof Error) writeStderr(`${stackChain(error)}\n`);
  return exitCode;
}

/** A server's or a file's text may be in it: only its line breaks reach the terminal. */
const lines = (text: string) => text.split("\n").map(printable).join("\n");

/** Commander also throws after it showed help or the version: 0 when asked for, 2 for a missing command. */
function shownHelp(error: unknown): number | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "commander.helpDisplayed" || code === "commander.version") return ExitCode.done;
  if (code === "commander.help") {
    return error instanceof Error && "exitCode" in error && error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  }
  return null;
}

function isDebug(args: readonly string[]): boolean {
  const at = args.indexOf("--log-level");
  return (at >= 0 && args[at + 1] === "debug") || args.includes("--log-level=debug");
}

function stackChain(error: Error): string {
  const stacks: string[] = [];
  for (let e: unknown = error; e instanceof Error && stacks.length < 8; e = e.cause) stacks.push(e.stack ?? e.message);
  return stacks.join("\ncaused by: ");
}
