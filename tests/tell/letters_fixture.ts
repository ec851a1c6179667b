import * as q from "../../sql/state/letters.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { letterMarker } from "../../lib/model/marker.ts";
import { arrayLiteral, numberArrayLiteral } from "../../lib/state/array_literal.ts";
import { type Outbox, SOURCE } from "./outbox_fixture.ts";

export interface TestNaming {
  readonly student: number;
  readonly about?: "call" | "came";
  readonly patternIds?: readonly string[];
  readonly p?: number;
  readonly course?: number;
}

/** A weekly message as whoever polls writes it; returns its id. */
export async function writeLetter(
  { db: { sql }, clock }: Outbox,
  mentor: number,
  namings: readonly TestNaming[],
  { day = "2026-11-23", held = null }: { readonly day?: string; readonly held?: string | null } = {},
): Promise<string> {
  const now = clock.now();
  // The fixture's events have ids of their own making.
  await sql`select setval('lmsmon.event_ids', greatest(last_value, 1000)) from lmsmon.event_ids`;
  const mentors = numberArrayLiteral([mentor]);
  const [letter] = await q.insertLetters(sql, SOURCE, { mentors, day, judgedDay: day, now });
  const id = letter?.letter_id ?? "";
  await q.insertNamings(sql, SOURCE, {
    letters: numberArrayLiteral(namings.map(() => id)),
    abouts: arrayLiteral(namings.map(({ about = "call" }) => about)),
    students: numberArrayLiteral(namings.map(({ student }) => student)),
    courses: numberArrayLiteral(namings.map(({ course = 1 }) => course)),
    positions: numberArrayLiteral(namings.map((_, i) => i)),
    ps: numberArrayLiteral(namings.map(({ about, p = 0.8 }) => about === "came" ? null : p)),
    titles: arrayLiteral(namings.map(() => "Physics")),
    reasons: arrayLiteral(namings.map(() => '["1 of 3 due exams not handed in (course median: 0)"]')),
    lastActives: arrayLiteral(namings.map(() => "2026-11-07")),
    patternIds: arrayLiteral(namings.map(({ patternIds = [] }) => JSON.stringify(patternIds))),
  });
  const recipient = `mentor:${mentor}`;
  const [run] = await q.insertLetterRun(sql, SOURCE, "test", 1, held);
  await q.insertLetterLogs(sql, SOURCE, {
    letters: numberArrayLiteral([id]),
    recipients: arrayLiteral([recipient]),
    markers: arrayLiteral([letterMarker({ source: SOURCE, day, recipient })]),
    pollId: run?.poll_id ?? "",
    held: held !== null,
    now,
  });
  if (held === null) await wakeRecipients(sql, SOURCE, [recipient], now);
  return id;
}

/** A missed deadline; returns its id. */
export async function missedDeadline({ db: { sql } }: Outbox, student: number, since: string): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    insert into lmsmon.patterns (source, student_id, course_id, type, day, since, found_at, history, event_ids, activity_ids, evidence)
    values (${SOURCE}, ${student}, 1, 'deadline_missed', ${since}::date + 2, ${since}, now(), false, '{}', '{7}', '{}')
    returning pattern_id as id`;
  return row?.id ?? "";
}
