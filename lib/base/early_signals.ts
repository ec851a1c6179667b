import { ExitCode } from "./exit_codes.ts";
import { writeStderr } from "./output.ts";

/**
 * Signals that come while a command is still being loaded, which takes a second on a slow machine: a hang-up (`systemctl reload` right
 * after a start) ends nothing, and who is stopped says so. `code`: what a command ends with by then. Until `release`, when the command
 * itself listens.
 */
export function heedEarlySignals(
  exit: (code: number) => void,
  code: (signal: "SIGINT" | "SIGTERM") => number,
): () => void {
  try {
    // By default it ends the process without a word; heard, a write beyond the limit of a file's size is an error like any other.
    Deno.addSignalListener("SIGXFSZ", () => {});
  } catch {
    // Windows has no such limit
  }
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).flatMap((signal) => {
    const handler = () => {
      if (signal === "SIGHUP") return;
      writeStderr(`stopped, goes on next time (${signal})\n`);
      exit(code(signal));
    };
    try {
      Deno.addSignalListener(signal, handler);
      return [{ signal, handler }];
    } catch {
      return []; // Windows has not all of them
    }
  });
  return () => {
    for (const { signal, handler } of handlers.splice(0)) Deno.removeSignalListener(signal, handler);
  };
}

/** What a command ends with that was stopped before it began; `isDaemon`: a stop is what ends it well. */
export const earlyCode = (isDaemon: boolean) => (signal: "SIGINT" | "SIGTERM"): number =>
  isDaemon ? ExitCode.done : signal === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated;
