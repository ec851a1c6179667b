import type { Config } from "../config/config.ts";
import { weeklyMessage } from "../insights/weekly_message.ts";
import type { Decision, JudgedNaming } from "./decide.ts";
import type { LoadedLetter, LoadedLetters, LoadedNaming } from "./load_letters.ts";
import { type Pause, pausedUntil, pausesOf } from "./pauses.ts";
import { quietUntil } from "./times_of_day.ts";

/** The configuration as far as it decides. */
export interface LetterPolicy {
  readonly notify: Pick<Config["notify"], "accountGraceMs" | "quiet" | "timezone">;
  readonly users: Pick<Config["users"], "cacheMs">;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };
type LetterDecision = Mutable<Required<Pick<Decision, "messages" | "suppress" | "putOff" | "namings">>> & {
  userIds: Map<string, string | null>;
};

/**
 * What becomes of the weekly messages that are due. Each recipient gets one message, also for several weeks; it names those who may
 * still be named, and goes to the mentor alone, never to a channel. Pure.
 */
export function decideLetters(loaded: LoadedLetters, config: LetterPolicy, skip: ReadonlySet<string>): LetterDecision {
  const result: LetterDecision = { messages: [], suppress: [], putOff: [], namings: [], userIds: new Map() };
  for (const [recipient, letters] of Map.groupBy(loaded.letters, (letter) => letter.recipient)) {
    if (skip.has(recipient)) continue;
    const rows = letters.filter((letter) => !waits(letter, loaded, config, result));
    const [first] = rows;
    if (first === undefined || loaded.facts === null) continue;
    const judged = judgeNamings(rows, loaded.pauses, loaded.facts);
    const told = judged.filter(({ leftOut }) => leftOut === null).map(({ naming }) => naming);
    if (told.length === 0) {
      result.suppress.push(...rows.map(({ logId }) => ({ row: { logId }, reason: "nobody_named" as const })));
      continue;
    }
    const { facts } = loaded;
    const content = weeklyMessage({
      calls: told.filter(({ about }) => about === "call").map(facts.call),
      came: told.filter(({ about }) => about === "came").map(facts.came),
      asOf: rows.at(-1)?.judgedDay ?? first.judgedDay,
      ref: rows.map(({ ref }) => ref).join(" "),
    });
    result.namings.push(...judged.map(({ naming, leftOut }): JudgedNaming => ({
      letterId: naming.letterId,
      about: naming.about,
      studentId: naming.student,
      courseId: naming.courseId,
      leftOut,
    })));
    for (const { logId } of rows) result.userIds.set(logId, loaded.accounts.get(first.mentor) ?? null);
    result.messages.push({
      recipient,
      kind: "weekly",
      content,
      rows: rows.map(({ logId, attempts, writtenAt }) => ({ logId, attempts, told: { detectedAt: writtenAt } })),
    });
  }
  return result;
}

/** Whether the whole letter waits, or has nobody to go to. */
function waits(letter: LoadedLetter, loaded: LoadedLetters, config: LetterPolicy, result: LetterDecision): boolean {
  const { now, pauses, accounts, zones } = loaded;
  const { logId, recipient, mentor, writtenAt } = letter;
  const paused = pausedUntil({ recipient, kind: "weekly", studentId: null, activityId: null }, pauses, now);
  if (paused !== null) {
    result.putOff.push({ logId, reason: "paused", until: paused });
    return true;
  }
  if ((accounts.get(mentor) ?? null) === null) {
    const graceEnd = writtenAt + config.notify.accountGraceMs * 1000;
    if (now >= graceEnd) result.suppress.push({ row: { logId }, reason: "no_account" });
    else {
      const until = Math.min(graceEnd, now + config.users.cacheMs * 1000);
      result.putOff.push({ logId, reason: "no_account", until });
    }
    return true;
  }
  const { quiet, timezone } = config.notify;
  const quietEnd = quiet === null ? null : quietUntil(now, quiet, zones.get(mentor) ?? timezone);
  if (quietEnd === null) return false;
  result.putOff.push({ logId, reason: "quiet", until: quietEnd });
  return true;
}

interface Judged {
  readonly naming: LoadedNaming;
  readonly leftOut: JudgedNaming["leftOut"];
}

/** Students of each sort in one message: nobody reads more. Who found no room counts as not named. */
const MOST_NAMED = 10;

/** The newest week first: what it says of a student stands. */
function judgeNamings(
  letters: readonly LoadedLetter[],
  pauses: readonly Pause[],
  facts: NonNullable<LoadedLetters["facts"]>,
): Judged[] {
  const named = { call: new Set<string>(), came: new Set<string>() };
  return letters.toReversed().flatMap(({ namings }) => namings).map((naming): Judged => {
    const known = named[naming.about];
    // Who needs a call needs one, in however many courses.
    const key = naming.about === "call" ? naming.student : `${naming.student}/${naming.courseId}`;
    const leftOut = objectionTo(naming, pauses) ??
      (known.has(key)
        ? "named_twice"
        : naming.about === "came" && facts.came(naming).due.length === 0
        ? "no_longer_so"
        : known.size >= MOST_NAMED
        ? "no_room"
        : null);
    if (leftOut === null) known.add(key);
    return { naming, leftOut };
  });
}

/** Why this student is not to be named to this mentor, whoever else is. */
function objectionTo(naming: LoadedNaming, pauses: readonly Pause[]): JudgedNaming["leftOut"] {
  if (!naming.isMentor) return "no_longer_mentor";
  if (naming.isSelf) return "self";
  if (naming.isExcluded) return "student_excluded";
  const pausable = { recipient: null, kind: "weekly", studentId: naming.student, activityId: null };
  return pausesOf(pausable, pauses).some(({ scope }) => scope === "student") ? "paused" : null;
}
