import { compileNarrow } from "./zulip_stand_in_narrow.ts";
import { canOpen, hasCopy, hasRead } from "./zulip_stand_in_access.ts";
import { count, flag, list, parseJson, refused } from "./zulip_stand_in_params.ts";
import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import type { StandInMessage, StandInUser } from "./zulip_stand_in_types.ts";

export interface MessagePage {
  /** Ascending by id. */
  readonly messages: readonly StandInMessage[];
  readonly foundOldest: boolean;
  readonly foundNewest: boolean;
  readonly foundAnchor: boolean;
  /** `null` when messages were asked for by id. */
  readonly anchor: number | null;
}

/** What Zulip answers as the anchor "newest": larger than any message's id, and than what numbers in JavaScript tell apart. */
export const BEYOND_NEWEST = 10 ** 16;
const MAX_MESSAGES = 5000;

/** GET /messages: what `viewer` sees, by `narrow`, around `anchor`. Throws RealmError for what Zulip would not take. */
export function findMessages(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): MessagePage {
  const ids = list(query, "message_ids");
  if (ids !== null) return byIds(realm, viewer, ids);
  const anchorText = query.get("anchor");
  const includeAnchor = flag(query, "include_anchor", true);
  const before = count(query, "num_before", 0);
  const after = count(query, "num_after", 0);
  if (anchorText === null) throw refused("Missing 'anchor' argument.");
  const given = parseAnchor(anchorText);
  if (before + after > MAX_MESSAGES) throw refused(`Too many messages requested (maximum ${MAX_MESSAGES}).`);
  if (!includeAnchor && before > 0 && after > 0) {
    throw refused("The anchor can only be excluded at an end of the range");
  }
  const { candidates, test } = compileNarrow(realm, viewer, query.get("narrow") ?? "[]");
  const anchor = given ?? firstUnread(realm, viewer, candidates, test);
  const fromOldest = anchor === 0;
  const fromNewest = anchor >= BEYOND_NEWEST;
  const at = firstIndexFrom(candidates, anchor);
  const older = fromOldest ? [] : take(candidates, test, at - 1, -1, before).reverse();
  const here = candidates[at];
  const anchored = here?.id === anchor && includeAnchor && test(here) ? [here] : [];
  const newer = fromNewest ? [] : take(candidates, test, here?.id === anchor ? at + 1 : at, 1, after);
  return {
    messages: [...older, ...anchored, ...newer],
    // Only a page that is not full shows that there is nothing beyond: one that is exactly full does not.
    foundOldest: fromOldest || older.length < before,
    foundNewest: fromNewest || newer.length < after,
    foundAnchor: anchored.length > 0,
    anchor,
  };
}

function byIds(realm: StandInRealm, viewer: StandInUser, ids: readonly unknown[]): MessagePage {
  const wanted = new Set(ids);
  const messages = realm.messages.filter((message) => wanted.has(message.id) && canOpen(realm, viewer, message));
  return { messages, foundOldest: false, foundNewest: false, foundAnchor: false, anchor: null };
}

/** `null`: the first unread message. */
function parseAnchor(text: string): number | null {
  if (text === "newest") return BEYOND_NEWEST;
  if (text === "oldest") return 0;
  if (text === "first_unread") return null;
  const number = parseJson(text);
  if (typeof number !== "number" || !Number.isInteger(number)) throw refused("Invalid anchor");
  return Math.min(Math.max(0, number), BEYOND_NEWEST);
}

function firstUnread(
  realm: StandInRealm,
  viewer: StandInUser,
  candidates: readonly StandInMessage[],
  test: (message: StandInMessage) => boolean,
): number {
  const unread = candidates.find((message) =>
    hasCopy(realm, viewer, message) && !hasRead(realm, viewer, message) && test(message)
  );
  return unread?.id ?? BEYOND_NEWEST;
}

function take(
  candidates: readonly StandInMessage[],
  test: (message: StandInMessage) => boolean,
  from: number,
  step: 1 | -1,
  most: number,
): StandInMessage[] {
  const taken: StandInMessage[] = [];
  for (let at = from; at >= 0 && at < candidates.length && taken.length < most; at += step) {
    const message = candidates[at];
    if (message !== undefined && test(message)) taken.push(message);
  }
  return taken;
}

function firstIndexFrom(messages: readonly StandInMessage[], id: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.id ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
