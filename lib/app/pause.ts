import { endPauses, hurryMessages, insertPause, untoldOfScope, wakePausedRows } from "../../sql/state/pauses.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { sourceNames } from "../../sql/state/sources.ts";
import { findPerson } from "../people/find_person.ts";
import { CommandError } from "../base/errors.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { retryLostRaces, UNIQUE_VIOLATION } from "../base/retry.ts";
import { type EpochMicros, formatUtc } from "../model/time.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import { recordAct } from "../state/acts.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { type Pause, pauseOf, type PauseScope, readPauses } from "../tell/pauses.ts";
import { pauseWords } from "../tell/reasons.ts";
import { counted } from "../text/counted.ts";
import { localTime } from "../text/local_time.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { PauseOptions, PauseSubject, ResumeOptions } from "./command_options.ts";
import { pauseJson } from "./explain_words.ts";
import { findExam } from "./find_subject.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

interface Scope {
  readonly scope: PauseScope;
  readonly subjectId: string | null;
}

/** `pause`: from now on nothing leaves of what it covers. Polling goes on, and all that is found is kept. */
export async function runPause(context: CommandContext, options: PauseOptions): Promise<void> {
  const { config, clock } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun });
  await using out = ownKeyOutput(context.out, db);
  const source = config.source.name;
  const scope = await scopeOf(db, source, options.subject);
  const { until, reason, dryRun } = options;
  const [count] = await untoldOfScope(db.sql, source, scope);
  const deliveries = Number(count?.deliveries ?? 0);
  const others = (await sourceNames(db.sql)).map((row) => row.source).filter((name) => name !== source);
  const replaced = dryRun
    ? (await readPauses({ db, source }, clock.now())).filter((pause) => isSame(pause, scope))
    : await begin(db, { source, scope, until, reason, deliveries, clock });
  if (options.json) {
    const { scope: name, subjectId } = scope;
    return out.writeJson(commandJson("pause", {
      source,
      dry_run: dryRun,
      scope: name,
      id: subjectId === null ? null : BigInt(subjectId),
      until_at: jsonTime(until),
      reason,
      replaces: replaced.map(pauseJson),
      deliveries,
      other_sources: others,
    }));
  }
  const end = until === null ? "until `lmsmon resume`" : `until ${localTime(until, config.notify.timezone)}`;
  out.writeLine(`${dryRun ? "Would be paused" : "Paused"}: ${pauseWords(scope)}, ${end}`);
  for (const pause of replaced) {
    const since = localTime(pause.since, config.notify.timezone);
    out.writeLine(`It takes the place of the pause before, since ${since}: ${pause.reason}`);
  }
  out.writeLine(`${waitSoFar(deliveries)}; polling goes on, and nothing is lost.`);
  if (others.length > 0) {
    out.writeLine(
      `This is of ${source} alone: ${others.join(", ")} in this state goes on; pause it with its configuration.`,
    );
  }
}

/** Writes the pause down; returns those of the same that it takes the place of. */
async function begin(
  db: StateDb,
  { source, scope, until, reason, deliveries, clock }: {
    readonly source: string;
    readonly scope: Scope;
    readonly until: EpochMicros | null;
    readonly reason: string;
    readonly deliveries: number;
    readonly clock: Clock;
  },
): Promise<readonly Pause[]> {
  const transaction = () =>
    besideErasures(db, async (tx) => {
      const now = clock.now();
      const ended = (await endPauses(tx, source, scope, now)).map(pauseOf)
        .filter(({ until }) => until === null || until > now);
      const begun = await insertPause(tx, source, { ...scope, until, reason });
      if (begun.count === 0) {
        throw new CommandError(`Cannot pause: this ${scope.scope} was erased`, {
          hint: "nothing more is told of them",
        });
      }
      // They were put off to the old end; the next round puts off again what is still paused.
      if (ended.length > 0) await wakePaused(tx, source, now);
      await recordAct(tx, {
        source,
        command: `pause${flagOf(scope)}${until === null ? "" : ` --until ${formatUtc(until)}`}`,
        reason,
        effect: `${pauseWords(scope)} paused; ${waitSoFar(deliveries)}`,
      });
      return ended;
    });
  // Two pauses of the same at once: the second finds the first one and takes its place.
  return await retryLostRaces(transaction, systemClock, [UNIQUE_VIOLATION]);
}

