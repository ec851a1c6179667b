import { lastMessages, messagesInWindow } from "../../sql/state/recent_messages.ts";
import { mentorOf } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import type { LoadedAccounts } from "./accounts.ts";
import type { NotifierDeps, Recent } from "./notify_types.ts";

const NO_MESSAGE = { messages: 0, oldestAt: null, lastAt: null };

/** What is known of who reads the recipients' messages. */
export async function recentMessages(
  { db, source, config }: Pick<NotifierDeps, "db" | "source" | "config">,
  recipients: readonly string[],
  { mentors, zones }: Pick<LoadedAccounts, "mentors" | "zones">,
  now: EpochMicros,
  goesOn: ReadonlySet<string>,
): Promise<Map<string, Recent>> {
  const { maxPerMentor: limit, gatherMs } = config.notify;
  const accountOf = (recipient: string) => mentors.get(mentorOf(recipient) ?? "") ?? null;
  const readers = unique(recipients.flatMap((recipient) => accountOf(recipient) ?? []));
  const [window, last] = await Promise.all([
    limit === null ? [] : messagesInWindow(db.sql, source, recipients, now - limit.perMs * 1000),
    gatherMs === 0 || readers.length === 0 ? [] : lastMessages(db.sql, source, readers, now - gatherMs * 1000),
  ]);
  const windows = new Map(window.map((row) => [row.recipient, row]));
  const lastTold = new Map(last.map((row) => [row.zulip_user_id, Number(row.sent_us)]));
  return new Map(recipients.map((recipient) => {
    const own = windows.get(recipient);
    return [recipient, {
      ...(goesOn.has(recipient) ? NO_MESSAGE : {
        messages: own?.messages ?? 0,
        oldestAt: own === undefined ? null : Number(own.oldest_us),
        lastAt: lastTold.get(accountOf(recipient) ?? "") ?? null,
      }),
      zone: zones.get(mentorOf(recipient) ?? "") ?? null,
    }];
  }));
}

const unique = (values: readonly string[]) => [...new Set(values)];
