-- lmsmon state, version 1. Runs unchanged on PostgreSQL 14+ and on the embedded PostgreSQL.
-- Names of the original plan are kept: lms_activity_events, lms_event_logs. Every table carries its source.

create table lmsmon.sources (
  source      text collate "C" primary key,
  -- What the LMS behind this name is: system identifier, database, sampled rows. Another database under the same name
  -- stops the source until --accept-source.
  identity    jsonb,
  accepted_at timestamptz not null default now()
);

-- One stream per (source, kind): row states hang on its small number, so that millions of them stay narrow.
create table lmsmon.streams (
  stream_id                  smallint generated always as identity primary key,
  source                     text collate "C" not null references lmsmon.sources,
  kind                       text not null check (kind in ('exam', 'content')),
  -- Which hash recipe row_buckets and row_states.hash are made of; another recipe means "look at every row again".
  recipe                     integer not null default 0,
  first_contact_started_at   timestamptz,
  first_contact_completed_at timestamptz,
  highest_row_key            bigint,
  last_full_pass_at          timestamptz,
  unique (source, kind)
);

create table lmsmon.row_states (
  -- of lmsmon.streams; a foreign key would be checked once a row, a sixth of the time of a first pass
  stream_id     smallint not null,
  row_key       bigint   not null,
  -- null while the row is missing from the LMS
  hash          bigint,
  recipe        integer  not null,
  stage         smallint not null check (stage in (0, 1, 2)),          -- none, started, finished
  verdict       smallint check (verdict in (0, 1)),                     -- last reported: fail, pass; null: not graded
  score         double precision,
  percentage    double precision,
  revision      integer  not null default 0,
  is_open       boolean  not null default false,
  seen_open     boolean  not null default false,
  last_event_id bigint,
  missing_since timestamptz,
  constraint row_states_pkey primary key (stream_id, row_key)
);
create index row_states_open on lmsmon.row_states (stream_id, row_key) where is_open;

-- Count and xor of the hashes of a thousand ids, kept in step with row_states in the same transaction: a full pass
-- compares these with the LMS and reads only the buckets that differ.
create table lmsmon.row_buckets (
  stream_id smallint not null references lmsmon.streams,
  bucket    bigint   not null,
  row_count integer  not null,
  hash_xor  bigint   not null,
  primary key (stream_id, bucket)
);

create table lmsmon.quarantine (
  stream_id  smallint not null references lmsmon.streams,
  row_key    bigint   not null,
  reason     text     not null,
  first_seen timestamptz not null default now(),
  last_seen  timestamptz not null default now(),
  tries      integer  not null default 1,
  primary key (stream_id, row_key)
);

-- People as the LMS names them; events refer to them by (source, role, id), so a name is corrected or erased here.
create table lmsmon.people (
  source     text collate "C" not null,
  role       text not null check (role in ('student', 'mentor')),
  id         bigint not null,
  username   text,
  email      text,
  name       text,
  active     boolean not null default true,
  batch_ids  bigint[] not null default '{}',
  updated_at timestamptz not null default now(),
  primary key (source, role, id)
);

-- Two students of one name: a message says which one is meant.
create index people_student_name on lmsmon.people (source, left(lower(name), 100)) where role = 'student';

-- Which mentors a student has now, as last read from the LMS; refreshed every poll for students with something to tell.
create table lmsmon.mentor_links (
  source     text collate "C" not null,
  student_id bigint not null,
  mentor_ids bigint[] not null,
  read_at    timestamptz not null default now(),
  primary key (source, student_id)
);

-- Mentors of an event as of detection: millions of events share few sets.
create table lmsmon.mentor_sets (
  mentor_set_id bigint generated always as identity primary key,
  source        text collate "C" not null,
  mentor_ids    bigint[] not null,
  -- the export's "mentors" without names, made once: '[{"id":3,"username":null,"email":null}]'
  export_json   text not null,
  unique (source, mentor_ids)
);
create table lmsmon.lms_activity_event_mentors (
  mentor_set_id bigint not null references lmsmon.mentor_sets,
  position      smallint not null,
  source        text collate "C" not null,
  mentor_id     bigint not null,
  primary key (mentor_set_id, position)
);
create index lms_activity_event_mentors_mentor on lmsmon.lms_activity_event_mentors (source, mentor_id);

create table lmsmon.leases (
  source      text collate "C" primary key,
  holder      text not null,          -- host:pid:random
  token       bigint not null,        -- fencing token, rises with every take-over
  acquired_at timestamptz not null,
  renewed_at  timestamptz not null,
  expires_at  timestamptz not null
);

