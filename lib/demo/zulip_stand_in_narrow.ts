import {
  conversationKey,
  parseJson,
  RealmError,
  type StandInMessage,
  type StandInRealm,
  type StandInUser,
} from "./zulip_stand_in_realm.ts";

export interface MessagePage {
  /** Ascending by id. */
  readonly messages: readonly StandInMessage[];
  readonly foundOldest: boolean;
  readonly foundNewest: boolean;
  readonly foundAnchor: boolean;
  readonly anchor: number;
}

type Predicate = (message: StandInMessage) => boolean;

/** GET /messages: what `viewer` sees, by `narrow`, around `anchor`. Throws RealmError for what Zulip would not take. */
export function findMessages(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): MessagePage {
  const anchorText = query.get("anchor");
  if (anchorText === null) {
    throw new RealmError("REQUEST_VARIABLE_MISSING", "Missing 'anchor' argument.", { var_name: "anchor" });
  }
  const before = count(query, "num_before");
  const after = count(query, "num_after");
  if (before + after > 5000) throw new RealmError("BAD_REQUEST", "Too many messages requested (maximum 5000).");
  const anchor = anchorText === "newest"
    ? Number.MAX_SAFE_INTEGER
    : anchorText === "oldest"
    ? 0
    : anchorText === "first_unread"
    ? Number.MAX_SAFE_INTEGER
    : Number(anchorText);
  if (!Number.isSafeInteger(anchor) || anchor < 0) throw new RealmError("BAD_REQUEST", "Invalid anchor");
  const includeAnchor = query.get("include_anchor") !== "false";

  const { candidates, test } = compileNarrow(realm, viewer, query.get("narrow") ?? "[]");
  const at = firstIndexFrom(candidates, anchor);
  const older: StandInMessage[] = [];
  let foundOldest = true;
  for (let i = at - 1; i >= 0; i--) {
    const message = candidates[i];
    if (message === undefined || !test(message)) continue;
    if (older.length === before) {
      foundOldest = false;
      break;
    }
    older.push(message);
  }
  const newer: StandInMessage[] = [];
  let foundAnchor = false;
  let foundNewest = true;
  for (let i = at; i < candidates.length; i++) {
    const message = candidates[i];
    if (message === undefined || !test(message)) continue;
    if (message.id === anchor) {
      foundAnchor = includeAnchor;
      if (includeAnchor) newer.push(message);
      continue;
    }
    if (newer.length - (foundAnchor ? 1 : 0) === after) {
      foundNewest = false;
      break;
    }
    newer.push(message);
  }
  return { messages: [...older.reverse(), ...newer], foundOldest, foundNewest, foundAnchor, anchor };
}

function count(query: URLSearchParams, name: string): number {
  const value = query.get(name);
  if (value === null) {
    throw new RealmError("REQUEST_VARIABLE_MISSING", `Missing '${name}' argument`, { var_name: name });
  }
  if (!/^\d+$/.test(value)) throw new RealmError("BAD_REQUEST", `Bad value for '${name}': ${value}`);
  return Number(value);
}

/** The shortest list that holds every match, and the test for the rest. */
function compileNarrow(
  realm: StandInRealm,
  viewer: StandInUser,
  narrow: string,
): { candidates: readonly StandInMessage[]; test: Predicate } {
  const terms = parseJson(narrow);
  if (!Array.isArray(terms)) throw new RealmError("BAD_REQUEST", "narrow is not a list");
  // Outgoing webhook and embedded bots get no copies of what they send (get_recipient_info).
  const blind = viewer.botType === 3 || viewer.botType === 4;
  const tests: Predicate[] = [
    (message) => !blind && (message.channel !== null || message.participants.includes(viewer.id)),
  ];
  let candidates: readonly StandInMessage[] = realm.messages;
  const narrowTo = (list: readonly StandInMessage[] | undefined) => {
    if (list === undefined) candidates = [];
    else if (list.length < candidates.length) candidates = list;
  };
  for (const term of terms) {
    const { operator, operand, negated } = readTerm(term);
    const match = compileTerm(realm, viewer, operator, operand);
    tests.push(negated ? (message) => !match.test(message) : match.test);
    if (!negated && match.candidates !== null) narrowTo(match.candidates());
  }
  return { candidates, test: (message) => tests.every((test) => test(message)) };
}

function readTerm(term: unknown): { operator: string; operand: unknown; negated: boolean } {
  if (Array.isArray(term)) return { operator: String(term[0]), operand: term[1], negated: false };
  if (typeof term !== "object" || term === null || !("operator" in term) || !("operand" in term)) {
    throw new RealmError("BAD_REQUEST", "narrow[0] is not a dict");
  }
  return {
    operator: String(term.operator),
    operand: term.operand,
    negated: "negated" in term && term.negated === true,
  };
}

interface TermMatch {
  readonly test: Predicate;
  readonly candidates: (() => readonly StandInMessage[] | undefined) | null;
}

function compileTerm(realm: StandInRealm, viewer: StandInUser, operator: string, operand: unknown): TermMatch {
  const level = realm.featureLevel;
  switch (operator) {
    case "is":
      if (operand === "private" || (operand === "dm" && level >= 177)) {
        return { test: (message) => message.channel === null, candidates: null };
      }
      throw badNarrow(`unknown 'is' operand ${String(operand)}`);
    case "dm":
    case "pm-with": {
      if (operator === "dm" && level < 177) throw badNarrow("unknown operator dm");
      const ids = (Array.isArray(operand) ? operand : [operand]).map((item) => userOf(realm, item).id);
      const participants = [...new Set([...ids, viewer.id])].sort((a, b) => a - b);
      const key = conversationKey({ participants, channel: null });
      return {
        test: (message) => conversationKey(message) === key,
        candidates: () => realm.byConversation.get(key),
      };
    }
    case "sender": {
      const sender = operand === "me" ? viewer : userOf(realm, operand);
      return {
        test: (message) => message.senderId === sender.id,
        candidates: () => realm.bySender.get(sender.id),
      };
    }
    case "channel":
    case "stream": {
      if (operator === "channel" && level < 250) throw badNarrow("unknown operator channel");
      const channel = typeof operand === "number"
        ? realm.channels.values().find((each) => each.id === operand)
        : realm.channels.get(String(operand).toLowerCase());
      if (channel === undefined) throw badNarrow(`unknown channel ${String(operand)}`);
      const key = conversationKey({ participants: [], channel: channel.name });
      return {
        test: (message) => conversationKey(message) === key,
        candidates: () => realm.byConversation.get(key),
      };
    }
    case "topic":
      return { test: (message) => message.topic?.toLowerCase() === String(operand).toLowerCase(), candidates: null };
    case "id":
      return { test: (message) => message.id === Number(operand), candidates: null };
    default:
      throw badNarrow(`unknown operator ${operator}`);
  }
}

function userOf(realm: StandInRealm, operand: unknown): StandInUser {
  const user = typeof operand === "number"
    ? realm.users.get(operand)
    : realm.users.values().find((each) => realm.apiEmail(each).toLowerCase() === String(operand).toLowerCase());
  if (user === undefined) throw badNarrow(`unknown user ${String(operand)}`);
  return user;
}

function badNarrow(desc: string): RealmError {
  return new RealmError("BAD_NARROW", `Invalid narrow operator: ${desc}`, { desc });
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
