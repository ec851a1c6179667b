-- What people do to lmsmon by hand, and what follows from it.

-- Acts, for ever: who did what, from where, and what came of it. Ids of the LMS at most, never a name.
create table lmsmon.audit (
  audit_id bigint generated always as identity primary key,
  at       timestamptz not null default clock_timestamp(),
  source   text collate "C" not null,
  who      text not null,
  host     text not null,
  command  text not null,
  reason   text,
  effect   text not null
);
create index audit_recent on lmsmon.audit (source, at);

create function lmsmon.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % are only ever added', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_append_only before update or delete or truncate on lmsmon.audit
  for each statement execute function lmsmon.refuse_change();

-- While one holds, nothing is told of what it covers; all of it stays and is told afterwards.
create table lmsmon.pauses (
  pause_id   bigint generated always as identity primary key,
  source     text collate "C" not null,
  scope      text not null check (scope in ('all', 'mentor', 'student', 'exam')),
  subject_id bigint,
  until      timestamptz,                        -- null: until somebody ends it
  reason     text not null,
  created_at timestamptz not null default clock_timestamp(),
  ended_at   timestamptz,
  constraint pauses_subject check ((scope = 'all') = (subject_id is null))
);
create unique index pauses_open on lmsmon.pauses (source, scope, coalesce(subject_id, 0)) where ended_at is null;

-- When a paused delivery was due first: what was paused is told as late as it is.
alter table lmsmon.lms_event_logs add column first_due_at timestamptz;

-- A redirected message (notify.redirect_to) went to somebody else: its deliveries end as suppressed. They keep the account that they
-- were meant for, so that two mentors with one account still are one reader.
alter table lmsmon.messages add column redirected boolean not null default false;
alter table lmsmon.lms_event_logs drop constraint lms_event_logs_suppressed;
alter table lmsmon.lms_event_logs
  add constraint lms_event_logs_suppressed check (status <> 'suppressed' or zulip_user_id is null or reason = 'redirected');
