import { canOpen, hasCopy, hasRead, readsHistory } from "./zulip_stand_in_access.ts";
import { parseJson, refused } from "./zulip_stand_in_params.ts";
import { channelKey, conversationKey, type StandInRealm } from "./zulip_stand_in_realm.ts";
import { RealmError, type StandInChannel, type StandInMessage, type StandInUser } from "./zulip_stand_in_types.ts";

type Predicate = (message: StandInMessage) => boolean;

export interface CompiledNarrow {
  /** The shortest list known to hold every match, ascending by id. */
  readonly candidates: readonly StandInMessage[];
  /** For the rest: what `viewer` sees, and the narrow's terms. */
  readonly test: Predicate;
}

interface Term {
  readonly operator: string;
  readonly operand: unknown;
  readonly negated: boolean;
}

interface TermMatch {
  readonly test: Predicate;
  readonly candidates?: () => readonly StandInMessage[];
  /** Of a term that names a channel. */
  readonly channel?: StandInChannel;
}

/** Reads a `narrow` for one viewer. Throws RealmError for what Zulip would not take. */
export function compileNarrow(realm: StandInRealm, viewer: StandInUser, narrow: string): CompiledNarrow {
  const parsed = parseJson(narrow);
  if (parsed === undefined) throw refused("narrow is not valid JSON");
  if (!Array.isArray(parsed)) throw refused("narrow is not a list");
  const terms = parsed.map(readTerm);
  const matches = terms.map((term) => ({ ...term, ...compileTerm(realm, viewer, term) }));
  const positive = matches.filter((match) => !match.negated);
  // What was sent without a copy for the viewer is found only by naming a channel whose history they may read, and not
  // together with what is noted on copies (is:…). So a private channel seems empty to a bot that is not subscribed.
  const history = !terms.some((term) => term.operator === "is") &&
    positive.some(({ channel }) => channel !== undefined && readsHistory(viewer, channel));
  const visible: Predicate = history
    ? (message) => canOpen(realm, viewer, message)
    : (message) => hasCopy(realm, viewer, message);
  let candidates: readonly StandInMessage[] = realm.messages;
  for (const match of positive) {
    const list = match.candidates?.();
    if (list !== undefined && list.length < candidates.length) candidates = list;
  }
  const test: Predicate = (message) =>
    matches.every((match) => match.test(message) !== match.negated) && visible(message);
  return { candidates, test };
}

function readTerm(term: unknown): Term {
  if (Array.isArray(term)) return { operator: String(term[0]), operand: term[1], negated: false };
  if (typeof term !== "object" || term === null || !("operator" in term) || !("operand" in term)) {
    throw refused("narrow[0] is not a dict");
  }
  return {
    operator: String(term.operator),
    operand: term.operand,
    negated: "negated" in term && term.negated === true,
  };
}

function compileTerm(realm: StandInRealm, viewer: StandInUser, { operator, operand }: Term): TermMatch {
  const level = realm.featureLevel;
  switch (operator) {
    case "is":
      return { test: stateTest(realm, viewer, operand) };
    case "has":
      if (operand === "reaction") return { test: (message) => (realm.reactions.get(message.id)?.length ?? 0) > 0 };
      if (operand === "link") return { test: (message) => /https?:\/\//.test(message.content) };
      if (operand === "image" || operand === "attachment") return { test: () => false };
      throw badNarrow(`unknown 'has' operand ${String(operand)}`);
    case "dm":
    case "pm-with": {
      if (operator === "dm" && level < 177) throw badNarrow("unknown operator dm");
      const users = usersOf(realm, operand);
      const participants = [...new Set([...users.map((user) => user.id), viewer.id])].sort((a, b) => a - b);
      const key = conversationKey({ participants, channel: null });
      return {
        test: (message) => conversationKey(message) === key,
        candidates: () => realm.byConversation.get(key) ?? [],
      };
    }
    case "sender": {
      const sender = operand === "me" ? viewer : userOf(realm, operand);
      if (sender === undefined) throw badNarrow(`unknown user ${String(operand)}`);
      return {
        test: (message) => message.senderId === sender.id,
        candidates: () => realm.bySender.get(sender.id) ?? [],
      };
    }
    case "channel":
    case "stream": {
      if (operator === "channel" && level < 250) throw badNarrow("unknown operator channel");
      const channel = realm.findChannel(typeof operand === "number" ? operand : String(operand));
      if (channel === undefined) throw badNarrow(`unknown channel ${String(operand)}`);
      const key = channelKey(channel.name);
      return {
        test: (message) => message.channel !== null && conversationKey(message) === key,
        candidates: () => realm.byConversation.get(key) ?? [],
        channel,
      };
    }
    case "topic":
      return { test: (message) => message.topic?.toLowerCase() === String(operand).toLowerCase() };
    case "id":
      return { test: (message) => message.id === Number(operand) };
    default:
      throw badNarrow(`unknown operator ${operator}`);
  }
}

function stateTest(realm: StandInRealm, viewer: StandInUser, operand: unknown): Predicate {
  if (operand === "private" || (operand === "dm" && realm.featureLevel >= 177)) {
    return (message) => message.channel === null;
  }
  if (operand === "unread") return (message) => !hasRead(realm, viewer, message);
  if (operand === "resolved") return (message) => message.topic?.startsWith("✔") === true;
  if (["starred", "mentioned", "alerted", "followed"].includes(String(operand))) return () => false;
  throw badNarrow(`unknown 'is' operand ${String(operand)}`);
}

function usersOf(realm: StandInRealm, operand: unknown): StandInUser[] {
  const wanted: unknown[] = Array.isArray(operand)
    ? operand
    : typeof operand === "string"
    ? operand.split(",").map((email) => email.trim())
    : [operand];
  return wanted.map((each) => {
    const user = userOf(realm, each);
    if (user === undefined) throw badNarrow(`unknown user in ${JSON.stringify(operand)}`);
    return user;
  });
}

/** By id or by the address that the API shows. Deactivated users too. */
function userOf(realm: StandInRealm, operand: unknown): StandInUser | undefined {
  return typeof operand === "number"
    ? realm.users.get(operand)
    : realm.users.values().find((each) => realm.apiEmail(each).toLowerCase() === String(operand).toLowerCase());
}

function badNarrow(desc: string): RealmError {
  return new RealmError("BAD_NARROW", `Invalid narrow operator: ${desc}`, { desc });
}
