import { configureSync, getLogger, type Logger, type LogRecord, resetSync } from "@logtape/logtape";
import { formatJson, formatPretty } from "./log_format.ts";
import { writeStderr, writeStderrRaw } from "./output.ts";

export type { Logger };

export interface LoggingOptions {
  readonly level: "debug" | "info" | "warning" | "error";
  /** `auto`: pretty when stderr is a terminal, JSON lines otherwise. */
  readonly format: "auto" | "pretty" | "json";
  /** Receives whole lines; tests collect them. JSON is redacted already, pretty text is not. */
  readonly write?: (line: string) => void;
  readonly isTerminal?: boolean;
}

/**
 * The logger of one part of lmsmon, e.g. `logger("zulip")`. Message texts are constant templates, data are properties, errors
 * are the `error` property: `log.warning("Cannot reach Zulip, will try again", { error })`.
 */
export function logger(...category: string[]): Logger {
  return getLogger(["lmsmon", ...category]);
}

/** Sets up logging for the process; may be called again (first by flags, then by the configuration). */
export function setUpLogging(options: LoggingOptions): void {
  const isTerminal = options.isTerminal ?? Deno.stderr.isTerminal();
  const json = options.format === "json" || (options.format === "auto" && !isTerminal);
  const write = options.write ?? (json ? writeStderrRaw : writeStderr); // JSON is redacted text by text
  const showStack = options.level === "debug";
  const stderr = (record: LogRecord) =>
    write(
      `${
        json ? formatJson(record, showStack) : formatPretty(record, { color: isTerminal && !Deno.noColor, showStack })
      }\n`,
    );
  configureSync({
    reset: true,
    sinks: { stderr },
    loggers: [
      { category: "lmsmon", lowestLevel: options.level, sinks: ["stderr"] },
      // LogTape's own troubles, such as a sink that throws.
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Silence again, for tests. */
export function tearDownLogging(): void {
  resetSync();
}
