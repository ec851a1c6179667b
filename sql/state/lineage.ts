import { z } from "zod";
import { bool, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const HighestIdsRow = z.object({
  messages: neverNull(int8),
  events: neverNull(int8),
  newest_event: neverNull(int8),
  newest_poll: neverNull(int8),
});
export type HighestIdsRow = z.infer<typeof HighestIdsRow>;

/**
 * The highest ids given out so far: in one state they never fall. Of messages only the sequence says so, since messages that were
 * never tried are taken apart again.
 */
export function highestIds(sql: Queryable) {
  return sql<HighestIdsRow[]>`
    select (select last_value - (not is_called)::int from lmsmon.messages_message_id_seq) as messages,
           (select last_value - (not is_called)::int from lmsmon.event_ids) as events,
           coalesce((select max(event_id) from lmsmon.lms_activity_events), 0) as newest_event,
           coalesce((select max(poll_id) from lmsmon.poll_runs), 0) as newest_poll`;
}

export const ServerIdentityRow = z.object({ identity: neverNull(text) });
export type ServerIdentityRow = z.infer<typeof ServerIdentityRow>;

/**
 * Which server, timeline, database and tables these are. A standby that is promoted begins a timeline of its own, a restored database is
 * another one, and one that was filled anew (`pg_restore --clean`) has other tables. Errors where a server lets nobody ask.
 */
export function serverIdentity(sql: Queryable) {
  return sql<ServerIdentityRow[]>`
    select concat_ws(' ', (select system_identifier from pg_control_system()),
             case when pg_is_in_recovery() then 'standby' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
             (select oid from pg_database where datname = current_database()), to_regclass('lmsmon.facts')::oid) as identity`;
}

export const FullPassDoneRow = z.object({ done: neverNull(bool) });
export type FullPassDoneRow = z.infer<typeof FullPassDoneRow>;

/** Whether a full pass that began after the given poll is over. */
export function fullPassDoneAfter(sql: Queryable, source: string, pollId: string) {
  return sql<FullPassDoneRow[]>`
    select exists (select from lmsmon.poll_runs
                    where source = ${source} and poll_id > ${pollId}::bigint and mode = 'full' and status = 'done') as done`;
}

export const FullPassWantedRow = z.object({ wanted: neverNull(bool) });
export type FullPassWantedRow = z.infer<typeof FullPassWantedRow>;

/** Whether somebody waits for a full pass that begins now, by the fact `full_pass_wanted`. */
export function fullPassWanted(sql: Queryable, source: string) {
  return sql<FullPassWantedRow[]>`
    select exists (select from lmsmon.facts f
                    where f.source = ${source} and f.name = 'full_pass_wanted'
                      and not exists (select from lmsmon.poll_runs p
                                       where p.source = f.source and p.poll_id > (f.value->>'after_poll')::bigint
                                         and p.mode = 'full' and p.status = 'done')) as wanted`;
}
