import { leaseStats } from "../../sql/state/stats.ts";
import { dropFact, factsBeginning, readFact, writeFact } from "../../sql/state/facts.ts";
import { CommandError } from "../base/errors.ts";
import { recordAct } from "../state/acts.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { ReloadOptions } from "./command_options.ts";
import { reloadWords } from "./live_config.ts";
import { OpenParts } from "./open_parts.ts";
import { RELOAD_DONE, RELOAD_WANTED, ReloadDone, ReloadWanted } from "./reload_requests.ts";

const LOOK_MS = 200;
/** A watch looks every five seconds, so others than the first to answer may be as much later. */
const FIRST_MS = 20_000;
const OTHERS_MS = 6_000;

/** `reload`: asks every watch of this source to read its configuration again, and says what each answered. */
export async function runReload(context: CommandContext, options: ReloadOptions): Promise<void> {
  const { config, out } = context;
  const source = config.source.name;
  if (options.dryRun) {
    if (options.json) return out.writeJson(commandJson("reload", { source, dry_run: true, watches: [] }));
    return out.writeLine(`${config.file ?? "The configuration"} is right; no watch was asked to read it`);
  }
  await using parts = new OpenParts(config);
  const db = await parts.state();
  const answers = await ask(context, db, source);
  if (answers.length === 0) {
    const polled = (await leaseStats(db.sql)).some((lease) => lease.source === source && lease.valid);
    throw new CommandError("Cannot reload: no watch answered within 20 seconds", {
      hint: polled
        ? "one polls, so it may be older than this lmsmon, or stuck: restart it"
        : "no watch runs; whatever starts next reads the configuration anyway",
    });
  }
  const effect = answers.map((one) => `${one.host}: ${one.ok ? words(one) : "kept the one before"}`).join("; ");
  await recordAct(db.sql, { source, command: "reload", effect });
  if (options.json) {
    out.writeJson(commandJson("reload", { source, dry_run: false, watches: answers.map(({ id: _, ...one }) => one) }));
  } else {
    for (const one of answers) {
      out.writeLine(
        `host ${one.host}, process ${one.pid}: ${one.ok ? words(one) : `kept the one before: ${one.error}`}`,
      );
    }
  }
  const wrong = answers.filter(({ ok }) => !ok).length;
  if (wrong > 0) {
    throw new CommandError(`Cannot reload ${counted(wrong, "watch", "watches")}: the configuration there is wrong`, {
      hint: "correct it and reload again; what ran before goes on",
    });
  }
}

const words = ({ changed, need_restart: needRestart }: ReloadDone) => reloadWords({ changed, needRestart });

/**
 * Another reload that was called meanwhile takes the place of this one before a watch has seen it. What the watches answer to that one
 * came later, so it answers this one, too.
 */
async function ask({ clock, stop }: CommandContext, db: StateDb, source: string): Promise<ReloadDone[]> {
  const own = crypto.randomUUID();
  const ids = new Set<string>([own]);
  await writeFact(db.sql, source, RELOAD_WANTED, JSON.stringify({ id: own }));
  const began = clock.monotonicMs();
  let firstAt: number | null = null;
  const answers = new Map<string, ReloadDone>();
  while (clock.monotonicMs() - began < FIRST_MS && (firstAt === null || clock.monotonicMs() - firstAt < OTHERS_MS)) {
    stop.soft.throwIfAborted();
    const wanted = ReloadWanted.safeParse((await readFact(db.sql, source, RELOAD_WANTED))[0]?.value);
    if (wanted.success) ids.add(wanted.data.id);
    for (const { name, value } of await factsBeginning(db.sql, source, RELOAD_DONE)) {
      const { data } = ReloadDone.safeParse(value);
      // The first answer of a watch says what changed; to the other reload it says that nothing did.
      if (data !== undefined && ids.has(data.id) && !answers.has(name)) answers.set(name, data);
    }
    if (answers.size > 0) firstAt ??= clock.monotonicMs();
    await clock.sleep(LOOK_MS, stop.soft);
  }
  // Those to another reload are its own to take away.
  for (const { name, value } of await factsBeginning(db.sql, source, RELOAD_DONE)) {
    if (ReloadDone.safeParse(value).data?.id === own) await dropFact(db.sql, source, name);
  }
  return [...answers.values()];
}
