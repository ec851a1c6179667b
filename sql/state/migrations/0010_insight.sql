-- What an early warning is judged by, kept as the LMS had it at each time: a value that changes is closed, never overwritten, so that
-- what was known on a day can be asked for later. `replaced_at` is null while the LMS has it so. `history`: found by the first look, so it
-- counts as known at all times before.

-- Exams and contents with their dates. All of an activity's values are one version.
create table lmsmon.activities (
  source      text collate "C" not null,
  kind        text collate "C" not null,
  activity_id bigint not null,
  seen_at     timestamptz not null,
  replaced_at timestamptz,
  history     boolean not null default false,
  title       text,
  course_id   bigint,
  opens_at    timestamptz,
  due_at      timestamptz,
  is_final    boolean not null default false,
  constraint activities_pkey primary key (source, kind, activity_id, seen_at),
  constraint activities_kind check (kind in ('exam', 'content')),
  constraint activities_order check (replaced_at >= seen_at)
);
create unique index activities_now on lmsmon.activities (source, kind, activity_id) where replaced_at is null;

-- Who belongs to what. scope: course (enrolled in it), batch (a group of students), site (the account as such, scope_id 0).
-- joined_at, left_at: as the LMS says; null where it does not, and then they are first seen, and the version in which active became false.
create table lmsmon.enrolments (
  source      text collate "C" not null,
  student_id  bigint not null,
  scope       text collate "C" not null,
  scope_id    bigint not null,
  seen_at     timestamptz not null,
  replaced_at timestamptz,
  history     boolean not null default false,
  active      boolean not null,
  joined_at   timestamptz,
  left_at     timestamptz,
  constraint enrolments_pkey primary key (source, student_id, scope, scope_id, seen_at),
  constraint enrolments_scope check (scope in ('course', 'batch', 'site')),
  constraint enrolments_order check (replaced_at >= seen_at)
);
create unique index enrolments_now on lmsmon.enrolments (source, student_id, scope, scope_id) where replaced_at is null;

-- Work that a student need not hand in.
create table lmsmon.exemptions (
  source      text collate "C" not null,
  student_id  bigint not null,
  kind        text collate "C" not null,
  activity_id bigint not null,
  seen_at     timestamptz not null,
  replaced_at timestamptz,
  history     boolean not null default false,
  constraint exemptions_pkey primary key (source, student_id, kind, activity_id, seen_at),
  constraint exemptions_kind check (kind in ('exam', 'content')),
  constraint exemptions_order check (replaced_at >= seen_at)
);
create unique index exemptions_now on lmsmon.exemptions (source, student_id, kind, activity_id) where replaced_at is null;
