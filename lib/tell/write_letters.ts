import { shareErasures } from "../../sql/state/erasures.ts";
import { courses } from "../../sql/state/insight_names.ts";
import { standings } from "../../sql/state/insights.ts";
import * as q from "../../sql/state/letters.ts";
import { openPatterns } from "../../sql/state/patterns.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { z } from "zod";
import type { Config, WeeklyTelling } from "../config/config.ts";
import { inHalves } from "../insights/in_halves.ts";
import { differentReasons, type Insight, judge } from "../insights/insight.ts";
import { type Mention, nameOn, NAMING } from "../insights/naming.ts";
import type { ScoreConstants } from "../insights/score.ts";
import type { LmsId } from "../model/event.ts";
import { letterMarker } from "../model/marker.ts";
import { mentorRecipient } from "../model/recipient.ts";
import { type EpochMicros, formatUtc, fromInstant, toInstant } from "../model/time.ts";
import { arrayLiteral, numberArrayLiteral } from "../state/array_literal.ts";
import { fenced } from "../state/fenced.ts";
import type { Lease } from "../state/leases.ts";
import type { Queryable, StateDb, Transaction } from "../state/state_db.ts";
import { localDay } from "../text/local_time.ts";
import { pausesOf, readPauses } from "./pauses.ts";
import { isExcluded } from "./plan.ts";

/** The fact that says of which week letters were written last. */
const FACT = "letters";
const ReadFact = z.object({ day: z.iso.date() });
/** Letters that were not written on their day, because nothing ran, are written up to so many days later. */
const LATE_DAYS = 3;

export interface LetterSettings {
  readonly tell: WeeklyTelling;
  readonly constants: ScoreConstants;
  readonly notify: Pick<Config["notify"], "timezone" | "fuse" | "redirectTo">;
  readonly students: Config["students"];
}

/** The day whose letters are due now, an ISO date; `null`: none. `last`: of which day they were written last. Pure. */
export function letterDay(
  now: EpochMicros,
  last: string | null,
  { weekday, at }: WeeklyTelling,
  timezone: string,
): string | null {
  const local = toInstant(now).toZonedDateTimeISO(timezone);
  const daysAgo = (local.dayOfWeek - weekday + 7) % 7;
  const day = local.toPlainDate().subtract({ days: daysAgo });
  if (daysAgo > LATE_DAYS || (daysAgo === 0 && local.hour * 60 + local.minute < at)) return null;
  if (last !== null && Temporal.PlainDate.compare(last, day) >= 0) return null;
  return day.toString();
}

/** Of which day letters were written last. */
export async function lastLetterDay(sql: Queryable, source: string): Promise<string | null> {
  const [fact] = await readFact(sql, source, FACT);
  return ReadFact.safeParse(fact?.value).data?.day ?? null;
}

export interface WrittenLetters {
  readonly day: string;
  readonly letters: number;
  readonly named: number;
  /** Why the fuse holds them; `null`: they leave. */
  readonly held: string | null;
}

/**
 * Writes the letters of a week: once, since whoever polls holds the lease. Students are judged by how things stood at the end of
 * yesterday. To be called after a poll; `null`: none are due.
 */
export async function writeLetters(
  db: Pick<StateDb, "sql" | "mode">,
  lease: Lease,
  now: EpochMicros,
  settings: LetterSettings,
): Promise<WrittenLetters | null> {
  const { source } = lease;
  const { tell, notify: { timezone } } = settings;
  const day = letterDay(now, await lastLetterDay(db.sql, source), tell, timezone);
  if (day === null) return null;
  const judgedDay = localDay(now, timezone).subtract({ days: 1 }).toString();
  const week = { source, day, judgedDay, now };
  const namings = [...await callsOf(db, week, settings), ...await whoCame(db.sql, week, settings)];
  return await fenced(db, lease, async (tx) => {
    const written = await keep(tx, lease, { ...week, namings }, settings.notify.fuse);
    await writeFact(tx, source, FACT, JSON.stringify({ day }));
    return written;
  });
}

export interface Week {
  readonly source: string;
  readonly day: string;
  readonly judgedDay: string;
  readonly now: EpochMicros;
}

