import * as q from "../../../sql/state/people.ts";
import type { Queryable } from "../../../sql/state/queryable.ts";
import type { LmsId } from "../../model/event.ts";
import type { MentorLinks, Person, Role } from "../../model/person.ts";
import { retryLostRaces } from "../../base/retry.ts";
import { besideErasures } from "../../privacy/beside_erasures.ts";
import { arrayLiteral, numberArrayLiteral } from "../../state/array_literal.ts";
import type { StateDb } from "../../state/state_db.ts";

const AT_A_TIME = 5_000;

/** No text of PostgreSQL can hold NUL; a name that has one must not take its owner's events down with it. */
const clean = (value: string | null) => value?.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value;

/** Writes people where they differ from what is stored. */
export async function writePeople(sql: Queryable, source: string, people: readonly Person[]): Promise<void> {
  const distinct = [...new Map(people.map((person) => [`${person.role}:${person.id}`, person])).values()];
  for (let i = 0; i < distinct.length; i += AT_A_TIME) {
    const page = distinct.slice(i, i + AT_A_TIME);
    await q.upsertPeople(sql, source, {
      roles: numberArrayLiteral(page.map((person) => person.role)),
      ids: numberArrayLiteral(page.map((person) => person.id)),
      usernames: arrayLiteral(page.map((person) => clean(person.username))),
      emails: arrayLiteral(page.map((person) => clean(person.email))),
      names: arrayLiteral(page.map((person) => clean(person.name))),
      actives: numberArrayLiteral(page.map((person) => person.active ? "t" : "f")),
      batchIds: arrayLiteral(page.map((person) => numberArrayLiteral(person.batchIds))),
    });
  }
}

/** Writes who the mentors of the given students are now; an empty list says that there are none. */
export async function writeLinks(sql: Queryable, source: string, links: MentorLinks): Promise<void> {
  const entries = [...links];
  for (let i = 0; i < entries.length; i += AT_A_TIME) {
    const page = entries.slice(i, i + AT_A_TIME);
    await q.upsertLinks(
      sql,
      source,
      numberArrayLiteral(page.map(([student]) => student)),
      arrayLiteral(page.map(([, mentors]) => numberArrayLiteral(mentors))),
    );
  }
}

/** Usernames and batches (bigint[] text) of people, as stored. */
export async function storedPeople(
  sql: Queryable,
  source: string,
  role: Role,
  ids: readonly LmsId[],
): Promise<Map<LmsId, { username: string | null; batchIds: string }>> {
  if (ids.length === 0) return new Map();
  const rows = await q.personUsernames(sql, source, role, numberArrayLiteral(ids));
  return new Map(rows.map((row) => [row.id, { username: row.username, batchIds: row.batch_ids }]));
}

/**
 * Keeps people and their links as the LMS has them now. Needs no lease: it writes what is true, whoever polls.
 */
export async function refreshLinks(
  db: Pick<StateDb, "sql">,
  source: string,
  people: readonly Person[],
  links: MentorLinks,
): Promise<void> {
  if (people.length === 0 && links.size === 0) return;
  await retryLostRaces(() =>
    besideErasures(db, async (tx) => {
      await writePeople(tx, source, people);
      await writeLinks(tx, source, links);
    })
  );
}
