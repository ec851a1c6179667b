-- Results that follow a message to the same reader are gathered, and quiet hours are the reader's own.

-- The zone of the person's profile in Zulip; null while it is not known.
alter table lmsmon.user_links add column timezone text;

-- When a reader was last told anything.
create index messages_told on lmsmon.messages (source, zulip_user_id, finished_at)
  where state = 'sent' and zulip_user_id is not null;

-- Results that wait for a digest because of notify.max_per_mentor: no result waits for that any more.
update lmsmon.lms_event_logs l set status = 'pending', reason = null, next_attempt_at = least(l.next_attempt_at, clock_timestamp())
  from lmsmon.lms_activity_events e
 where e.event_id = l.event_id and l.untold and l.status = 'waiting' and l.reason = 'rate' and e.kind = 'exam' and e.stage = 'finished';