/** A row of lmsmon.namings to be. */
export interface NewNaming {
  readonly mentor: LmsId;
  readonly about: "call" | "came";
  readonly student: LmsId;
  readonly course: string;
  readonly title: string | null;
  readonly p: number | null;
  readonly reasons: readonly string[];
  readonly lastActive: string | null;
  readonly patternIds: readonly string[];
}

/**
 * Who needs a call, of courses that were known before the judged day. What happened until its end counts as it is known when the letters
 * are written: after days on which nothing ran, work that a poll has found since is not said to be missing.
 */
export async function callsOf(
  { sql, mode }: Pick<StateDb, "sql" | "mode">,
  week: Week,
  settings: LetterSettings,
  seen: EpochMicros = week.now,
): Promise<NewNaming[]> {
  const { source, judgedDay } = week;
  const { constants, notify: { timezone } } = settings;
  const end = fromInstant(Temporal.PlainDate.from(judgedDay).add({ days: 1 }).toZonedDateTime(timezone).toInstant()) -
    1;
  const asked = { source, until: formatUtc(end), seen: formatUtc(seen), day: judgedDay, timezone, course: null };
  const known = new Set((await q.coursesKnownBefore(sql, source, judgedDay)).map(({ course_id }) => course_id));
  const insights = known.size === 0
    ? []
    : judge(await inHalves((half) => standings(sql, { ...asked, half }), mode === "server"), constants);
  return await whomToCall(sql, week, insights.filter(({ course }) => known.has(course)), settings);
}

/** Whom the policy names to whom, by mentor, the most urgent first. `week.judgedDay` is the day that `insights` are of. */
export async function whomToCall(
  sql: Queryable,
  { source, day, judgedDay, now }: Week,
  insights: readonly Insight[],
  { tell, notify: { redirectTo }, students }: Pick<LetterSettings, "tell" | "notify" | "students">,
): Promise<NewNaming[]> {
  const urgent = insights.filter(({ p }) => (p ?? 0) >= NAMING.threshold);
  const mentorsOf = await mentorsToTell(sql, source, urgent.map(({ student }) => student), now, students);
  const said = (await q.mentionsBefore(sql, source, day, (redirectTo ?? null) !== null)).map((row): Mention => ({
    student: row.student_id,
    course: row.course_id,
    mentor: row.mentor_id,
    day: dayNumber(row.day),
    p: row.p,
  }));
  const mentions = nameOn(dayNumber(day), urgent, mentorsOf, said, { ...NAMING, most: tell.most });
  if (mentions.length === 0) return [];
  const titles = new Map((await courses(sql, source)).map(({ course_id, title }) => [course_id, title]));
  const named = [...new Set(mentions.map(({ student }) => student))];
  const keyOf = (course: string, student: string) => `${course}/${student}`;
  const open = Map.groupBy(
    await openPatterns(sql, source, named, judgedDay),
    (row) => keyOf(row.course_id, row.student_id),
  );
  const byKey = new Map(urgent.map((one) => [keyOf(one.course, one.student), one]));
  return mentions.flatMap(({ mentor, student, course, p }): NewNaming[] => {
    const insight = byKey.get(keyOf(course, student));
    if (insight === undefined) return [];
    const patternIds = (open.get(keyOf(course, student)) ?? []).map(({ pattern_id }) => pattern_id);
    const title = titles.get(course) ?? null;
    const lastActive = lastActiveOn(judgedDay, insight);
    return [{
      mentor,
      about: "call",
      student,
      course,
      title,
      p,
      reasons: differentReasons(insight),
      lastActive,
      patternIds,
    }];
  });
}

/** Students whose missing work, of which a mentor was told, came after all. */
async function whoCame(sql: Queryable, { source, now }: Week, settings: LetterSettings): Promise<NewNaming[]> {
  const came = await q.cameSinceTold(sql, source, (settings.notify.redirectTo ?? null) !== null);
  const mentorsOf = await mentorsToTell(sql, source, came.map(({ student_id }) => student_id), now, settings.students);
  return came.filter(({ mentor_id, student_id }) => mentorsOf(student_id).includes(mentor_id)).map((row) => ({
    mentor: row.mentor_id,
    about: "came",
    student: row.student_id,
    course: row.course_id,
    title: row.course,
    p: null,
    reasons: [],
    lastActive: null,
    patternIds: row.pattern_ids,
  }));
}

const dayNumber = (date: string) => Temporal.PlainDate.from("1970-01-01").until(date, { largestUnit: "day" }).days;

