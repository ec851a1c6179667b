import { z } from "zod";
import { bool, int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

/** Whoever erases waits for those who write texts or people, and they for it. Taken before the lock of the event order. */
export const ERASURES_LOCK = "5127034610872";

export const lockErasures = (sql: Queryable) => sql`select pg_advisory_xact_lock(${ERASURES_LOCK}::bigint)`;
export const shareErasures = (sql: Queryable) => sql`select pg_advisory_xact_lock_shared(${ERASURES_LOCK}::bigint)`;

export const ErasureMarkRow = z.object({ mark: neverNull(int8) });
export type ErasureMarkRow = z.infer<typeof ErasureMarkRow>;

/** Rises with every erasure: what was read under another one may name somebody who is erased by now. */
export const erasureMark = (sql: Queryable) =>
  sql<ErasureMarkRow[]>`select coalesce(max(event_id), 0) as mark from lmsmon.tombstones`;

export const TombstoneRow = z.object({
  event_id: int8,
  role: z.enum(["student", "mentor"]),
  source: text,
  pseudonym: text,
  reason_code: text,
  erased_at: timestamptz,
});
export type TombstoneRow = z.infer<typeof TombstoneRow>;

export const tombstones = (sql: Queryable) =>
  sql<TombstoneRow[]>`
    select event_id, role, source, pseudonym, reason_code, erased_at from lmsmon.tombstones order by event_id`;

export const tombstoneNamed = (sql: Queryable, pseudonym: string) =>
  sql<TombstoneRow[]>`
    select event_id, role, source, pseudonym, reason_code, erased_at from lmsmon.tombstones where pseudonym = ${pseudonym}`;

export const PadsRow = z.object({ inner_pad: neverNull(text), outer_pad: neverNull(text) });
export type PadsRow = z.infer<typeof PadsRow>;

/** The key of pseudonyms as HMAC uses it, in hex. */
export const pseudonymPads = (sql: Queryable) =>
  sql<PadsRow[]>`
    select encode(inner_pad, 'hex') as inner_pad, encode(outer_pad, 'hex') as outer_pad
      from lmsmon.secrets where name = 'pseudonyms'`;

export const KeyMarkRow = z.object({ mark: neverNull(text) });
export type KeyMarkRow = z.infer<typeof KeyMarkRow>;

/** Tells keys apart, and says nothing of them. */
export const keyMark = (sql: Queryable) =>
  sql<KeyMarkRow[]>`
    select lmsmon.keyed_hash(inner_pad, outer_pad, 'which key') as mark from lmsmon.secrets where name = 'pseudonyms'`;

export const PersonKeyRow = z.object({
  role: neverNull(z.enum(["student", "mentor"])),
  source: neverNull(text),
  id: neverNull(int8),
});
export type PersonKeyRow = z.infer<typeof PersonKeyRow>;

/** Everybody whom the state knows, by whatever it knows of them. */
const everybody = (sql: Queryable) =>
  sql`(
    select role, source, id from lmsmon.people
    union select 'student', source, student_id from lmsmon.lms_activity_events where student_id is not null
    union select 'student', s.source, r.student_id from lmsmon.row_states r join lmsmon.streams s using (stream_id)
           where r.student_id is not null
    union select 'student', source, student_id from lmsmon.mentor_links
    union select 'student', source, student_id from lmsmon.enrolments
    union select 'student', source, student_id from lmsmon.exemptions
    union select 'student', t.source, n.student_id from lmsmon.namings n join lmsmon.letters t using (letter_id)
    union select 'mentor', source, mentor_id from lmsmon.letters
    union select role, source, person_id from lmsmon.user_links
    union select scope, source, subject_id from lmsmon.pauses where scope in ('student', 'mentor')
    union select 'mentor', source, mentor_id from lmsmon.lms_activity_event_mentors
    union select 'mentor', l.source, m.id from lmsmon.mentor_links l cross join lateral unnest(l.mentor_ids) as m (id))`;

/** The LMS's own text for an id, where nobody else has this id. An id that is a number has none. */
export const eraseKey = (sql: Queryable, id: string) =>
  sql`
    delete from lmsmon.lms_keys where id = ${id}::bigint and sort in ('student', 'mentor')
       and not exists (select from ${everybody(sql)} as e where e.id = ${id}::bigint)`;

/** Whoever has one of these ids, also where nothing more is known; slow beside a look at lmsmon.people. */
export const personsWithIds = (sql: Queryable, ids: readonly string[]) =>
  sql<PersonKeyRow[]>`
    select role, source, id from ${everybody(sql)} as e where id = any(${ids as string[]}::bigint[]) order by 1, 2, 3`;

export const ErasedIdRow = z.object({
  role: neverNull(z.enum(["student", "mentor"])),
  source: text,
  id: neverNull(int8),
});
export type ErasedIdRow = z.infer<typeof ErasedIdRow>;

/** Which of these ids, a student's or a mentor's, are of somebody who was erased: the hash of each is made and looked for. */
export const erasedWithIds = (sql: Queryable, ids: readonly string[]) =>
  sql<ErasedIdRow[]>`
    select r.role, s.source, i.id
      from unnest(array['student', 'mentor']) as r (role), (select distinct source from lmsmon.tombstones) as s,
           unnest(${ids as string[]}::bigint[]) as i (id)
     where exists (select from lmsmon.tombstones t where t.pseudonym = lmsmon.pseudonym(r.role, s.source, i.id))
     order by 1, 2, 3`;

/** Who stands behind pseudonyms. */
export const personsBehind = (sql: Queryable, pseudonyms: readonly string[]) =>
  sql<PersonKeyRow[]>`
    select role, source, id from ${everybody(sql)} as e
     where lmsmon.pseudonym(e.role, e.source, e.id) = any(${pseudonyms as string[]}::text[]) order by 1, 2, 3`;

export const NewTombstoneRow = z.object({ event_id: int8, pseudonym: text });
export type NewTombstoneRow = z.infer<typeof NewTombstoneRow>;

/** Call it under lockEventOrder only. No row when the person was erased before. */
export const addTombstone = (
  sql: Queryable,
  of: { readonly role: string; readonly source: string; readonly id: string; readonly reasonCode: string },
) =>
  sql<NewTombstoneRow[]>`
    insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
    select nextval('lmsmon.event_ids'), ${of.role}, ${of.source}, lmsmon.pseudonym(${of.role}, ${of.source}, ${of.id}::bigint),
           ${of.reasonCode}, clock_timestamp()
    on conflict (pseudonym) do nothing returning event_id, pseudonym`;

/** The same of an erasure that was recorded elsewhere, of a person whom this state may not know. */
export const addKnownTombstone = (
  sql: Queryable,
  of: {
    readonly role: string;
    readonly source: string;
    readonly pseudonym: string;
    reasonCode: string;
    erasedAt: string;
  },
) =>
  sql<NewTombstoneRow[]>`
    insert into lmsmon.tombstones (event_id, role, source, pseudonym, reason_code, erased_at)
    values (nextval('lmsmon.event_ids'), ${of.role}, ${of.source}, ${of.pseudonym}, ${of.reasonCode}, ${of.erasedAt}::timestamptz)
    on conflict (pseudonym) do nothing returning event_id, pseudonym`;

export const PersonPseudonymRow = z.object({ pseudonym: neverNull(text), erased: neverNull(bool) });
export type PersonPseudonymRow = z.infer<typeof PersonPseudonymRow>;

export const pseudonymOf = (sql: Queryable, role: string, source: string, id: string) =>
  sql<PersonPseudonymRow[]>`
    select p.pseudonym, exists (select from lmsmon.tombstones t where t.pseudonym = p.pseudonym) as erased
      from (select lmsmon.pseudonym(${role}, ${source}, ${id}::bigint) as pseudonym) p`;
