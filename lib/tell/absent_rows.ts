import { absentRows, messagesOfAbsentRows, wakeAwaited } from "../../sql/state/absent_rows.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import type { EpochMicros } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

/** Why the row that an event was found in is no longer in the LMS: it is missing, or its id stands for another attempt now. */
export interface Absence {
  /** The LMS keeps another attempt under its id by now: this one cannot come back. */
  readonly replaced: boolean;
  /** When a poll missed it first. */
  readonly missingSince: EpochMicros | null;
  /** Full passes over its stream that ended since; the one that missed it does not count. */
  readonly passes: number;
}

/** How long a row is missing before it counts as gone: a sync that deletes and inserts, or a restore, is over by then. */
const GONE_AFTER_US = 3_600_000_000;
const GONE_AFTER_PASSES = 2;
/** Backstop: what waits is woken earlier, by the pass that finds the row again or has missed it often enough. */
const LOOK_AGAIN_US = 600_000_000;

/** Events asked about at a time: for many more PostgreSQL would compile the statement, which takes longer than to answer it. */
const PAGE = 2000;

/** Whether an absent row is gone for good; else until when its deliveries wait at least. Pure. */
export function judgeAbsence(absence: Absence, now: EpochMicros): { gone: true } | { gone: false; until: EpochMicros } {
  if (absence.replaced || absence.missingSince === null) return { gone: true };
  const goneAt = absence.missingSince + GONE_AFTER_US;
  if (now >= goneAt && absence.passes >= GONE_AFTER_PASSES) return { gone: true };
  return { gone: false, until: now < goneAt ? goneAt : now + LOOK_AGAIN_US };
}

/** Those of the events whose row is absent. */
export async function absencesOf(
  { db }: Pick<NotifierDeps, "db">,
  eventIds: readonly string[],
): Promise<Map<string, Absence>> {
  const pages: (readonly string[])[] = [];
  for (let i = 0; i < eventIds.length; i += PAGE) pages.push(eventIds.slice(i, i + PAGE));
  const rows = (await Promise.all(pages.map((page) => absentRows(db.sql, page)))).flat();
  return new Map(rows.map((row) => [row.event_id, {
    replaced: row.replaced,
    missingSince: row.missing_us === null ? null : Number(row.missing_us),
    passes: row.passes,
  }]));
}

/** Those of the messages that tell of an event whose row is absent. */
export async function messagesOfAbsent(
  { db }: Pick<NotifierDeps, "db">,
  messageIds: readonly string[],
): Promise<string[]> {
  if (messageIds.length === 0) return [];
  return (await messagesOfAbsentRows(db.sql, messageIds)).map((row) => row.message_id);
}

/** After a poll: what waits for a row that is there again, or gone for good, is due at once. */
export async function wakeAwaitedRows(db: Pick<StateDb, "sql">, source: string, now: EpochMicros): Promise<void> {
  const over = { goneBefore: now - GONE_AFTER_US, passes: GONE_AFTER_PASSES };
  const woken = await retrying(async () => await wakeAwaited(db.sql, source, now, over));
  const recipients = woken.flatMap(({ recipient }) => recipient ?? []);
  if (recipients.length === 0) return;
  await retrying(() => besideErasures(db, async (tx) => void await wakeRecipients(tx, source, recipients, now)));
}
