import { type NewestEventRow, newestEvents } from "../../sql/state/history.ts";
import { sharedNames } from "../../sql/state/outbox.ts";
import { type NamedPatternRow, patternsById } from "../../sql/state/patterns.ts";
import { escapeText, NAME_LENGTH } from "../format/escape_text.ts";
import { studentText } from "../format/phrases.ts";
import { withNames } from "../format/student_names.ts";
import { type EventItem, eventItem } from "../history/items.ts";
import { eventWords } from "../history/lines.ts";
import type { LmsId } from "../model/event.ts";
import { formatUtc } from "../model/time.ts";
import type { PatternType } from "../model/pattern_types.ts";
import type { NamesForm } from "../model/told_event.ts";
import type { Queryable } from "../state/state_db.ts";
import { localDay } from "../text/local_time.ts";
import type { AsOf } from "../insights/read_insights.ts";
import type { CameStudent, NamedStudent } from "../insights/weekly_message.ts";
import { shortDate } from "../text/short_date.ts";

/** Whom a mentor is to be told of, and why. */
export interface Naming {
  readonly mentor: LmsId;
  readonly student: LmsId;
  /** Of the course; as the LMS has it. */
  readonly title: string | null;
  readonly reasons: readonly string[];
  readonly lastActive: string | null;
  readonly patternIds: readonly string[];
}

export interface NamedPerson {
  readonly id: LmsId;
  readonly name: string | null;
  readonly username: string | null;
}

/** What messages of these namings are worded from. */
export interface NamingFacts {
  call(naming: Naming): NamedStudent;
  came(naming: Naming): CameStudent;
}

const FACTS = 3;
/** The last event of an attempt is enough. */
const EVENTS = 4 * FACTS;
/** Shorter than elsewhere: a line on a phone. */
const TITLE_LENGTH = 60;

/** Reads what is said of students beyond their score, a few questions for all of them. */
export async function readNamingFacts(
  sql: Queryable,
  source: string,
  namings: readonly Naming[],
  { people, timezone, names, at }: {
    readonly people: ReadonlyMap<LmsId, NamedPerson>;
    readonly timezone: string;
    readonly names: NamesForm;
    /** As it was then; `null`: as it is now. */
    readonly at: Pick<AsOf, "day" | "known"> | null;
  },
): Promise<NamingFacts> {
  const students = [...new Set(namings.map(({ student }) => student))];
  const [events, patterns, shared] = await Promise.all([
    newestEvents(sql, source, students, EVENTS, at === null ? null : formatUtc(at.known)),
    patternsById(sql, [...new Set(namings.flatMap(({ patternIds }) => patternIds))], at?.day ?? null),
    sharedNames(sql, source, namings.map(({ mentor }) => mentor), namings.map(({ student }) => student)),
  ]);
  const byStudent = Map.groupBy(events, ({ student_id }) => student_id);
  const byId = new Map(patterns.map((row) => [row.pattern_id, row]));
  const isShared = new Set(shared.map((row) => `${row.mentor_id}/${row.student_id}`));
  const named = ({ mentor, student, title }: Naming) => {
    const person = people.get(student);
    const nameIsShared = isShared.has(`${mentor}/${student}`);
    const told = { id: student, name: person?.name ?? null, username: person?.username ?? null, nameIsShared };
    return {
      name: studentText(withNames({ student: told }, names), NAME_LENGTH),
      course: escapeText(title, TITLE_LENGTH),
    };
  };
  const patternsOf = ({ patternIds }: Naming): NamedPatternRow[] => patternIds.flatMap((id) => byId.get(id) ?? []);
  return {
    call: (naming) => ({
      ...named(naming),
      reasons: naming.reasons,
      patterns: patternsOf(naming).filter(({ withdrawn }) => !withdrawn)
        .map(({ type, since }) => ({ type: type as PatternType, since })), // the table holds no other
      lastActive: naming.lastActive,
      facts: lastOfEach(byStudent.get(naming.student) ?? []).map((row) => factLine(row, naming.title, timezone)),
    }),
    came: (naming) => ({ ...named(naming), due: [...new Set(patternsOf(naming).map(({ since }) => since))] }),
  };
}

/** What became of the last attempts, each once; a row of the LMS that holds one try after another is an attempt for each. Pure. */
export function lastOfEach(newestFirst: readonly NewestEventRow[]): NewestEventRow[] {
  const attempts = new Map<string, NewestEventRow>();
  for (const row of newestFirst) {
    const attempt = `${row.kind}/${row.attempt_id}/${row.incarnation}`;
    if (!attempts.has(attempt)) attempts.set(attempt, row);
  }
  return [...attempts.values()].slice(0, FACTS);
}

/** `7 Nov, Mock 3: failed, 41 %, pass mark 50 %`; with its course where that is another one. */
function factLine(row: NewestEventRow, course: string | null, timezone: string): string {
  const { at, content } = eventItem(row);
  const event = content as EventItem; // of one event
  const title = escapeText(event.title, TITLE_LENGTH) ?? (event.is === "exam" ? "an exam" : "some content");
  const other = event.course === null || event.course === course ? null : escapeText(event.course, TITLE_LENGTH);
  return `${shortDate(localDay(at, timezone).toString())}, ${title}${other === null ? "" : ` (${other})`}: ${
    eventWords(event)
  }`;
}
