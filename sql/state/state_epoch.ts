import { z } from "zod";
import { int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const EpochRow = z.object({ epoch: neverNull(text), identity: text.nullable(), newest_event: neverNull(int8) });
export type EpochRow = z.infer<typeof EpochRow>;

/** The state's epoch, and what it was last seen with; the row stays locked until the transaction ends. */
export const lockEpoch = (sql: Queryable) =>
  sql<EpochRow[]>`
    select value ->> 'epoch' as epoch, value ->> 'identity' as identity, coalesce((value ->> 'newest_event')::bigint, 0) as newest_event
      from lmsmon.facts where source = '' and name = 'state_epoch' for update`;

/** `renew`: with another epoch from now on. */
export const writeEpoch = (sql: Queryable, seen: { identity: string | null; newestEvent: string; renew: boolean }) =>
  sql<EpochRow[]>`
    update lmsmon.facts
       set value = jsonb_build_object('epoch', case when ${seen.renew}::text = 'true' then gen_random_uuid()::text else value ->> 'epoch' end,
             'identity', ${seen.identity}::text, 'newest_event', ${seen.newestEvent}::text::bigint), updated_at = clock_timestamp()
     where source = '' and name = 'state_epoch'
    returning value ->> 'epoch' as epoch, value ->> 'identity' as identity, (value ->> 'newest_event')::bigint as newest_event`;
