-- Deliveries outlive their events (retention.events): their markers say for ever what was told, without a name.
alter table lmsmon.lms_event_logs drop constraint lms_event_logs_event_id_fkey;