/** ISO date of the last activity, as of the end of a day; `null`: never. */
function lastActiveOn(judgedDay: string, { standing: { idle_days } }: Pick<Insight, "standing">): string | null {
  return idle_days === null ? null : Temporal.PlainDate.from(judgedDay).subtract({ days: idle_days }).toString();
}

/** The mentors of these students, without students who are excluded or paused; of several mentors with one account the first. */
async function mentorsToTell(
  sql: Queryable,
  source: string,
  students: readonly LmsId[],
  now: EpochMicros,
  filter: Config["students"],
): Promise<(student: LmsId) => readonly LmsId[]> {
  if (students.length === 0) return () => [];
  const pauses = await readPauses({ db: { sql }, source }, now);
  const mentors = new Map<LmsId, readonly LmsId[]>();
  for (const row of await q.candidates(sql, source, numberArrayLiteral([...new Set(students)]))) {
    const { student_id: student, username, active, batch_ids: batchIds } = row;
    const person = active === null || batchIds === null ? null : { username, active, batchIds };
    if (isExcluded({ studentUsername: null }, person, filter)) continue;
    if (pausesOf({ recipient: null, kind: "weekly", studentId: student, activityId: null }, pauses).some(isOfStudent)) {
      continue;
    }
    const accounts = new Set<string>();
    mentors.set(
      student,
      (row.mentor_ids ?? []).filter((_, i) => {
        const account = row.accounts[i] ?? "0";
        if (account !== "0" && accounts.has(account)) return false;
        accounts.add(account);
        return true;
      }),
    );
  }
  return (student) => mentors.get(student) ?? [];
}

const isOfStudent = ({ scope }: { readonly scope: string }) => scope === "student";

/** The letters with their namings and deliveries, and the run that they hang on. */
async function keep(
  tx: Transaction,
  { source, holder }: Lease,
  { day, judgedDay, now, namings }: Omit<Week, "source"> & { readonly namings: readonly NewNaming[] },
  fuse: Config["notify"]["fuse"],
): Promise<WrittenLetters> {
  await shareErasures(tx);
  const byMentor = Map.groupBy(namings, ({ mentor }) => mentor);
  const mentors = numberArrayLiteral([...byMentor.keys()]);
  const letters = byMentor.size === 0 ? [] : [...await q.insertLetters(tx, source, { mentors, day, judgedDay, now })];
  const held = fuse && letters.length > fuse.messagesPerPoll
    ? `${letters.length} weekly messages, more than ${fuse.messagesPerPoll}`
    : null;
  const rows = letters.flatMap(({ letter_id: letter, mentor_id: mentor }) =>
    (byMentor.get(mentor) ?? []).map((naming, position) => ({ ...naming, letter, position }))
  );
  if (letters.length > 0) {
    await q.insertNamings(tx, source, {
      letters: numberArrayLiteral(rows.map(({ letter }) => letter)),
      abouts: arrayLiteral(rows.map(({ about }) => about)),
      students: numberArrayLiteral(rows.map(({ student }) => student)),
      courses: numberArrayLiteral(rows.map(({ course }) => course)),
      positions: numberArrayLiteral(rows.map(({ position }) => position)),
      ps: numberArrayLiteral(rows.map(({ p }) => p)),
      titles: arrayLiteral(rows.map(({ title }) => title)),
      reasons: arrayLiteral(rows.map(({ reasons }) => JSON.stringify(reasons))),
      lastActives: arrayLiteral(rows.map(({ lastActive }) => lastActive)),
      patternIds: arrayLiteral(rows.map(({ patternIds }) => JSON.stringify(patternIds))),
    });
    const recipients = letters.map(({ mentor_id }) => mentorRecipient(mentor_id));
    const [run] = await q.insertLetterRun(tx, source, holder, letters.length, held);
    await q.insertLetterLogs(tx, source, {
      letters: numberArrayLiteral(letters.map(({ letter_id }) => letter_id)),
      recipients: arrayLiteral(recipients),
      markers: arrayLiteral(recipients.map((recipient) => letterMarker({ source, day, recipient }))),
      pollId: run?.poll_id ?? "",
      held: held !== null,
      now,
    });
    if (held === null) await wakeRecipients(tx, source, recipients, now);
  }
  return { day, letters: letters.length, named: rows.filter(({ about }) => about === "call").length, held };
}
