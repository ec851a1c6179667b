import { z } from "zod";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import type { Config } from "../config/config.ts";
import { describeError } from "../base/describe_error.ts";
import { type Logger, setUpLogging } from "../base/log.ts";
import { recordAct } from "../state/acts.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { type LiveConfig, type Reloaded, reloadWords, takeOver } from "./live_config.ts";

/** `lmsmon reload` asks by this fact, since it may run on another host, and needs no right to send signals. */
export const RELOAD_WANTED = "reload_wanted";
export const RELOAD_DONE = "reload_done:";

export const ReloadWanted = z.object({ id: z.string() });
export const ReloadDone = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  ok: z.boolean(),
  changed: z.array(z.string()),
  need_restart: z.array(z.string()),
  error: z.string().nullable(),
});
export type ReloadDone = z.infer<typeof ReloadDone>;

/** How often the state is asked whether `lmsmon reload` was called; SIGHUP needs no question. */
const LOOK_MS = 5000;

export interface ReloadDeps {
  readonly db: StateDb;
  readonly source: string;
  readonly live: LiveConfig;
  /** Throws when what the new configuration asks for cannot be had: then the one before stays. */
  readonly check: (next: Config) => Promise<void>;
  readonly log: Logger;
  readonly context: Pick<CommandContext, "clock" | "stop" | "reload" | "onHangUp">;
}

/** Takes over a changed configuration at SIGHUP and at `lmsmon reload`, until the daemon stops. Never throws. */
export async function serveReloads(deps: ReloadDeps): Promise<void> {
  const { db, source, live, check, log, context: { clock, stop, reload, onHangUp } } = deps;
  if (reload === undefined) return;
  let hungUp = new AbortController();
  onHangUp?.(() => hungUp.abort());
  let seen: string | null | undefined;
  while (!stop.soft.aborted) {
    try {
      // First of all, and without the state: a signal is obeyed also while the database is away.
      if (hungUp.signal.aborted) {
        hungUp = new AbortController();
        const { reloaded } = await reloadOnce(live, reload, check, log);
        if (reloaded !== null) {
          await recordAct(db.sql, { source, command: "SIGHUP to watch", effect: reloadWords(reloaded) });
        }
      }
      const wanted = ReloadWanted.safeParse((await readFact(db.sql, source, RELOAD_WANTED))[0]?.value);
      const id = wanted.success ? wanted.data.id : null;
      const isAsked = seen !== undefined && id !== null && id !== seen;
      seen = id;
      if (isAsked) {
        const { reloaded, error } = await reloadOnce(live, reload, check, log);
        const done: ReloadDone = {
          id,
          host: Deno.hostname(),
          pid: Deno.pid,
          ok: reloaded !== null,
          changed: [...reloaded?.changed ?? []],
          need_restart: [...reloaded?.needRestart ?? []],
          error,
        };
        await writeFact(db.sql, source, `${RELOAD_DONE}${done.host}:${done.pid}`, JSON.stringify(done));
      }
    } catch (error) {
      log.debug("Cannot look whether the configuration is to be read again", { error });
    }
    await clock.sleep(LOOK_MS, AbortSignal.any([stop.soft, hungUp.signal]));
  }
}

async function reloadOnce(
  live: LiveConfig,
  reload: () => Promise<Config>,
  check: ReloadDeps["check"],
  log: Logger,
): Promise<{ readonly reloaded: Reloaded | null; readonly error: string | null }> {
  try {
    const reloaded = takeOver(live.config, await reload());
    if (reloaded.changed.length > 0) await check(reloaded.config);
    setUpLogging(reloaded.config.log);
    if (reloaded.changed.length > 0) live.exchange(reloaded.config);
    log.info("Read the configuration again: {what}", {
      what: reloadWords(reloaded),
      changed: reloaded.changed,
      needRestart: reloaded.needRestart,
    });
    return { reloaded, error: null };
  } catch (error) {
    const { message } = describeError(error);
    log.error("The configuration is wrong, so the one before stays: {problem}", { problem: message });
    return { reloaded: null, error: message };
  }
}
