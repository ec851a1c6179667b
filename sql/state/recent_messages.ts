import type { EpochMicros } from "../../lib/model/time.ts";
import { z } from "zod";
import { int4, int8, neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const WindowRow = z.object({ recipient: text, messages: neverNull(int4), oldest_us: neverNull(int8) });
export type WindowRow = z.infer<typeof WindowRow>;

/** Messages of the last window per recipient and when the oldest of them was made. */
export function messagesInWindow(
  sql: Queryable,
  source: string,
  recipients: readonly string[],
  since: EpochMicros,
) {
  return sql<WindowRow[]>`
    select m.recipient, count(*)::int as messages, (extract(epoch from min(m.created_at)) * 1000000)::bigint as oldest_us
      from lmsmon.messages m
     where m.source = ${source} and m.recipient = any(${recipients as string[]}::text[])
       and m.created_at > ${since}::timestamptz and m.state <> 'dead' and m.kind in ('single', 'digest')
     group by m.recipient`;
}

export const LastMessageRow = z.object({ zulip_user_id: neverNull(int8), sent_us: neverNull(int8) });
export type LastMessageRow = z.infer<typeof LastMessageRow>;

/** When accounts got their last direct message that tells an event, of those since then. */
export function lastMessages(sql: Queryable, source: string, accounts: readonly string[], since: EpochMicros) {
  return sql<LastMessageRow[]>`
    select u.id as zulip_user_id, (extract(epoch from m.finished_at) * 1000000)::bigint as sent_us
      from unnest(${accounts as string[]}::bigint[]) as u(id)
     cross join lateral (
       select x.finished_at from lmsmon.messages x
        where x.source = ${source} and x.zulip_user_id = u.id and x.state = 'sent' and x.finished_at > ${since}::timestamptz
          and x.kind in ('single', 'digest')
        order by x.finished_at desc limit 1) m`;
}
