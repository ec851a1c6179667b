-- What was seen in a student's activity on a day, as events of their own kind: found once a day, never changed but by the two days below.
-- Apart from lms_activity_events: no row of the LMS is behind one, and nothing that reads those may meet them.
create table lmsmon.patterns (
  pattern_id    bigint generated always as identity primary key,
  source        text collate "C" not null,
  student_id    bigint not null,
  course_id     bigint not null,
  type          text collate "C" not null,
  day           date not null,                 -- the day that was judged, in notify.timezone
  since         date not null,                 -- when it began
  found_at      timestamptz not null,
  history       boolean not null,              -- of the course's first evaluation: told to nobody
  event_ids     bigint[] not null,             -- what it rests on
  activity_ids  bigint[] not null default '{}', -- the exams of a missed deadline
  evidence      jsonb not null,                -- the values that it was judged by
  ended_day     date,                          -- the first day on which it clearly was no more so
  withdrawn_day date,                          -- a missed deadline whose work came after all
  constraint patterns_type check (type in ('gone_quiet', 'deadline_missed', 'engagement_drop', 'performance_drop')),
  constraint patterns_identity unique (source, student_id, course_id, type, day)
);

-- Which courses were evaluated, and up to which day. A course's first day is history.
create table lmsmon.pattern_courses (
  source    text collate "C" not null,
  course_id bigint not null,
  first_day date not null,
  last_day  date not null,
  constraint pattern_courses_pkey primary key (source, course_id)
);
