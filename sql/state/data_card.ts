import { z } from "zod";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const SourceCardRow = z.object({
  source: text,
  kind: text,
  first_contact_completed_at: timestamptz.nullable(),
  events: neverNull(int8),
  oldest: timestamptz.nullable(),
  newest: timestamptz.nullable(),
});
export type SourceCardRow = z.infer<typeof SourceCardRow>;

/** What is stored of each kind of each source, and since when. */
export const sourceCards = (sql: Queryable) =>
  sql<SourceCardRow[]>`
    select s.source, s.kind, s.first_contact_completed_at, coalesce(e.events, 0) as events, e.oldest, e.newest
      from lmsmon.streams s
      left join (select source, kind, count(*) as events, min(timestamp) as oldest, max(timestamp) as newest
                   from lmsmon.lms_activity_events group by source, kind) e on e.source = s.source and e.kind = s.kind
     order by s.source, s.kind`;

export const ErasureCardRow = z.object({ event_id: int8, role: text, erased_at: timestamptz });
export type ErasureCardRow = z.infer<typeof ErasureCardRow>;

/** Erasures that an export made now follows. */
export const erasureCards = (sql: Queryable) =>
  sql<ErasureCardRow[]>`select event_id, role, erased_at from lmsmon.tombstones order by event_id`;
