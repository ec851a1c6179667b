import { z } from "zod";
import { bool, int4, int8, jsonb, outerJoined, text, timestamptz } from "./columns.ts";
import { bigint, eventConditions, type EventFilter, type TextRunner } from "./event_filter.ts";

export const EventRow = z.object({
  event_id: int8,
  event_type: text,
  source: text,
  kind: text,
  stage: text,
  origin: text,
  attempt_id: int8,
  attempt_no: int4.nullable(),
  revision: int4,
  change: text.nullable(),
  timestamp: timestamptz,
  timestamp_approximate: bool,
  created_at: timestamptz,
  student_id: int8.nullable(),
  student_username: text.nullable(),
  student_email: text.nullable(),
  student_name: text.nullable(),
  student_zulip_user_id: int8.nullable(),
  student_batch_ids: z.array(int8).nullable(),
  mentor_ids: outerJoined(z.array(int8)),
  activity_id: int8.nullable(),
  activity_title: text.nullable(),
  course_id: int8.nullable(),
  course: text.nullable(),
  chapter_id: int8.nullable(),
  chapter: text.nullable(),
  content_type: text.nullable(),
  activity_metadata: jsonb,
  suppressed_reason: text.nullable(),
  processed_for_ai: bool,
});
export type EventRow = z.infer<typeof EventRow>;

/** Events above `after`, ascending by event id (the order of commits), with their people as they are known now. */
export const readEventPage = (
  sql: TextRunner,
  { filter, after, limit }: { readonly filter: EventFilter; readonly after: string | null; readonly limit: number },
) =>
  sql.unsafe<EventRow[]>(
    `select e.event_id, e.event_type, e.source, e.kind, e.stage, e.origin, e.attempt_id, e.attempt_no, e.revision,` +
      ` e.change, e.timestamp, e.timestamp_approximate, e.created_at, e.student_id,` +
      ` coalesce(p.username, e.student_username) as student_username, p.email as student_email, p.name as student_name,` +
      ` e.zulip_user_id as student_zulip_user_id, e.student_batch_ids, m.mentor_ids, e.activity_id, e.activity_title,` +
      ` e.course_id, e.course, e.chapter_id, e.chapter, e.content_type, e.activity_metadata, e.suppressed_reason,` +
      ` e.processed_for_ai` +
      ` from (select * from lmsmon.lms_activity_events` +
      ` where ${after === null ? "true" : `event_id > ${bigint(after)}`}${eventConditions(filter, "created_at")}` +
      ` order by event_id limit ${Math.trunc(limit)}) e` +
      ` left join lmsmon.mentor_sets m on m.mentor_set_id = e.mentor_set_id` +
      ` left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id` +
      ` order by e.event_id`,
  );
