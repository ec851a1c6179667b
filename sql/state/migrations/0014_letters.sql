-- The weekly message of one mentor (insights.tell): what a delivery of lms_event_logs is about where it is no event. Its id is taken from
-- lmsmon.event_ids, so that the event_id of a delivery is of the one or of the other. One a mentor and week, whoever is named in it: a
-- state that was set back and judges the week anew makes the same delivery, and finds in Zulip that it was told.
create table lmsmon.letters (
  letter_id  bigint primary key,
  source     text collate "C" not null,
  mentor_id  bigint not null,
  day        date not null,            -- on which it was due, in notify.timezone
  judged_day date not null,            -- as of whose end its students were judged
  created_at timestamptz not null,
  constraint letters_identity unique (source, mentor_id, day)
);

-- Whom a letter names.
create table lmsmon.namings (
  letter_id   bigint not null references lmsmon.letters on delete cascade,
  about       text collate "C" not null,  -- call: may be glad of one; came: work that was said to be missing no longer is
  student_id  bigint not null,
  course_id   bigint not null,
  position    integer not null,
  p           double precision,           -- chance of failing, which is never said; null for came
  course      text,                       -- the course's title
  reasons     text[] not null,
  last_active date,                       -- null: never
  pattern_ids bigint[] not null,          -- of lmsmon.patterns: what goes on, or (came) what is over
  left_out    text,                       -- why the message does not name the student after all
  constraint namings_pkey primary key (letter_id, about, student_id, course_id),
  constraint namings_about check (about in ('call', 'came'))
);
create index namings_student on lmsmon.namings (student_id);

alter table lmsmon.messages drop constraint messages_kind_check;
alter table lmsmon.messages add constraint messages_kind_check check (kind in ('single', 'digest', 'admin', 'test', 'weekly'));

-- A week's letters hang on a run of their own, so that the fuse can hold them and `release` lets them go.
alter table lmsmon.poll_runs drop constraint poll_runs_mode_check;
alter table lmsmon.poll_runs add constraint poll_runs_mode_check check (mode in ('quick', 'full', 'weekly'));
