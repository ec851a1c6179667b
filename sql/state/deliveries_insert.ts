import type { Queryable } from "./queryable.ts";

/** Array literals of one length. */
export interface LogColumns {
  readonly eventIds: string;
  readonly recipients: string;
  readonly statuses: string;
  readonly reasons: string;
  readonly markers: string;
  readonly dues: string;
}

export const insertLogs = (sql: Queryable, source: string, pollId: string, createdAt: string, logs: LogColumns) =>
  sql`
    insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, reason, marker, next_attempt_at, created_at)
    select u.event_id, ${source}, ${pollId}::bigint, u.recipient, u.status, u.reason, u.marker, u.due, ${createdAt}::timestamptz
      from unnest(${logs.eventIds}::bigint[], ${logs.recipients}::text[], ${logs.statuses}::text[], ${logs.reasons}::text[],
        ${logs.markers}::text[], ${logs.dues}::timestamptz[]) as u (event_id, recipient, status, reason, marker, due)`;

/** Makes each recipient due no later than given; in one order, so that it cannot wait in a circle with a round of deliveries. */
export const upsertRecipients = (sql: Queryable, source: string, recipients: string, dues: string) =>
  sql`
    insert into lmsmon.recipients as old (source, recipient, next_due_at)
    select ${source}::text, u.recipient, u.due
      from unnest(${recipients}::text[], ${dues}::timestamptz[]) as u (recipient, due)
     order by u.recipient collate "C"
    on conflict (source, recipient) do update set next_due_at = least(old.next_due_at, excluded.next_due_at)
     where old.next_due_at is null or old.next_due_at > excluded.next_due_at`;
