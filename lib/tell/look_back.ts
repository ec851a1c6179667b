import { z } from "zod";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import type { EpochMicros } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";

const HOUR_US = 3_600_000_000;
/** Read in any case: another lmsmon may have begun to use the bot. */
const LEAST_US = 36 * HOUR_US;
/** The markers that a state does not know are kept in memory while they are compared; `reconcile` keeps none. */
const MOST_US = 14 * 24 * HOUR_US;
/** Zulip's clock stamps the messages, and it may be behind. */
const CLOCKS_US = HOUR_US;

const FACT = "bot";

/** What is remembered of the bot, by source. */
const BotFact = z.object({
  user_id: z.string(),
  accepted_through: z.string().nullable(),
  /** Markers up to there that the state did not know at the last whole look. */
  accepted_markers: z.array(z.string()).default([]),
  /** What the bot sent before is known to this state or accepted; microseconds. */
  read_from: z.number().nullable().default(null),
  /** The last look. */
  read_at: z.number().nullable().default(null),
});
export type BotFact = z.infer<typeof BotFact>;

/** `null`: nothing yet. */
export async function readBotFact(db: Pick<StateDb, "sql">, source: string): Promise<BotFact | null> {
  const [row] = await readFact(db.sql, source, FACT);
  return BotFact.safeParse(row?.value).data ?? null;
}

export async function writeBotFact(db: Pick<StateDb, "sql">, source: string, fact: BotFact): Promise<void> {
  await writeFact(db.sql, source, FACT, JSON.stringify(fact));
}

/**
 * Since when the bot's own messages are to be held against a state: since it last knew them all. For a backup that is when it was
 * made, however long ago that is, so that what was told since is found and not told again.
 */
export function lookBackSince(fact: Pick<BotFact, "read_from"> | null, now: EpochMicros): EpochMicros {
  return Math.min(now - LEAST_US, fact?.read_from ?? now);
}

/**
 * The same for the guard, which must remember what it finds. While it goes on asking (since `askedAt`), its process polls and finds
 * what the LMS still shows: what is unknown grows old, and is forgotten in the end.
 */
export function guardSince(
  fact: Pick<BotFact, "read_from" | "read_at"> | null,
  { now, askedAt }: { readonly now: EpochMicros; readonly askedAt: EpochMicros | null },
): EpochMicros {
  const since = fact?.read_from ?? now;
  const readAt = fact?.read_at ?? null;
  // Of several processes each adds its part of the time.
  const asked = askedAt === null || readAt === null ? 0 : Math.max(0, now - Math.max(askedAt, readAt));
  return Math.max(Math.min(since + asked, now - LEAST_US), now - MOST_US);
}

/** Where the next look begins, after one at which all was known. */
export const fromHereOn = (now: EpochMicros): EpochMicros => now - CLOCKS_US;

/** `36 hours`, `5 days`. */
export function spanWords(us: number): string {
  const hours = Math.ceil(us / HOUR_US);
  return hours <= 48 ? counted(hours, "hour") : counted(Math.ceil(hours / 24), "day");
}
