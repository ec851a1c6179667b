import { z } from "zod";
import { neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const PersonDataRow = z.object({ data: neverNull(text) });
export type PersonDataRow = z.infer<typeof PersonDataRow>;

/** Everything that is kept of a person, as one text of JSON: its ids may be numbers that JavaScript has not. */
export const personData = (
  sql: Queryable,
  of: { readonly role: string; readonly source: string; readonly id: string },
  messageIds: readonly string[],
) =>
  sql<PersonDataRow[]>`
    select jsonb_build_object(
      'person', (select to_jsonb(p) from lmsmon.people p where p.role = ${of.role} and p.source = ${of.source} and p.id = ${of.id}::bigint),
      'zulip_account', (select to_jsonb(u) from lmsmon.user_links u
         where u.role = ${of.role} and u.source = ${of.source} and u.person_id = ${of.id}::bigint),
      'mentors', (select to_jsonb(l.mentor_ids) from lmsmon.mentor_links l
         where ${of.role} = 'student' and l.source = ${of.source} and l.student_id = ${of.id}::bigint),
      'students', (select jsonb_agg(l.student_id order by l.student_id) from lmsmon.mentor_links l
         where ${of.role} = 'mentor' and l.source = ${of.source} and ${of.id}::bigint = any(l.mentor_ids)),
      'lms_key', lmsmon.lms_key(${of.id}::bigint),
      'enrolments', (select coalesce(jsonb_agg(to_jsonb(n) order by n.seen_at, n.scope, n.scope_id), '[]') from lmsmon.enrolments n
         where ${of.role} = 'student' and n.source = ${of.source} and n.student_id = ${of.id}::bigint),
      'exemptions', (select coalesce(jsonb_agg(to_jsonb(x) order by x.seen_at, x.kind, x.activity_id), '[]') from lmsmon.exemptions x
         where ${of.role} = 'student' and x.source = ${of.source} and x.student_id = ${of.id}::bigint),
      'patterns', (select coalesce(jsonb_agg(to_jsonb(t) order by t.pattern_id), '[]') from lmsmon.patterns t
         where ${of.role} = 'student' and t.source = ${of.source} and t.student_id = ${of.id}::bigint),
      'namings', (select coalesce(jsonb_agg(to_jsonb(n) || jsonb_build_object('day', t.day) order by t.day, n.about, n.course_id), '[]')
         from lmsmon.namings n join lmsmon.letters t using (letter_id)
         where ${of.role} = 'student' and t.source = ${of.source} and n.student_id = ${of.id}::bigint),
      'letters', (select coalesce(jsonb_agg(to_jsonb(t) order by t.day), '[]') from lmsmon.letters t
         where ${of.role} = 'mentor' and t.source = ${of.source} and t.mentor_id = ${of.id}::bigint),
      'pauses', (select coalesce(jsonb_agg(to_jsonb(s) order by s.pause_id), '[]') from lmsmon.pauses s
         where s.scope = ${of.role} and s.source = ${of.source} and s.subject_id = ${of.id}::bigint),
      'events', (select coalesce(jsonb_agg(to_jsonb(e) order by e.event_id), '[]') from lmsmon.lms_activity_events e
         where e.source = ${of.source} and ((${of.role} = 'student' and e.student_id = ${of.id}::bigint)
           or (${of.role} = 'mentor' and (e.mentor_id = ${of.id}::bigint or e.mentor_set_id in (
             select t.mentor_set_id from lmsmon.mentor_sets t where t.source = ${of.source} and ${of.id}::bigint = any(t.mentor_ids)))))),
      'row_states', (select coalesce(jsonb_agg(to_jsonb(r) order by r.row_key), '[]') from lmsmon.row_states r
         join lmsmon.streams s using (stream_id)
         where ${of.role} = 'student' and s.source = ${of.source} and r.student_id = ${of.id}::bigint),
      'deliveries', (select coalesce(jsonb_agg(to_jsonb(l) order by l.log_id), '[]') from lmsmon.lms_event_logs l
         left join lmsmon.lms_activity_events e using (event_id)
         where l.source = ${of.source} and ((${of.role} = 'student' and (e.student_id = ${of.id}::bigint
             or exists (select from lmsmon.namings n where n.letter_id = l.event_id and n.student_id = ${of.id}::bigint)))
           or (${of.role} = 'mentor' and l.recipient = 'mentor:' || ${of.id}::text))),
      'messages', (select coalesce(jsonb_agg(to_jsonb(m) order by m.message_id), '[]') from lmsmon.messages m
         where m.message_id = any(${messageIds as string[]}::bigint[])))::text as data`;