/** `resume`: ends pauses; what was kept is due now, and goes out as after an outage. */
export async function runResume(context: CommandContext, options: ResumeOptions): Promise<void> {
  const { config, clock } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun });
  await using out = ownKeyOutput(context.out, db);
  const source = config.source.name;
  const now = clock.now();
  const all = await readPauses({ db, source }, now);
  const chosen = await chosenPauses(db, source, all, options);
  const deliveries = options.dryRun ? null : await resume(db, source, chosen, now);
  const left = all.filter((pause) => !chosen.includes(pause));
  if (options.json) {
    return out.writeJson(commandJson("resume", {
      source,
      dry_run: options.dryRun,
      resumed: chosen.map(pauseJson),
      still_paused: left.map(pauseJson),
      deliveries,
    }));
  }
  if (chosen.length === 0) return out.writeLine("Nothing is paused.");
  for (const pause of chosen) {
    out.writeLine(
      `${options.dryRun ? "Would be resumed" : "Resumed"}: ${pauseWords(pause)}, paused since ${
        localTime(pause.since, config.notify.timezone)
      }: ${pause.reason}`,
    );
  }
  if (deliveries !== null) {
    const n = counted(deliveries, "delivery", "deliveries");
    const leave = deliveries === 1 ? "leaves" : "leave";
    out.writeLine(
      deliveries === 0
        ? "Nothing had come to wait for it."
        : `${n} that waited for it ${leave} with the next round of watch or poll-once.`,
    );
  }
  for (const pause of left) out.writeLine(`Still paused: ${pauseWords(pause)}: ${pause.reason}`);
}

async function resume(db: StateDb, source: string, chosen: readonly Pause[], now: EpochMicros): Promise<number> {
  if (chosen.length === 0) return 0;
  return await retryLostRaces(() =>
    besideErasures(db, async (tx) => {
      const ended: Pause[] = [];
      for (const pause of chosen) if ((await endPauses(tx, source, pause, now)).length > 0) ended.push(pause);
      if (ended.length === 0) return 0; // somebody else was faster, or whom they were about was erased
      const deliveries = await wakePaused(tx, source, now);
      await recordAct(tx, {
        source,
        command: `resume${ended.map(flagOf).join("")}`,
        effect: `${ended.map(pauseWords).join(", ")} resumed; ${counted(deliveries, "delivery", "deliveries")} due`,
      });
      return deliveries;
    })
  );
}

/** What was put off by a pause is due now; how many deliveries. A message that was in doubt before it keeps its text. */
async function wakePaused(tx: Queryable, source: string, now: EpochMicros): Promise<number> {
  const woken = await wakePausedRows(tx, source, now);
  const hurried = await hurryMessages(tx, source, now);
  const recipients = [...new Set([...woken, ...hurried].map(({ recipient }) => recipient))];
  if (recipients.length > 0) await wakeRecipients(tx, source, recipients, now);
  return woken.reduce((sum, row) => sum + Number(row.deliveries), 0);
}

const waitSoFar = (deliveries: number) =>
  `${counted(deliveries, "delivery", "deliveries")} ${deliveries === 1 ? "waits" : "wait"} for it so far`;

/** Without a scope the pause of everything; or the only one there is. */
async function chosenPauses(
  db: StateDb,
  source: string,
  all: readonly Pause[],
  { subject, all: every }: ResumeOptions,
): Promise<readonly Pause[]> {
  if (every || all.length === 0 && subject === null) return all;
  if (subject !== null) {
    const scope = await scopeOf(db, source, { ...subject, mayBeUnknown: true });
    const own = all.filter((pause) => isSame(pause, scope));
    if (own.length > 0) return own;
    throw new CommandError(`Cannot resume ${pauseWords(scope)}: it is not paused`, { hint: whatIs(all) });
  }
  const whole = all.filter(({ scope }) => scope === "all");
  if (whole.length > 0) return whole;
  if (all.length === 1) return all;
  throw new CommandError("Cannot resume: several things are paused, and not everything is", {
    hint: `${whatIs(all)}; --all resumes all of them`,
  });
}

function whatIs(all: readonly Pause[]): string {
  if (all.length === 0) return "nothing is paused";
  return all.map((pause) => `lmsmon resume${flagOf(pause)}`).join(", ");
}

async function scopeOf(db: StateDb, source: string, subject: PauseSubject | null): Promise<Scope> {
  if (subject === null) return { scope: "all", subjectId: null };
  const { kind, who, mayBeUnknown } = subject;
  if (mayBeUnknown && /^\d{1,18}$/.test(who)) return { scope: kind, subjectId: BigInt(who).toString() };
  const subjectId = kind === "exam" ? await findExam(db, source, who) : await findPerson(db.sql, source, kind, who);
  return { scope: kind, subjectId };
}

const isSame = (pause: Pause, { scope, subjectId }: Scope) => pause.scope === scope && pause.subjectId === subjectId;
const flagOf = ({ scope, subjectId }: Scope) => scope === "all" ? "" : ` --${scope} ${subjectId}`;
