import type { Queryable } from "./queryable.ts";

/** Of the columns that queries look rows up by; the many wide columns of events would only make it slow. */
export const analyzeTables = (sql: Queryable) =>
  sql`
    analyze lmsmon.row_states (stream_id, row_key, is_open), lmsmon.row_buckets, lmsmon.people (source, role, id, name),
      lmsmon.mentor_links (source, student_id), lmsmon.mentor_sets (source), lmsmon.recipients,
      lmsmon.lms_event_logs (event_id, source, recipient, status, untold, message_id, poll_id, marker),
      lmsmon.lms_activity_events (event_id, source, kind, student_id, activity_id, attempt_id, course_id, stage, timestamp),
      lmsmon.activities, lmsmon.enrolments, lmsmon.exemptions`;
