import type { Logger } from "@logtape/logtape";
import type { Config } from "../config/config.ts";
import type { Clock } from "../base/clock.ts";
import type { Output } from "../base/output.ts";

/** What every command gets besides its own options. */
export interface CommandContext {
  readonly config: Config;
  /**
   * `soft`: finish what is in hand and start nothing new (first SIGINT or SIGTERM). `hard`: abort at once; the process ends
   * right after the second signal.
   */
  readonly stop: { readonly soft: AbortSignal; readonly hard: AbortSignal };
  readonly clock: Clock;
  /** The only way to stdout. */
  readonly out: Output;
  /** Category `lmsmon`; parts use `logger("zulip")` of lib/base/log.ts. */
  readonly log: Logger;
  /** Reads the configuration again, as this process was started. Throws ConfigError. */
  readonly reload?: () => Promise<Config>;
  /** From now on SIGHUP calls this. */
  readonly onHangUp?: (handler: () => void) => void;
}

/** A command's work: resolves to its exit code (nothing = 0), or throws an error that carries one. */
export type Run<Options> = (context: CommandContext, options: Options) => Promise<number | void>;
