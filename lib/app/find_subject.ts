import { distance } from "fastest-levenshtein";
import {
  eventRange,
  explainedPeople,
  type ExplainedPersonRow,
  knownExams,
  nearPeople,
} from "../../sql/state/explain.ts";
import { CommandError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import type { StateDb } from "../state/state_db.ts";

type Db = Pick<StateDb, "sql">;
type Role = "student" | "mentor";

const IS_ID = /^\d{1,18}$/;
const SHOWN = 3;

/** The person that an id or a username names. Throws, with the ids of those who may have been meant. */
export async function findPerson(db: Db, source: string, role: Role, asked: string): Promise<ExplainedPersonRow> {
  const text = asked.trim();
  const ids = IS_ID.test(text) ? [text] : [];
  const found = await explainedPeople(db.sql, source, role, { ids, username: text });
  // An id is meant before a username that looks like one.
  const [person] = found.toSorted((a, b) => Number(b.id === text) - Number(a.id === text));
  if (person !== undefined) return person;
  const other: Role = role === "student" ? "mentor" : "student";
  const [instead] = await explainedPeople(db.sql, source, other, { ids, username: text });
  const near = await nearPeople(db.sql, source, role, text.toLowerCase());
  const meant = nearest(
    text.toLowerCase(),
    near.flatMap(({ id, username }) => [
      { id, text: id },
      ...(username === null ? [] : [{ id, text: username.toLowerCase() }]),
    ]),
  );
  const shown = IS_ID.test(text) ? ` ${text}` : " of that username";
  throw new CommandError(`Cannot find ${role}${shown} in ${source}`, {
    hint: [
      ...(instead === undefined ? [] : [`${other} ${instead.id} has it`]),
      ...(meant.length === 0 ? [] : [`Did you mean ${role} ${meant.join(" or ")}?`]),
      ...(instead === undefined && meant.length === 0
        ? ["lmsmon knows whom events are about; ids are the LMS's own"]
        : []),
    ].join(". "),
  });
}

/** Throws unless an event is about the exam. */
export async function findExam(db: Db, source: string, asked: string): Promise<LmsId> {
  const text = asked.trim();
  const known = (await knownExams(db.sql, source)).map(({ id }) => id);
  if (IS_ID.test(text) && known.includes(BigInt(text).toString())) return BigInt(text).toString();
  const meant = nearest(text, known.map((id) => ({ id, text: id })));
  throw new CommandError(`Cannot find exam ${JSON.stringify(text.slice(0, 40))}: no event of ${source} is about it`, {
    hint: meant.length === 0 ? "the id is that of the exam in the LMS" : `Did you mean exam ${meant.join(" or ")}?`,
  });
}

/** Of an event that is not there: what there is. */
export async function noSuchEvent(db: Db, source: string, eventId: string): Promise<CommandError> {
  const [range] = await eventRange(db.sql, source);
  const { oldest = null, newest = null } = range ?? {};
  return new CommandError(`Cannot find event ${eventId} in ${source}`, {
    hint: oldest === null || newest === null
      ? "no event is stored yet: lmsmon poll-once finds the first"
      : `Did you mean one of ${oldest} to ${newest}? \`lmsmon explain student ID\` lists those of a student`,
  });
}

function nearest(text: string, candidates: readonly { readonly id: string; readonly text: string }[]): string[] {
  const most = Math.max(1, Math.floor(text.length / 2));
  const ranked = candidates.map(({ id, text: candidate }) => ({ id, far: distance(text, candidate) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far);
  return [...new Set(ranked.map(({ id }) => id))].slice(0, SHOWN);
}
