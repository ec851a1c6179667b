import { z } from "zod";
import { int8, neverNull, text, timestamptz } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const ConsumerRow = z.object({
  name: text,
  acknowledged: int8,
  created_at: timestamptz,
  acknowledged_at: timestamptz.nullable(),
  /** Events and erasures that it has not acknowledged. */
  lag: neverNull(int8),
  newest: neverNull(int8),
});
export type ConsumerRow = z.infer<typeof ConsumerRow>;

export const listConsumers = (sql: Queryable) =>
  sql<ConsumerRow[]>`
    select c.name, c.acknowledged, c.created_at, c.acknowledged_at,
      (select count(*) from lmsmon.lms_activity_events e where e.event_id > c.acknowledged)
        + (select count(*) from lmsmon.tombstones t where t.event_id > c.acknowledged) as lag,
      greatest((select max(event_id) from lmsmon.lms_activity_events), (select max(event_id) from lmsmon.tombstones), 0) as newest
      from lmsmon.consumers c order by c.name`;

export const AcknowledgedRow = z.object({ acknowledged: int8 });
export type AcknowledgedRow = z.infer<typeof AcknowledgedRow>;

export const addConsumer = (sql: Queryable, name: string) =>
  sql<AcknowledgedRow[]>`
    insert into lmsmon.consumers (name) values (${name}) on conflict (name) do nothing returning acknowledged`;

export const readConsumer = (sql: Queryable, name: string) =>
  sql<AcknowledgedRow[]>`select acknowledged from lmsmon.consumers where name = ${name}`;

/** Moves on from where the export began, under the turn that it holds; no row when somebody else moved it, or holds the turn. */
export const acknowledge = (
  sql: Queryable,
  step: { readonly name: string; readonly from: string; readonly to: string },
  turn: { readonly source: string; readonly token: string },
) =>
  sql<AcknowledgedRow[]>`
    update lmsmon.consumers set acknowledged = ${step.to}::bigint, acknowledged_at = clock_timestamp()
     where name = ${step.name} and acknowledged = ${step.from}::bigint
       and exists (select from lmsmon.leases where source = ${turn.source} and token = ${turn.token}::bigint)
    returning acknowledged`;

export const dropConsumer = (sql: Queryable, name: string) =>
  sql<AcknowledgedRow[]>`delete from lmsmon.consumers where name = ${name} returning acknowledged`;
