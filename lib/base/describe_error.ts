import { ExitCode } from "./exit_codes.ts";
import { LmsmonError } from "./errors.ts";

/** An error as users and machines see it; the text still has to pass `redact()`, which lib/base/output.ts does. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly exitCode: number;
}

export function describeError(error: unknown): ErrorReport {
  if (error instanceof LmsmonError) {
    const { code, message, hint, exitCode } = error;
    return { code, message: withoutFlags(message), hint: hint ?? null, exitCode };
  }
  if (isCommanderError(error)) return describeCommanderError(error.message);
  if (error instanceof Deno.errors.NotCapable) {
    return {
      code: "permission",
      message: withoutFlags(error.message),
      hint: Deno.build.standalone
        ? "lmsmon uses ordinary files only: no devices, no files of the kernel, no other programs"
        : "Start lmsmon with the permissions of `deno task lmsmon`, or use the built program",
      exitCode: ExitCode.failed,
    };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "internal",
    message: `Cannot go on: ${message}`,
    hint: "This is a fault in lmsmon; --log-level debug prints where it happened",
    exitCode: ExitCode.failed,
  };
}

/** Deno advises flags that whoever runs the built program cannot give. */
function withoutFlags(message: string): string {
  return message.replace(/, run again with the --allow-\S+ flag(\b|s\b)[^\n]*/g, "");
}

/** Recognised by shape: importing commander's class here would tie lib to the command line. */
function isCommanderError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string" &&
    error.code.startsWith("commander.");
}

/** "error: unknown option '--confg'\n(Did you mean --config?)" in the two parts of every other error. */
function describeCommanderError(text: string): ErrorReport {
  const suggestion = /\(Did you mean (.*?)\?\)\s*$/s.exec(text);
  return {
    code: "usage",
    message: text.slice(0, suggestion?.index).replace(/^error: /, "").trim(),
    hint: suggestion === null ? "See `lmsmon --help` and `lmsmon COMMAND --help`" : `Did you mean ${suggestion[1]}?`,
    exitCode: ExitCode.usage,
  };
}

/** One link of an error's chain of causes, for logs. */
export interface ErrorLink {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
}

/** The error and its causes, outermost first, at most eight; cycles end the chain. */
export function errorChain(error: unknown): ErrorLink[] {
  const links: ErrorLink[] = [];
  const seen = new Set<unknown>();
  for (let e = error; e !== undefined && e !== null && !seen.has(e) && links.length < 8;) {
    seen.add(e);
    if (!(e instanceof Error)) {
      links.push({ name: typeof e, message: String(e) });
      break;
    }
    links.push({
      name: e.name,
      message: withoutFlags(e.message),
      ...("code" in e && e.code !== undefined && { code: String(e.code) }),
      ...(e instanceof LmsmonError && e.hint !== undefined && { hint: e.hint }),
    });
    e = e instanceof AggregateError && e.cause === undefined ? e.errors[0] : e.cause;
  }
  return links;
}
