import { untoldNews } from "../../sql/state/waiting.ts";
import type { StateDb } from "../state/state_db.ts";

/** News that nobody is told of while nothing is sent. */
export interface UntoldNews {
  /** Why nothing is sent: what is found then is lost to everybody (`off`), or kept for later (`kept`). */
  readonly why: "off" | "kept";
  /** Events stored while notifications were off: they are told to nobody, later neither. */
  readonly neverTold: number;
  /** Deliveries that are still to be made. */
  readonly pending: number;
}

/** `null` while messages are sent. */
export async function readUntoldNews(
  db: Pick<StateDb, "sql">,
  source: string,
  { enabled, notify }: { readonly enabled: boolean; readonly notify: boolean },
): Promise<UntoldNews | null> {
  if (enabled && notify) return null;
  const [row] = await untoldNews(db.sql, source);
  return {
    why: enabled ? "kept" : "off",
    neverTold: Number(row?.never_told ?? 0),
    pending: Number(row?.pending ?? 0),
  };
}

const counted = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** What an operator is told of it. `now`: how many events the poll just found that are never told; `null`: none yet. */
export function untoldNewsText({ why, neverTold, pending }: UntoldNews, now: number | null): string {
  const waiting = counted(pending, "delivery", "deliveries");
  if (why === "kept") return `Nothing is sent (--no-notify): ${waiting} kept pending`;
  const lost = now === null
    ? `what is found will never be told, ${counted(neverTold, "event")} so far`
    : `${counted(now, "event")} of this poll will never be told, ${counted(neverTold, "event")} in all`;
  const before = pending === 0
    ? ""
    : `; ${waiting} of before ${pending === 1 ? "waits" : "wait"} until they are on again`;
  return `Notifications are off (notify.enabled: false): ${lost}${before}. ` +
    "To send nothing and keep the news for later, leave them on and use --no-notify";
}
