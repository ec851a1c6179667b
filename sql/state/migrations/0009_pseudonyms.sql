-- Exports of schema 2, who has taken what, and what is left of a person who was erased.

-- The key of the pseudonyms: two hosts and a laptop that share the state agree on them. A dump or a copy of the state holds it.
-- The pads are the key as HMAC uses it (RFC 2104: 64 bytes, xor 0x36 and 0x5c), made once instead of with each line.
create table lmsmon.secrets (
  name       text collate "C" primary key,
  inner_pad  bytea not null,
  outer_pad  bytea not null,
  created_at timestamptz not null default now()
);
-- Nobody who only reads the tables of the plan should find it.
revoke all on lmsmon.secrets from public;

create function lmsmon.key_pad(key bytea, pad integer) returns bytea language sql immutable as
$$ select decode(string_agg(lpad(to_hex((case when i < length(key) then get_byte(key, i) else 0 end) # pad), 2, '0'), '' order by i), 'hex')
     from generate_series(0, 63) as i $$;

-- gen_random_uuid() takes its bits from the system's generator, on a server and embedded: three of them hold 366.
create function lmsmon.new_pseudonym_key() returns void language sql as $$
  insert into lmsmon.secrets as s (name, inner_pad, outer_pad)
  select 'pseudonyms', lmsmon.key_pad(k.key, 54), lmsmon.key_pad(k.key, 92)
    from (select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as key
          offset 0) k
  on conflict (name) do update set inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad, created_at = now() $$;
select lmsmon.new_pseudonym_key();

-- HMAC-SHA-256, its first 128 bits in hex. Plain enough that the planner inlines it.
create function lmsmon.keyed_hash(inner_pad bytea, outer_pad bytea, message text) returns text
language sql stable parallel safe as
$$ select left(encode(sha256(outer_pad || sha256(inner_pad || convert_to(message, 'UTF8'))), 'hex'), 32) $$;

-- THE place that turns an id column into the LMS's own key, as exports show it. Pseudonyms are made of the id itself, which stands
-- for one key for ever.
create function lmsmon.lms_key(source text, id bigint) returns text language sql stable parallel safe as
$$ select lmsmon.lms_key(id) $$;

-- A key, or a list of keys, as JSON.
create function lmsmon.export_key(source text, id bigint) returns text language sql stable parallel safe as
$$ select case when id between -4611686018427387904 and 4611686018427387903 then '"' || id::text || '"'
     else coalesce(to_json(lmsmon.lms_key(source, id))::text, 'null') end $$;
create function lmsmon.export_keys(source text, ids bigint[]) returns text language sql stable parallel safe as
$$ select case when ids is null then 'null' when ids = '{}' then '[]'
     when 4611686018427387904 > all (ids) then '["' || array_to_string(ids, '","') || '"]'
     else (select '[' || string_agg(to_json(lmsmon.lms_key(source, i.id))::text, ',' order by i.position) || ']'
             from unnest(ids) with ordinality as i (id, position)) end $$;

-- What a pseudonym is made of; its role keeps a student and a mentor of one id apart.
create function lmsmon.pseudonym(role text, source text, id bigint) returns text language sql stable as
$$ select lmsmon.keyed_hash(k.inner_pad, k.outer_pad, role || ':' || source || ':' || id)
     from lmsmon.secrets k where k.name = 'pseudonyms' $$;

-- Kept beside the person, and with the mentors of an event as the lines of exports show them.
alter table lmsmon.people add column pseudonym text collate "C";
update lmsmon.people set pseudonym = lmsmon.pseudonym(role, source, id);
create index people_pseudonym on lmsmon.people (pseudonym);
create function lmsmon.set_pseudonym() returns trigger language plpgsql as $$
begin
  new.pseudonym := lmsmon.pseudonym(new.role, new.source, new.id);
  return new;
end $$;
create trigger people_pseudonym before insert on lmsmon.people for each row execute function lmsmon.set_pseudonym();

alter table lmsmon.mentor_sets add column pseudonym_json text;
create function lmsmon.mentor_pseudonyms(source text, mentor_ids bigint[]) returns text language sql stable as
$$ select concat('[', string_agg(concat('{"id":"', lmsmon.pseudonym('mentor', source, i.id), '","username":null,"email":null}'), ','
          order by i.position), ']')
     from unnest(mentor_ids) with ordinality as i (id, position) $$;
update lmsmon.mentor_sets set pseudonym_json = lmsmon.mentor_pseudonyms(source, mentor_ids);
create function lmsmon.set_mentor_pseudonyms() returns trigger language plpgsql as $$
begin
  new.pseudonym_json := lmsmon.mentor_pseudonyms(new.source, new.mentor_ids);
  return new;
end $$;
create trigger mentor_sets_pseudonyms before insert or update of mentor_ids on lmsmon.mentor_sets
  for each row execute function lmsmon.set_mentor_pseudonyms();

-- Schema 2: the keys of schema 1, ids of the LMS as text, students, mentors and attempts by pseudonym (or, identified, by id).
create view lmsmon.export_v2 as
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
    mentor_set_id, zulip_user_id,
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
         lmsmon.keyed_hash(k.inner_pad, k.outer_pad, 'attempt:' || e.source || ':' || e.kind || ':'
             || e.attempt_id || ':' || e.incarnation) as attempt) keyed
where k.name = 'pseudonyms';

-- Who takes the export step by step, and how far each has come.
create table lmsmon.consumers (
  name            text collate "C" primary key,
  -- everything up to this event id is safely where the consumer wanted it
  acknowledged    bigint not null default 0,
  created_at      timestamptz not null default now(),
  acknowledged_at timestamptz,
  constraint consumers_name check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$')
);

-- What is left of a person who was erased: no name, no id. It takes an event id of its own, so that consumers see it in order.
create table lmsmon.tombstones (
  event_id         bigint primary key,
  role             text not null check (role in ('student', 'mentor')),
  source           text collate "C" not null,
  pseudonym        text collate "C" not null unique,
  reason_code      text not null,
  erased_at        timestamptz not null,
  processed_for_ai boolean not null default false
);
-- In the student's place: whose attempt the row was, for the question whether it still is.
alter table lmsmon.row_states add column erased_student text collate "C";
-- It named a person who was erased: its text is gone. One that is still to be sent is taken apart first.
alter table lmsmon.messages add column erased boolean not null default false;
create index messages_erased_open on lmsmon.messages (source) where erased and state in ('pending', 'sending', 'unknown');

-- The state's epoch, and what it was seen with: exports made before and after a restore are told apart by it.
insert into lmsmon.facts (source, name, value)
values ('', 'state_epoch', jsonb_build_object('epoch', gen_random_uuid(), 'identity', null, 'newest_event', 0));
-- Whoever exported before is told once that the line has another schema now.
insert into lmsmon.facts (source, name, value)
select '', 'export_schema_changed', 'true'::jsonb where exists (select 1 from lmsmon.lms_activity_events);