create table lmsmon.poll_runs (
  poll_id           bigint generated always as identity primary key,
  source            text collate "C" not null,
  holder            text not null,
  mode              text not null check (mode in ('quick', 'full')),
  status            text not null default 'running' check (status in ('running', 'done', 'failed', 'abandoned')),
  -- The poll's messages leave only when this is 'open'; the fuse decides when the poll ends.
  delivery          text not null default 'undecided' check (delivery in ('undecided', 'open', 'held', 'dropped')),
  delivery_reason   text,
  started_at        timestamptz not null default now(),
  finished_at       timestamptz,
  rows_read         bigint not null default 0,
  rows_changed      bigint not null default 0,
  events            bigint not null default 0,
  told_events       bigint not null default 0,
  told_revisions    bigint not null default 0,
  rows_missing      bigint not null default 0,
  regressions       bigint not null default 0,
  quarantined       bigint not null default 0,
  skipped_full_pass boolean not null default false,
  error             text
);
create index poll_runs_undecided on lmsmon.poll_runs (source) where delivery in ('undecided', 'held');
create index poll_runs_recent on lmsmon.poll_runs (source, started_at);

create table lmsmon.lms_activity_events (
  event_id              bigint not null,
  source                text collate "C" not null,
  kind                  text collate "C" not null,
  event_type            text collate "C" not null,
  stage                 text collate "C" not null,
  attempt_id            bigint not null,
  revision              integer not null,
  student_id            bigint,
  student_username      text,
  mentor_id             bigint,
  mentor_username       text,
  mentor_set_id         bigint,
  activity_id           bigint,
  activity_title        text,
  attempt_no            integer,
  course_id             bigint,
  course                text,
  chapter_id            bigint,
  chapter               text,
  content_type          text,
  student_batch_ids     bigint[],
  activity_metadata     jsonb not null,
  timestamp             timestamptz not null,
  timestamp_approximate boolean not null,
  origin                text collate "C" not null,
  -- why a correction exists: first_result, verdict, score; null for a first report
  change                text collate "C",
  suppressed_reason     text collate "C",
  -- the event waits for a first mentor until then (notify.mentor_grace); null when it has, or had, one
  mentor_grace_until    timestamptz,
  poll_id               bigint not null,
  processed_for_ai      boolean not null default false,
  created_at            timestamptz not null,
  zulip_user_id         bigint,
  constraint lms_activity_events_pkey primary key (event_id),
  constraint lms_activity_events_type check (event_type in ('exam_started', 'exam_completed', 'exam_failed',
    'exam_passed', 'content_started', 'content_completed', 'content_watched')),
  constraint lms_activity_events_stage check (stage in ('started', 'finished')),
  constraint lms_activity_events_origin check (origin in ('live', 'backfill')),
  constraint lms_activity_events_suppressed check (suppressed_reason is null or suppressed_reason in ('first_contact',
    'notifications_off', 'type_not_told', 'too_old', 'student_excluded', 'revision_not_told'))
);
create sequence lmsmon.event_ids owned by lmsmon.lms_activity_events.event_id;
create index lms_activity_events_student on lmsmon.lms_activity_events (student_id, timestamp);
create index lms_activity_events_event_type on lmsmon.lms_activity_events (event_type);
create index lms_activity_events_timestamp on lmsmon.lms_activity_events (timestamp);
create index lms_activity_events_unprocessed on lmsmon.lms_activity_events (event_id) where not processed_for_ai;
create index lms_activity_events_detected on lmsmon.lms_activity_events using brin (created_at);

-- One Zulip message: fixed content, so that a resend is identical. A digest is one message for many log rows.
create table lmsmon.messages (
  message_id       bigint generated always as identity primary key,
  source           text collate "C" not null,
  recipient        text collate "C" not null,
  kind             text not null check (kind in ('single', 'digest', 'admin', 'test')),
  zulip_user_id    bigint,                       -- direct message; null for a channel
  channel          text,
  topic            text,
  content          text not null,
  state            text not null,
  reason           text,
  attempts         integer not null default 0,   -- answered refusals
  crashes          integer not null default 0,   -- sends begun whose end nobody recorded
  claimed_by       text,
  started_at       timestamptz,                  -- of the last send
  look_up_at       timestamptz,                  -- unknown: when to look it up by its markers
  next_attempt_at  timestamptz,
  zulip_message_id bigint,
  created_at       timestamptz not null default now(),
  finished_at      timestamptz,
  constraint messages_state check (state in ('pending', 'sending', 'unknown', 'sent', 'dead')),
  constraint messages_target check ((zulip_user_id is null) <> (channel is null)),
  constraint messages_sent check (state <> 'sent' or zulip_message_id is not null),
  constraint messages_dead check (state <> 'dead' or reason is not null),
  constraint messages_sending check (state <> 'sending' or (claimed_by is not null and started_at is not null)),
  constraint messages_unknown check (state <> 'unknown' or look_up_at is not null)
);
create index messages_open on lmsmon.messages (source, recipient) where state in ('pending', 'sending', 'unknown');
create index messages_recent on lmsmon.messages (source, recipient, created_at);

