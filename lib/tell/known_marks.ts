import {
  type BeginningRow,
  deliveriesBeginning,
  type KnownMarkerRow,
  knownMarkers,
} from "../../sql/state/reconcile.ts";
import { preferIndexes } from "../../sql/state/recipients.ts";
import type { ReadMessage } from "../bot/zulip_api.ts";
import { isShort } from "../model/marker.ts";
import { isRedirected } from "./redirect.ts";
import type { StateDb } from "../state/state_db.ts";

/** A delivery that a mark in a message stands for. */
export type KnownDelivery = Omit<KnownMarkerRow, "marker">;

/** Tells which delivery a mark of a message stands for; `null`: none that this state knows, or nobody can say which. */
export type FindDelivery = (mark: string, message: ReadMessage) => KnownDelivery | null;

/**
 * Looks up the given marks. A whole marker is one delivery. Five signs may begin the markers of several: then they stand for the one
 * that is in Zulip as this very message, else for one that was sent, else for the only one that can have gone there. Where two can,
 * neither counts as told: a person decides.
 */
export async function findDeliveries(sql: StateDb["sql"], marks: readonly string[]): Promise<FindDelivery> {
  const short = [...new Set(marks.filter(isShort))];
  const whole = marks.filter((mark) => !isShort(mark));
  const [rows, beginning] = await Promise.all([
    whole.length === 0 ? [] : knownMarkers(sql, whole),
    short.length === 0 ? [] : sql.begin(async (tx) => {
      await preferIndexes(tx);
      return [...await deliveriesBeginning(tx, short)];
    }),
  ]);
  const byMarker = new Map(rows.map((row) => [row.marker, row]));
  const byBeginning = Map.groupBy(beginning, (row) => row.beginning);
  return (mark, message) => byMarker.get(mark) ?? meant(byBeginning.get(mark) ?? [], message);
}

function meant(candidates: readonly BeginningRow[], message: ReadMessage): KnownDelivery | null {
  const same = candidates.find((row) => row.zulip_message_id === message.zulipMessageId);
  if (same !== undefined) return same;
  const possible = candidates.filter((row) => canBeIn(row, message));
  const sent = possible.find((row) => row.status === "sent");
  if (sent !== undefined) return sent;
  return possible.length === 1 ? possible[0] ?? null : null;
}

/** Whether the delivery's recipient may have read this message. Where the state does not know the account, they may have. */
function canBeIn({ recipient, account }: BeginningRow, { to, content }: ReadMessage): boolean {
  if (isRedirected(content)) return true; // whoever was meant, somebody else reads it
  if (to.length === 0) return recipient.startsWith("channel:");
  if (recipient.startsWith("erased:")) return true; // which account it went to is forgotten
  return recipient.startsWith("mentor:") && (account === null || to.includes(account));
}
