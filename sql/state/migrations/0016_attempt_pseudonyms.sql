-- The pseudonym of an attempt is kept beside each event of it: an export puts its lines together from columns alone. Of events from
-- before it is computed as they are read, so that the largest table is not written anew. Whoever records an event writes it: for a
-- trigger PostgreSQL would take the rows of a COPY one by one.
alter table lmsmon.lms_activity_events add column attempt_pseudonym text collate "C";

-- What it is made of; a row that was used again is another attempt. Plain enough that the planner inlines it.
create function lmsmon.attempt_pseudonym(inner_pad bytea, outer_pad bytea, source text, kind text, attempt_id bigint, incarnation integer)
returns text language sql stable parallel safe as
$$ select lmsmon.keyed_hash(inner_pad, outer_pad, 'attempt:' || source || ':' || kind || ':' || attempt_id || ':' || incarnation) $$;

-- As before, but for the attempt's pseudonym.
create or replace view lmsmon.export_v2 as
select e.event_id, e.created_at as detected_at, e.event_type, e.source, e.kind, e.student_id, e.attempt_id, e.incarnation,
  e.processed_for_ai,
  keyed.attempt as attempt_pseudonym,
  concat(e.until_student, keyed.student, e.batches, ',"username":null,"email":null,"zulip_user_id":null},"mentors":',
    coalesce(m.pseudonym_json, '[]'), e.from_activity, '"', keyed.attempt, '"', e.from_attempt) as line,
  concat(e.until_student, lmsmon.export_key(e.source, e.student_id), e.batches,
    ',"username":', lmsmon.export_text(coalesce(p.username, e.student_username)),
    ',"email":', lmsmon.export_text(p.email),
    ',"zulip_user_id":', coalesce(lmsmon.export_id(e.zulip_user_id), 'null'),
    '},"mentors":', coalesce((
      select concat('[', string_agg(concat('{"id":', lmsmon.export_key(e.source, i.id), ',"username":', lmsmon.export_text(mp.username),
               ',"email":', lmsmon.export_text(mp.email), '}'), ',' order by i.position), ']')
        from unnest(m.mentor_ids) with ordinality as i (id, position)
        left join lmsmon.people mp on mp.source = e.source and mp.role = 'mentor' and mp.id = i.id), '[]'),
    e.from_activity, lmsmon.export_key(e.source, e.attempt_id), e.from_attempt) as identified_line
from (
  select event_id, created_at, event_type, source, kind, student_id, student_username, attempt_id, incarnation, processed_for_ai,
    mentor_set_id, zulip_user_id, attempt_pseudonym,
    concat('{"schema":2,"event_id":', lmsmon.export_id(event_id),
      ',"event_type":"', event_type,
      '","occurred_at":', lmsmon.export_time(timestamp),
      ',"occurred_at_approximate":', case when timestamp_approximate then 'true' else 'false' end,
      ',"detected_at":', lmsmon.export_time(created_at),
      ',"source":', to_json(source),
      ',"origin":"', origin,
      '","student":{"id":') as until_student,
    concat(',"batch_ids":', lmsmon.export_keys(source, student_batch_ids)) as batches,
    concat(',"activity":{"kind":"', kind,
      '","id":', lmsmon.export_key(source, activity_id),
      ',"attempt_id":') as from_activity,
    concat(',"attempt_no":', coalesce(attempt_no::text, 'null'),
      ',"title":', coalesce(to_json(activity_title)::text, 'null'),
      ',"course_id":', lmsmon.export_key(source, course_id),
      ',"course":', coalesce(to_json(course)::text, 'null'),
      ',"chapter_id":', lmsmon.export_key(source, chapter_id),
      ',"chapter":', coalesce(to_json(chapter)::text, 'null'),
      ',"content_type":', coalesce(to_json(content_type)::text, 'null'),
      '},"metadata":', activity_metadata,
      ',"processed_for_ai":', case when processed_for_ai then 'true}' else 'false}' end) as from_attempt
  from lmsmon.lms_activity_events) e
cross join lmsmon.secrets k
left join lmsmon.mentor_sets m on m.mentor_set_id = e.mentor_set_id
left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id
cross join lateral (
  select coalesce('"' || coalesce(p.pseudonym, lmsmon.keyed_hash(k.inner_pad, k.outer_pad,
             'student:' || e.source || ':' || e.student_id)) || '"', 'null') as student,
         coalesce(e.attempt_pseudonym, lmsmon.attempt_pseudonym(k.inner_pad, k.outer_pad, e.source, e.kind, e.attempt_id,
             e.incarnation)) as attempt) keyed
where k.name = 'pseudonyms';
