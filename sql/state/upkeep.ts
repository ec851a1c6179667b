import { z } from "zod";
import { bool, float8, neverNull } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

// What a server does by itself sooner or later, and an embedded database only when it is told to.

export const WalRow = z.object({ bytes: neverNull(float8) });
export type WalRow = z.infer<typeof WalRow>;

/** How much the next start would have to replay if the process ended now. */
export const walSinceCheckpoint = (sql: Queryable) =>
  sql<WalRow[]>`
    select (pg_current_wal_insert_lsn() - redo_lsn)::float8 as bytes from pg_control_checkpoint()`;

export const writeCheckpoint = (sql: Queryable) => sql`checkpoint`;

/** Of the columns that queries look rows up by; the many wide columns of events would only make it slow. */
export const analyzeRecorded = (sql: Queryable) =>
  sql`
    analyze lmsmon.row_states (stream_id, row_key, is_open), lmsmon.row_buckets, lmsmon.people (source, role, id, name),
      lmsmon.mentor_links (source, student_id), lmsmon.mentor_sets (source), lmsmon.recipients,
      lmsmon.lms_event_logs (event_id, source, recipient, status, untold, message_id, poll_id, marker),
      lmsmon.lms_activity_events (event_id, source, kind, student_id, activity_id, attempt_id, course_id, stage, timestamp)`;

/** The same of due dates, enrolments and exemptions, which a poll reads after its rows. */
export const analyzeCourseContext = (sql: Queryable) =>
  sql`analyze lmsmon.activities, lmsmon.enrolments, lmsmon.exemptions`;

export const JustAnalyzedRow = z.object({ just_now: neverNull(bool) });
export type JustAnalyzedRow = z.infer<typeof JustAnalyzedRow>;

/** Whether {@link analyzeRecorded} was done within the last minute. A server that does not say (yet) is asked to do it once more. */
export const justAnalyzed = (sql: Queryable) =>
  sql<JustAnalyzedRow[]>`
    select coalesce(bool_or(last_analyze > clock_timestamp() - interval '1 minute'), false) as just_now
      from pg_catalog.pg_stat_all_tables where schemaname = 'lmsmon' and relname = 'lms_activity_events'`;