-- One row per (event, recipient). recipient: 'mentor:<lms id>' or 'channel:<name>/<topic>'; null while the event waits
-- for a first mentor.
create table lmsmon.lms_event_logs (
  log_id                  bigint generated always as identity primary key,
  event_id                bigint not null references lmsmon.lms_activity_events,
  source                  text collate "C" not null,
  poll_id                 bigint not null,
  recipient               text collate "C",
  status                  text not null,
  -- why it waits, or why it ended without a message
  reason                  text,
  marker                  text collate "C",      -- 16 characters, from the identity of (event, recipient)
  zulip_user_id           bigint,                -- set when composed: two mentors with one account are told once
  -- lmsmon.messages; without a foreign key, whose check per row took most of the time of composing (measured)
  message_id              bigint,
  attempts                integer not null default 0,
  next_attempt_at         timestamptz,
  notification_sent       boolean generated always as (status = 'sent') stored,
  notification_message_id bigint,                -- Zulip's message id
  error_message           text,
  created_at              timestamptz not null default now(),
  processed_at            timestamptz,
  constraint lms_event_logs_status check (status in
    ('waiting', 'pending', 'sending', 'unknown', 'held', 'sent', 'suppressed', 'dead')),
  constraint lms_event_logs_reason check (status not in ('waiting', 'held', 'suppressed', 'dead') or reason is not null),
  constraint lms_event_logs_sent check (status <> 'sent' or (message_id is not null and notification_message_id is not null)),
  constraint lms_event_logs_in_message check (status not in ('sending', 'unknown') or message_id is not null),
  constraint lms_event_logs_due check (status not in ('waiting', 'pending') or message_id is not null or next_attempt_at is not null),
  constraint lms_event_logs_marker check (recipient is null or marker is not null)
);
create unique index lms_event_logs_identity on lmsmon.lms_event_logs (event_id, recipient) where recipient is not null;
create unique index lms_event_logs_no_recipient on lmsmon.lms_event_logs (event_id) where recipient is null;
create unique index lms_event_logs_one_account on lmsmon.lms_event_logs (event_id, zulip_user_id)
  where zulip_user_id is not null and status <> 'suppressed';
create index lms_event_logs_due_rows on lmsmon.lms_event_logs (source, recipient, next_attempt_at)
  where status in ('waiting', 'pending') and message_id is null;
create index lms_event_logs_message on lmsmon.lms_event_logs (message_id) where message_id is not null;
create index lms_event_logs_poll on lmsmon.lms_event_logs (poll_id) where status in ('waiting', 'pending', 'held');
create index lms_event_logs_marker_rows on lmsmon.lms_event_logs (marker) where marker is not null;

-- The claim unit of delivery: one recipient is in one hand at a time.
create table lmsmon.recipients (
  source           text collate "C" not null,
  recipient        text collate "C" not null,
  next_due_at      timestamptz,                  -- null: nothing to do
  claimed_by       text,
  claim_token      bigint not null default 0,
  claim_expires_at timestamptz,
  primary key (source, recipient)
);
create index recipients_due on lmsmon.recipients (next_due_at) where next_due_at is not null;
create index recipients_claimed on lmsmon.recipients (claim_expires_at) where claim_expires_at is not null;

-- Which Zulip account a person of the LMS has; null user with a reason when none was found.
create table lmsmon.user_links (
  source        text collate "C" not null,
  role          text not null check (role in ('student', 'mentor')),
  person_id     bigint not null,
  zulip_user_id bigint,
  -- matched, override, no_email, placeholder, no_account, hidden, duplicate, deactivated, unknown_override
  status        text not null,
  email_seen    text,
  checked_at    timestamptz not null default now(),
  primary key (source, role, person_id)
);

-- Small durable facts that every process shares: the bot this state speaks for, open circuit, admin notices told.
create table lmsmon.facts (
  source     text collate "C" not null,
  name       text collate "C" not null,
  value      jsonb not null,
  updated_at timestamptz not null default now(),
  primary key (source, name)
);

