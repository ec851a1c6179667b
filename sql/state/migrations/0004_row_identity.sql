-- An attempt is a row of one student and one activity: an LMS may use a row's id again for others. Rows stored before keep
-- these null; their last event says whose they are. Columns with a constant default take no time, however many rows there are.
alter table lmsmon.row_states
  add column student_id      bigint,
  add column activity_id     bigint,
  add column incarnation     integer not null default 1,
  -- streams.full_passes at the end of the pass that missed the row; null while it is there
  add column missing_at_pass integer;
alter table lmsmon.lms_activity_events add column incarnation integer not null default 1;
comment on column lmsmon.lms_activity_events.change is
  'why a correction exists: first_result, verdict, score; reused: the first report of another attempt under a known row id';

-- Full passes that ended, those included that were skipped because nothing had been committed: a row that is missing for two
-- of them is gone.
alter table lmsmon.streams add column full_passes integer not null default 0;

-- Deliveries that wait for a row to come back: few, and looked for after each pass.
create index lms_event_logs_row_missing on lmsmon.lms_event_logs (source) where untold and reason = 'row_missing';
