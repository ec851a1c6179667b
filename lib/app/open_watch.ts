import { describeError } from "../base/describe_error.ts";
import { logger } from "../base/log.ts";
import { untilAborted } from "../base/shutdown.ts";
import type { LmsSource } from "../source/lms_source.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { WatchOptions } from "./command_options.ts";
import { keepErased } from "./keep_erased.ts";
import type { OpenParts } from "./open_parts.ts";
import { readUntoldNews, untoldNewsText } from "./untold_news.ts";

export interface OpenWatch {
  readonly db: StateDb;
  readonly lms: LmsSource;
}

/** After a stop: how long what is being opened may take until it is, and so is closed as usual. An embedded state has work to do then. */
const PATIENCE_MS = { server: 1_500, embedded: 5_000 };

/** What `watch` works on, looked at once; `null`: it was stopped before, which a server that never answers must not put off. */
export async function openWatch(
  context: CommandContext,
  options: WatchOptions,
  parts: OpenParts,
): Promise<OpenWatch | null> {
  const { clock, config, stop: { soft } } = context;
  const patienceMs = PATIENCE_MS[config.state.url.startsWith("pglite:") ? "embedded" : "server"];
  const ended = new AbortController();
  const opening = open(context, options, parts);
  const late = untilAborted(soft, ended.signal).then(() => clock.sleep(patienceMs, ended.signal)).then(() => null);
  try {
    const opened = await Promise.race([opening, late]);
    if (opened !== null) return opened;
    logger("watch").info("Stopped before it could begin: something did not answer");
  } catch (error) {
    if (!soft.aborted) throw error;
    const { message } = describeError(error);
    logger("watch").warning("Stopped before it could begin: {message}", { message });
  } finally {
    ended.abort();
    opening.catch(() => {}); // nobody waits for it any more
  }
  parts.hurry();
  return null;
}

async function open(context: CommandContext, options: WatchOptions, parts: OpenParts): Promise<OpenWatch> {
  const { notify } = context.config;
  const db = await parts.state({ dryRun: options.dryRun });
  const lms = await parts.lms();
  if (options.dryRun) return { db, lms };
  await keepErased(context, db);
  const untold = await readUntoldNews(db, lms.name, { ...options, enabled: notify.enabled });
  if (untold !== null) {
    const { why, neverTold, pending } = untold;
    const say = { notice: untoldNewsText(untold, null), neverTold, pending };
    if (why === "off") logger("watch").warning("{notice}", say);
    else logger("watch").info("{notice}", say);
  }
  return { db, lms };
}