-- The plan's tables carry student_username and mentor_username; a corrected or erased username follows people.
create function lmsmon.follow_username() returns trigger language plpgsql as $$
begin
  if new.role = 'student' then
    update lmsmon.lms_activity_events set student_username = new.username
     where student_id = new.id and source = new.source and student_username is distinct from new.username;
  else
    update lmsmon.lms_activity_events set mentor_username = new.username
     where source = new.source and mentor_id = new.id and mentor_username is distinct from new.username;
  end if;
  return null;
end $$;
create trigger people_username after update of username on lmsmon.people
  for each row when (old.username is distinct from new.username) execute function lmsmon.follow_username();

-- ------------------------------------------------------------------------------------------------------------------
-- Export. One row an event with its finished JSON line (README, "Export"), made of concatenated text: json_build_object
-- takes twice the time. Only the columns that a query names are computed, so `identified_line` costs others nothing.
-- The functions are "stable" and plain so that the planner inlines them; called, they would cost more than the rest.

-- An id as JSON: text above 2^53, where JSON numbers lose digits in most readers.
create function lmsmon.export_id(id bigint) returns text language sql stable parallel safe as
$$ select case when id between -9007199254740992 and 9007199254740992 then id::text else '"' || id::text || '"' end $$;

-- A time as JSON: UTC with Z and without trailing zeros, whatever the session's zone and date style.
create function lmsmon.export_time(at timestamptz) returns text language sql stable parallel safe as
$$ select rtrim(to_json(at at time zone 'UTC')::text, '"') || 'Z"' $$;

-- Text or null as JSON.
create function lmsmon.export_text(value text) returns text language sql stable parallel safe as
$$ select coalesce(to_json(value)::text, 'null') $$;

create view lmsmon.export_v1 as
select e.event_id, e.detected_at, e.event_type, e.source, e.student_id, e.processed_for_ai,
  concat(e.until_student, ',"username":null,"email":null,"zulip_user_id":null},"mentors":', coalesce(m.export_json, '[]'),
    e.from_activity) as line,
  concat(e.until_student, ',"username":', lmsmon.export_text(coalesce(p.username, e.student_username)),
    ',"email":', lmsmon.export_text(p.email),
    ',"zulip_user_id":', coalesce(lmsmon.export_id(e.zulip_user_id), 'null'),
    '},"mentors":', coalesce((
      select concat('[', string_agg(concat('{"id":', lmsmon.export_id(i.id), ',"username":', lmsmon.export_text(mp.username),
               ',"email":', lmsmon.export_text(mp.email), '}'), ',' order by i.position), ']')
        from unnest(m.mentor_ids) with ordinality as i (id, position)
        left join lmsmon.people mp on mp.source = e.source and mp.role = 'mentor' and mp.id = i.id), '[]'),
    e.from_activity) as identified_line
from (
  select event_id, created_at as detected_at, event_type, source, student_id, student_username, processed_for_ai,
    mentor_set_id, zulip_user_id,
    concat('{"schema":1,"event_id":', lmsmon.export_id(event_id),
      ',"event_type":"', event_type,
      '","occurred_at":', lmsmon.export_time(timestamp),
      ',"occurred_at_approximate":', case when timestamp_approximate then 'true' else 'false' end,
      ',"detected_at":', lmsmon.export_time(created_at),
      ',"source":', to_json(source),
      ',"origin":"', origin,
      '","student":{"id":', coalesce(lmsmon.export_id(student_id), 'null'),
      ',"batch_ids":', coalesce(case when 9007199254740992 < any (student_batch_ids) or -9007199254740992 > any (student_batch_ids)
        then (select concat('[', string_agg(lmsmon.export_id(b.id), ',' order by b.position), ']')
                from unnest(student_batch_ids) with ordinality as b (id, position))
        else array_to_json(student_batch_ids)::text end, 'null')) as until_student,
    concat(',"activity":{"kind":"', kind,
      '","id":', coalesce(lmsmon.export_id(activity_id), 'null'),
      ',"attempt_id":', lmsmon.export_id(attempt_id),
      ',"attempt_no":', coalesce(attempt_no::text, 'null'),
      ',"title":', coalesce(to_json(activity_title)::text, 'null'),
      ',"course_id":', coalesce(lmsmon.export_id(course_id), 'null'),
      ',"course":', coalesce(to_json(course)::text, 'null'),
      ',"chapter_id":', coalesce(lmsmon.export_id(chapter_id), 'null'),
      ',"chapter":', coalesce(to_json(chapter)::text, 'null'),
      ',"content_type":', coalesce(to_json(content_type)::text, 'null'),
      '},"metadata":', activity_metadata,
      ',"processed_for_ai":', case when processed_for_ai then 'true}' else 'false}' end) as from_activity
  from lmsmon.lms_activity_events) e
left join lmsmon.mentor_sets m on m.mentor_set_id = e.mentor_set_id
left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id;
