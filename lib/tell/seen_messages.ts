import { reserveMessageIds } from "../../sql/state/messages.ts";
import {
  attachFoundRows,
  type FoundMessage,
  insertFoundMessages,
  reviveFoundMessages,
} from "../../sql/state/reconcile.ts";
import { markersIn } from "../model/marker.ts";
import { failPoint } from "../base/fail_point.ts";
import type { ReadMessage } from "../bot/zulip_api.ts";
import type { Clock } from "../base/clock.ts";
import type { StateDb } from "../state/state_db.ts";
import { findDeliveries, type KnownDelivery } from "./known_marks.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import { isRedirected } from "./redirect.ts";
import { retrying } from "./retrying.ts";

export interface SeenDeps {
  readonly db: Pick<StateDb, "sql">;
  readonly clock: Clock;
}

/** What comparing Zulip's own messages with this state showed. */
export interface SeenTally {
  /** Messages looked at that carry a marker. */
  marked: number;
  /** Deliveries whose marker was found. */
  known: number;
  /** Deliveries that were not known as sent, and are now. */
  reconciled: number;
  /** Markers that this state does not know, by Zulip message. */
  foreign: number;
  /** The newest message with such a marker, `null` when there is none. */
  newestForeign: string | null;
}

export const newSeenTally = (): SeenTally => ({ marked: 0, known: 0, reconciled: 0, foreign: 0, newestForeign: null });

const NOT_SENT = ["waiting", "pending", "held", "sending", "unknown", "dead"];

/**
 * Compares a page of the bot's own messages with the state and marks as sent what is there. `dryRun` only counts. Foreign
 * messages up to `acceptedThrough` (a Zulip id) are not counted.
 */
export async function markSeen(
  deps: SeenDeps,
  page: readonly ReadMessage[],
  tally: SeenTally,
  options: {
    readonly dryRun: boolean;
    readonly acceptedThrough: string | null;
    /** Hears each marker that neither this state knows nor a person accepted. */
    readonly onForeign?: (marker: string) => void;
    /** Hears each that a person accepted. */
    readonly onAccepted?: (marker: string) => void;
  },
): Promise<void> {
  const marked = page.flatMap((message) => {
    const markers = markersIn(message.content);
    return markers.length === 0 ? [] : [{ message, markers }];
  });
  if (marked.length === 0) return;
  tally.marked += marked.length;
  const find = await findDeliveries(deps.db.sql, marked.flatMap(({ markers }) => markers));
  const told = new Set<string>();
  const attach: { row: KnownDelivery; message: ReadMessage }[] = [];
  const revive = new Map<string, string>();
  for (const { message, markers } of marked) {
    const accepted = options.acceptedThrough !== null &&
      BigInt(message.zulipMessageId) <= BigInt(options.acceptedThrough);
    for (const marker of markers) {
      const row = find(marker, message);
      if (row === null) {
        if (accepted) {
          options.onAccepted?.(marker);
          continue;
        }
        options.onForeign?.(marker);
        tally.foreign++;
        if (tally.newestForeign === null || BigInt(message.zulipMessageId) > BigInt(tally.newestForeign)) {
          tally.newestForeign = message.zulipMessageId;
        }
        continue;
      }
      tally.known++;
      if (!NOT_SENT.includes(row.status) || told.has(row.log_id)) continue;
      tally.reconciled++;
      if (row.message_id !== null) revive.set(row.message_id, message.zulipMessageId);
      else attach.push({ row, message });
      told.add(row.log_id); // told twice by somebody: counted and marked once
    }
  }
  if (options.dryRun) return;
  failPoint("reconcile.before_write");
  await write(deps, attach, revive);
  failPoint("reconcile.after_write");
}

async function write(
  { db, clock }: SeenDeps,
  attach: readonly { row: KnownDelivery; message: ReadMessage }[],
  revive: ReadonlyMap<string, string>,
): Promise<void> {
  const now = clock.now();
  if (revive.size > 0) {
    await retrying(async () => {
      await reviveFoundMessages(db.sql, [...revive.keys()], [...revive.values()], now);
    });
  }
  if (attach.length === 0) return;
  const groups = [...Map.groupBy(attach, ({ row, message }) => `${message.zulipMessageId} ${row.recipient}`).values()];
  const ids = await reserveMessageIds(db.sql, groups.length);
  const messages: FoundMessage[] = [];
  const logIds: string[] = [];
  const messageIds: string[] = [];
  for (const [i, group] of groups.entries()) {
    const [first] = group;
    const messageId = ids[i]?.message_id;
    if (first === undefined || messageId === undefined) continue;
    const { row, message } = first;
    const [userId] = message.to;
    messages.push({
      messageId,
      zulipMessageId: message.zulipMessageId,
      recipient: row.recipient,
      userId: userId ?? null,
      channel: userId === undefined ? row.recipient.replace(/^channel:/, "").split("/")[0] ?? "" : null,
      topic: userId === undefined ? row.recipient.split("/").slice(1).join("/") : null,
      content: message.content,
      kind: group.length > 1 ? "digest" : "single",
      redirected: isRedirected(message.content),
    });
    for (const { row } of group) {
      logIds.push(row.log_id);
      messageIds.push(messageId);
    }
  }
  await retrying(() =>
    besideErasures(db, async (tx) => {
      await insertFoundMessages(tx, messages, now);
      await attachFoundRows(tx, logIds, messageIds, now);
    })
  );
}
