import { z } from "zod";
import type { EpochMicros } from "../../lib/model/time.ts";
import { bool, int4, int8, neverNull, outerJoined, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const PreviewRow = z.object({
  event_id: int8,
  event_type: text,
  kind: text,
  stage: text,
  attempt_id: int8,
  incarnation: int4,
  revision: int4,
  change: z.enum(["first_result", "verdict", "score", "reused"]).nullable(),
  verdict: z.enum(["pass", "fail"]).nullable(),
  graded: z.boolean().nullable(),
  occurred_us: neverNull(int8),
  student_id: int8.nullable(),
  username: text.nullable(),
  active: outerJoined(bool),
  batch_ids: outerJoined(z.array(int8)),
  mentor_ids: neverNull(z.array(int8)),
});
export type PreviewRow = z.infer<typeof PreviewRow>;

/** Events that happened in a period, in pages by time and id, with the student and the mentors as they are now. */
export function eventsToPreview(
  sql: Queryable,
  source: string,
  { since, until, after, limit }: {
    readonly since: EpochMicros;
    readonly until: EpochMicros;
    /** The last event of the page before, which happened at `since`; "0" for the first page. */
    readonly after: string;
    readonly limit: number;
  },
) {
  return sql<PreviewRow[]>`
    select e.event_id, e.event_type, e.kind, e.stage, e.attempt_id, e.incarnation, e.revision, e.change,
           e.activity_metadata->>'verdict' as verdict,
           (e.activity_metadata->>'graded')::boolean as graded, (extract(epoch from e.timestamp) * 1000000)::bigint as occurred_us,
           e.student_id, coalesce(p.username, e.student_username) as username, p.active, p.batch_ids,
           coalesce(k.mentor_ids, m.mentor_ids, '{}') as mentor_ids
      from lmsmon.lms_activity_events e
      left join lmsmon.people p on p.source = e.source and p.role = 'student' and p.id = e.student_id
      left join lmsmon.mentor_links k on k.source = e.source and k.student_id = e.student_id
      left join lmsmon.mentor_sets m on m.mentor_set_id = e.mentor_set_id
     where e.source = ${source} and e.timestamp >= ${since}::timestamptz and e.timestamp < ${until}::timestamptz
       and (e.timestamp > ${since}::timestamptz or e.event_id > ${after}::bigint)
     order by e.timestamp, e.event_id limit ${limit}::int`;
}

export const PreviewAccountRow = z.object({
  person_id: int8,
  timezone: text.nullable(),
  zulip_user_id: int8.nullable(),
});
export type PreviewAccountRow = z.infer<typeof PreviewAccountRow>;

/** The accounts of mentors, as far as they were looked for. */
export function accountsToPreview(sql: Queryable, source: string) {
  return sql<PreviewAccountRow[]>`
    select person_id, timezone, zulip_user_id from lmsmon.user_links where source = ${source} and role = 'mentor'`;
}
