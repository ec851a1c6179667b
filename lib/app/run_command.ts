import type { Config } from "../config/config.ts";
import { formerStateWords } from "../config/default_state.ts";
import { environment, forgetPgEnvironment, homeDirectory, spareLoopback } from "../config/environment.ts";
import { loadConfig, type Need } from "../config/load_config.ts";
import type { Overrides } from "../config/env_overrides.ts";
import { systemClock } from "../base/clock.ts";
import { logger, setUpLogging } from "../base/log.ts";
import { standardOutput } from "../base/output.ts";
import { Shutdown } from "../base/shutdown.ts";
import type { CommandContext } from "./command_context.ts";
import { nameStateTroubleOfCommand } from "../state/state_errors.ts";
import { runOneShot } from "./one_shot.ts";
import { commandJson } from "./command_json.ts";

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly config?: string | undefined;
  readonly logLevel?: "debug" | "info" | "warning" | "error" | undefined;
  readonly logFormat?: "pretty" | "json" | undefined;
  readonly json?: boolean | undefined;
  /** Of those that have it: whatever the command, it only looks then. */
  readonly dryRun?: boolean | undefined;
}

export interface CommandSettings {
  /** What must be configured for this command with these flags. */
  readonly needs: readonly Need[];
  /** Flags that stand for configuration keys. */
  readonly overrides?: Overrides;
  /** With `enabled: false` it polls and sends nothing: it ends at once, or stays and says so. */
  readonly whenDisabled?: "ends" | "stays";
  /** Runs until a signal, and ends well then; everything else is stopped by one, and says so. */
  readonly daemon?: boolean;
  /** It only looks, and answers at the end: who stops it has no answer, and nothing to go on with. */
  readonly onlyLooks?: boolean;
  /** Works with the defaults alone: no file, no environment (demo). */
  readonly standalone?: boolean;
}

const logFlags = ({ logLevel, logFormat }: GlobalFlags): Overrides => ({
  ...(logLevel && { "log.level": { value: logLevel, from: "--log-level" } }),
  ...(logFormat && { "log.format": { value: logFormat, from: "--log-format" } }),
});

/** A state that nobody named may be another one than is meant. */
function warnOfState({ file, state }: Config, standalone: boolean): void {
  if (file === null && !standalone) {
    logger().warning("No configuration file found: using the defaults and the state in {state}", { state: state.url });
  }
  if (state.former !== undefined) {
    const { message, hint } = formerStateWords(state.former);
    logger().warning("{message}: {hint}", { message, hint });
  }
}

/** Configuration, logging and signals around a command's work. Resolves to the exit code; errors are main's. */
export async function runCommand(
  globals: GlobalFlags,
  settings: CommandSettings,
  work: (context: CommandContext) => Promise<number | void>,
  exit: (code: number) => void,
): Promise<number> {
  setUpLogging({ level: globals.logLevel ?? "info", format: globals.logFormat ?? "auto" });
  const log = logger();
  spareLoopback();
  forgetPgEnvironment();
  let hungUp = false;
  let hangUp = () => {
    hungUp = true;
    log.info("SIGHUP: a watch that is starting reads its configuration again then; other commands go on as they are");
  };
  using stop = new Shutdown(
    exit,
    (signal) => {
      log.info("Stopping on {signal} after the work in hand; once more stops at once", { signal });
    },
    () => hangUp(),
    settings.onlyLooks || globals.dryRun ? "nothing was changed or written; run it again" : undefined,
  ).listen();

  const standalone = settings.standalone ?? false;
  const env = standalone ? {} : environment();
  const load = () =>
    loadConfig({
      flag: globals.config,
      noFile: standalone,
      env,
      cwd: Deno.cwd(),
      home: standalone ? null : homeDirectory(env),
      needs: settings.needs,
      nothingWhenDisabled: settings.whenDisabled !== undefined,
      overrides: { ...settings.overrides, ...logFlags(globals) },
    });
  const config = await load();
  setUpLogging(config.log);
  const out = standardOutput;

  if (settings.whenDisabled === "ends" && !config.enabled) {
    if (globals.json) out.writeJson(commandJson("poll-once", { source: config.source.name, enabled: false }));
    else out.writeLine("lmsmon is switched off (enabled: false): nothing was polled, nothing was sent");
    return 0;
  }
  if (settings.needs.includes("state")) warnOfState(config, standalone);
  const run = (stop: CommandContext["stop"]) =>
    work({
      config,
      stop,
      clock: systemClock,
      out,
      log,
      reload: load,
      onHangUp: (handler) => {
        hangUp = handler;
        if (hungUp) handler(); // it came while the parts were opened
      },
    }).catch((error) => {
      throw nameStateTroubleOfCommand(config.state.url, error);
    });
  const signals = { soft: stop.soft, hard: stop.hard };
  return settings.daemon ? await run(signals) ?? 0 : await runOneShot(signals, systemClock, run);
}
