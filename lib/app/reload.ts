import { leaseStats } from "../../sql/state/stats.ts";
import { dropFact, factsBeginning, writeFact } from "../../sql/state/facts.ts";
import { CommandError } from "../base/errors.ts";
import { recordAct } from "../state/acts.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { ReloadOptions } from "./command_options.ts";
import { reloadWords } from "./live_config.ts";
import { OpenParts } from "./open_parts.ts";
import { RELOAD_DONE, RELOAD_WANTED, ReloadDone } from "./reload_requests.ts";

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

async function ask({ clock, stop }: CommandContext, db: StateDb, source: string): Promise<ReloadDone[]> {
  const id = crypto.randomUUID();
  await writeFact(db.sql, source, RELOAD_WANTED, JSON.stringify({ id }));
  const began = clock.monotonicMs();
  let firstAt: number | null = null;
  let answers: { readonly name: string; readonly done: ReloadDone }[] = [];
  while (clock.monotonicMs() - began < FIRST_MS && (firstAt === null || clock.monotonicMs() - firstAt < OTHERS_MS)) {
    stop.soft.throwIfAborted();
    answers = (await factsBeginning(db.sql, source, RELOAD_DONE)).flatMap(({ name, value }) => {
      const done = ReloadDone.safeParse(value);
      return done.success && done.data.id === id ? [{ name, done: done.data }] : [];
    });
    if (answers.length > 0) firstAt ??= clock.monotonicMs();
    await clock.sleep(LOOK_MS, stop.soft);
  }
  for (const { name } of answers) await dropFact(db.sql, source, name);
  return answers.map(({ done }) => done);
}
