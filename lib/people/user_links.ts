import { fillEventAccounts, knownStudents, readUserLinks, upsertUserLinks } from "../../sql/state/user_links.ts";
import { retryLostRaces } from "../base/retry.ts";
import type { LmsId } from "../model/event.ts";
import type { Person, Role } from "../model/person.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import type { Sql } from "../state/state_db.ts";
import type { Match } from "./match_person.ts";

/** A person and the account they were found to have, or why none. */
export interface MatchedPerson {
  readonly person: Person;
  readonly match: Match;
}

/** A match as remembered; `fresh` says that it was checked not long ago. */
export interface KnownLink {
  readonly zulipUserId: string | null;
  readonly status: string;
  readonly emailSeen: string | null;
  /** The account's own zone, where it is known. */
  readonly timezone?: string;
  readonly fresh: boolean;
}

/** Links between LMS people and Zulip accounts in the state database, for one source. */
export interface UserLinkStore {
  read(role: Role, ids: readonly LmsId[], cacheMs: number): Promise<Map<LmsId, KnownLink>>;
  write(role: Role, found: readonly MatchedPerson[]): Promise<void>;
  /** Gives these students' events their account where it is missing; resolves to how many were filled. */
  fillEvents(found: readonly MatchedPerson[]): Promise<number>;
  /** The students that events refer to, as last read from the LMS, in pages by id. */
  knownStudents(): AsyncIterable<readonly Person[]>;
}

/** Rows per statement: short transactions, so that the embedded database keeps nobody waiting. */
const FILL_LIMIT = 5000;
const PAGE = 1000;

export function createUserLinkStore(sql: Sql, source: string): UserLinkStore {
  return {
    async read(role, ids, cacheMs) {
      if (ids.length === 0) return new Map();
      const rows = await readUserLinks(sql, source, role, ids, cacheMs);
      return new Map(rows.map((row) => [row.person_id, {
        zulipUserId: row.zulip_user_id,
        status: row.status,
        emailSeen: row.email_seen,
        ...(row.timezone === null ? {} : { timezone: row.timezone }),
        fresh: row.fresh,
      }]));
    },
    async write(role, found) {
      if (found.length === 0) return;
      const columns = {
        personIds: found.map(({ person }) => person.id),
        zulipUserIds: found.map(({ match }) => match.zulipUserId),
        statuses: found.map(({ match }) => match.status),
        emails: found.map(({ person }) => person.email),
        timezones: found.map(({ match }) => match.timezone ?? null),
      };
      await retryLostRaces(() =>
        besideErasures({ sql }, async (tx) => void await upsertUserLinks(tx, source, role, columns))
      );
    },
    async fillEvents(found) {
      const students = found.flatMap(({ person, match: { zulipUserId } }) =>
        person.role === "student" && zulipUserId !== null ? [{ id: person.id, zulipUserId }] : []
      );
      if (students.length === 0) return 0;
      const ids = students.map(({ id }) => id);
      const accounts = students.map(({ zulipUserId }) => zulipUserId);
      for (let filled = 0;;) {
        const rows = await fillEventAccounts(sql, source, ids, accounts, FILL_LIMIT);
        filled += rows.length;
        if (rows.length < FILL_LIMIT) return filled;
      }
    },
    async *knownStudents() {
      for (let after: LmsId | null = null;;) {
        const rows: Awaited<ReturnType<typeof knownStudents>> = await knownStudents(sql, source, after, PAGE);
        if (rows.length > 0) {
          yield rows.map((row) => ({ role: "student", ...row, active: true, batchIds: [] }) satisfies Person);
        }
        if (rows.length < PAGE) return;
        after = rows.at(-1)?.id ?? null;
      }
    },
  };
}
