import {
  type DueLetterRow,
  dueLetters,
  type LetterStudentRow,
  letterStudents,
  type NamingRow,
  namingsOf,
} from "../../sql/state/letters.ts";
import { mentorLinks, peopleByIds } from "../../sql/state/outbox.ts";
import { alikeMarkers } from "../../sql/state/reconcile.ts";
import type { Config } from "../config/config.ts";
import { type Naming, type NamingFacts, readNamingFacts } from "./naming_facts.ts";
import type { LmsId } from "../model/event.ts";
import { refsOf } from "../model/marker.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Accounts, MentorPerson } from "./accounts.ts";
import type { AccountsById, NotifierDeps } from "./notify_types.ts";
import { type Pause, readPauses } from "./pauses.ts";
import { isExcluded } from "./plan.ts";

/** A naming with what decides whether it is told. */
export interface LoadedNaming extends Naming {
  readonly letterId: string;
  readonly about: "call" | "came";
  readonly courseId: string;
  readonly isMentor: boolean;
  readonly isSelf: boolean;
  readonly isExcluded: boolean;
}

/** A weekly message that may leave now. */
export interface LoadedLetter {
  readonly logId: string;
  readonly letterId: string;
  readonly recipient: string;
  readonly mentor: LmsId;
  readonly marker: string;
  /** What stands for the marker in the message. */
  readonly ref: string;
  readonly attempts: number;
  /** ISO date: its students were judged as of the end of this day. */
  readonly judgedDay: string;
  readonly writtenAt: EpochMicros;
  readonly namings: readonly LoadedNaming[];
}

/** The due letters of a chunk, and all that deciding about them rests on. */
export interface LoadedLetters {
  readonly letters: readonly LoadedLetter[];
  readonly facts: NamingFacts | null;
  readonly mentors: ReadonlyMap<LmsId, MentorPerson>;
  readonly accounts: AccountsById;
  readonly zones: ReadonlyMap<LmsId, string>;
  readonly pauses: readonly Pause[];
  readonly now: EpochMicros;
}

type ReadingDeps = Pick<NotifierDeps, "db" | "source" | "clock"> & {
  readonly config: Pick<Config, "students" | "format" | "notify">;
};

/**
 * Reads the weekly messages that the given (claimed) recipients may be told now, with what is known of whom they name. Throws ZulipError
 * when an account must be looked up and Zulip is away.
 */
export async function loadLetters(
  deps: ReadingDeps,
  accounts: Accounts,
  recipients: readonly string[],
  cutoff: EpochMicros,
  signal?: AbortSignal,
): Promise<LoadedLetters> {
  const { db: { sql }, source, config, clock } = deps;
  const due = recipients.length === 0 ? [] : await dueLetters(sql, source, recipients, cutoff);
  if (due.length === 0) return { ...NO_LETTERS, now: clock.now() };
  const rows = await namingsOf(sql, due.map(({ letter_id }) => letter_id));
  const ids = [...new Set(rows.map(({ student_id }) => student_id))];
  const mentorIds = [...new Set(due.map(({ mentor_id }) => mentor_id))];
  const [people, links, mentorRows, pauses, taken] = await Promise.all([
    letterStudents(sql, source, ids),
    mentorLinks(sql, source, ids),
    peopleByIds(sql, source, "mentor", mentorIds),
    readPauses(deps, clock.now()),
    alikeMarkers(sql, due.map(({ marker }) => marker), due.map(({ recipient }) => recipient)),
  ]);
  const students = new Map(people.map((row) => [row.id, row]));
  const mentors = new Map(mentorRows.map((row) => [row.id, row]));
  const current = new Map(links.map((row) => [row.student_id, row.mentor_ids]));
  const mentorOfLetter = new Map(due.map((row) => [row.letter_id, row]));
  const known = await accounts.of({
    mentors,
    rows: rows.map(({ letter_id, student_id }) => ({
      recipient: mentorOfLetter.get(letter_id)?.recipient ?? "",
      studentId: student_id,
      studentEmail: students.get(student_id)?.email ?? null,
    })),
  }, signal);
  const about = { students, mentorsOf: current, selves: known.selves, excluded: config.students };
  const byLetter = Map.groupBy(rows, ({ letter_id }) => letter_id);
  const letters = due.map((row): LoadedLetter => ({
    ...letterOf(row, new Set(taken.map(({ marker }) => marker))),
    namings: (byLetter.get(row.letter_id) ?? []).map((naming) => namingOf(naming, row.mentor_id, about)),
  }));
  const facts = await readNamingFacts(sql, source, letters.flatMap(({ namings }) => namings), {
    people: students,
    timezone: config.notify.timezone,
    names: config.format?.names ?? "full",
    at: null,
  });
  return { letters, facts, mentors, accounts: known.mentors, zones: known.zones, pauses, now: clock.now() };
}

/** What is known of the students that letters name. */
interface AboutStudents {
  readonly students: ReadonlyMap<LmsId, LetterStudentRow>;
  readonly mentorsOf: ReadonlyMap<LmsId, readonly LmsId[]>;
  /** `mentor/student` of those who have one account. */
  readonly selves: ReadonlySet<string>;
  readonly excluded: Config["students"];
}

function namingOf(
  row: NamingRow,
  mentor: LmsId,
  { students, mentorsOf, selves, excluded }: AboutStudents,
): LoadedNaming {
  const student = students.get(row.student_id);
  const person = student === undefined ? null : { ...student, batchIds: student.batch_ids };
  return {
    letterId: row.letter_id,
    about: row.about,
    mentor,
    student: row.student_id,
    courseId: row.course_id,
    title: row.course,
    reasons: row.reasons,
    lastActive: row.last_active,
    patternIds: row.pattern_ids,
    isMentor: mentorsOf.get(row.student_id)?.includes(mentor) ?? true,
    isSelf: selves.has(`${mentor}/${row.student_id}`),
    isExcluded: isExcluded({ studentUsername: null }, person, excluded),
  };
}

const NO_LETTERS: Omit<LoadedLetters, "now"> = {
  letters: [],
  facts: null,
  mentors: new Map(),
  accounts: new Map(),
  zones: new Map(),
  pauses: [],
};

function letterOf(row: DueLetterRow, taken: ReadonlySet<string>): Omit<LoadedLetter, "namings"> {
  const [ref = row.marker] = refsOf([row.marker], taken);
  return {
    logId: row.log_id,
    letterId: row.letter_id,
    recipient: row.recipient,
    mentor: row.mentor_id,
    marker: row.marker,
    ref,
    attempts: row.attempts,
    judgedDay: row.judged_day,
    writtenAt: Number(row.created_us),
  };
}
