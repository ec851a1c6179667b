-- Times in exports have six digits after the point, always: data tools take the type of a column from the form of its first values,
-- and a time without a fraction among others with one made some of them read the column as text.
create or replace function lmsmon.export_time(at timestamptz) returns text language sql stable parallel safe as
$$ select '"' || to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || 'Z"' $$;

-- Events stored before have the start of their attempt without trailing zeros. As text, so that no odd year can stop it.
update lmsmon.lms_activity_events e
   set activity_metadata = jsonb_set(e.activity_metadata, '{started_at}', to_jsonb(
         split_part(t.body, '.', 1) || '.' || rpad(split_part(t.body, '.', 2), 6, '0') || 'Z'))
  from (select event_id, rtrim(activity_metadata ->> 'started_at', 'Z') as body
          from lmsmon.lms_activity_events where activity_metadata ->> 'started_at' !~ '\.\d{6}Z$') t
 where t.event_id = e.event_id;
