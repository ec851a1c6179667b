-- PostgreSQL puts the text of a function into a query only where it asks no table: else it is called, 3 µs a time, and a line of an export
-- has a list of batches. What asks tables is a function of its own, called for the few keys that need it.

create function lmsmon.pair_key(id bigint) returns text language sql stable parallel safe as
$$ select case when exists (select from lmsmon.streams s where s.key_form = 1)
     then ((id & 9223372036854775807) >> 31)::text || '/' || (id & 2147483647)::text else id::text end $$;

create or replace function lmsmon.lms_key(id bigint) returns text language sql stable parallel safe as
$$ select case
     when id >= 4611686018427387904 then coalesce(lmsmon.key_of(id), id::text)
     -- an LMS of whole numbers may have such an id, too
     when id < -4611686018427387904 then lmsmon.pair_key(id)
     else id::text end $$;

create function lmsmon.looked_up_keys(source text, ids bigint[]) returns text language sql stable parallel safe as
$$ select '[' || string_agg(to_json(lmsmon.lms_key(source, i.id))::text, ',' order by i.position) || ']'
     from unnest(ids) with ordinality as i (id, position) $$;

create or replace function lmsmon.export_keys(source text, ids bigint[]) returns text language sql stable parallel safe as
$$ select case when ids is null then 'null' when ids = '{}' then '[]'
     when 4611686018427387904 > all (ids) then '["' || array_to_string(ids, '","') || '"]'
     else lmsmon.looked_up_keys(source, ids) end $$;

-- What a poll without notifications says at its end looked through all events for it.
create index lms_activity_events_never_told on lmsmon.lms_activity_events (source)
  where suppressed_reason = 'notifications_off' and origin = 'live';
