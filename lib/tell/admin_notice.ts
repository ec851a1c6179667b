import { createHash } from "node:crypto";
import { insertMessages, reserveMessageIds } from "../../sql/state/messages.ts";
import { claimFact, readFact } from "../../sql/state/facts.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { ADMIN } from "../model/recipient.ts";
import { ADMIN_TOPICS, type AdminTopic } from "../config/config.ts";
import { localDay } from "../text/local_time.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Kinds of trouble the administrator hears of: each once a day. */
export type TroubleKey = `held:${string}` | "guard" | "dead" | (string & Record<never, never>);

/** Which part of `admin.on` a kind of trouble belongs to; the report is asked for by `admin.report_at`. */
export function isWanted(key: TroubleKey, on: readonly AdminTopic[] | undefined): boolean {
  if (key === "report" || on === undefined) return true;
  const [kind] = key.split(":");
  const topic = ADMIN_TOPICS.find((one) => one === (kind === "held" ? "fuse" : kind)) ?? "trouble";
  return on.includes(topic);
}

/**
 * Queues one direct message to the administrator (`admin.to`, else the bot's owner): once per trouble and day, by whichever
 * process comes first. It leaves by the outbox like any other. "nobody" when Zulip knows no such user, or the bot has no owner. Throws
 * ZulipError when Zulip is needed to find the administrator and is away.
 */
export async function tellAdmin(
  deps: Pick<NotifierDeps, "db" | "zulip" | "config" | "clock" | "source">,
  key: TroubleKey,
  text: string | (() => Promise<string>),
): Promise<"queued" | "told_today" | "nobody"> {
  const { db, source, clock } = deps;
  const now = clock.now();
  const day = localDay(now, deps.config.notify.timezone).toString();
  const fact = `admin:${key}:${day}`;
  // With poll-once by a timer every round is a process of its own: a later one stops here, before it asks Zulip or makes the text.
  if ((await readFact(db.sql, source, fact)).length > 0) return "told_today";
  const userId = await findAdmin(deps);
  if (userId === null) return "nobody";
  const said = typeof text === "string" ? text : await text();
  const sign = createHash("sha256").update(JSON.stringify([source, key, day])).digest("hex").slice(0, 12);
  return await db.sql.begin(async (tx) => {
    const claimed = await claimFact(tx, source, fact, JSON.stringify({ to: userId }));
    if (claimed.length === 0) return "told_today";
    const [id] = await reserveMessageIds(tx, 1);
    await insertMessages(
      tx,
      source,
      [{
        messageId: id?.message_id ?? "",
        recipient: ADMIN,
        kind: "admin",
        userId,
        channel: null,
        topic: null,
        // The last line is how a notice of unknown outcome is found again.
        content: `${signOf(key)} lmsmon (${source}): ${said}\n\`notice ${day} ${sign}\``,
        attempts: 0,
        begun: false,
      }],
      "",
      now,
      now,
    );
    await wakeRecipients(tx, source, [ADMIN], now);
    return "queued";
  });
}

const signOf = (key: TroubleKey) => key === "report" ? "📊" : key.startsWith("recovered") ? "✅" : "⚠️";

async function findAdmin({ zulip, config }: Pick<NotifierDeps, "zulip" | "config">): Promise<string | null> {
  const { to } = config.admin;
  if (to === null) return (await zulip.me()).ownerId;
  if (/^\d+$/.test(to.trim())) return to.trim();
  const wanted = to.trim().toLowerCase();
  return (await zulip.users()).find((user) => user.deliveryEmail?.toLowerCase() === wanted)?.userId ?? null;
}
