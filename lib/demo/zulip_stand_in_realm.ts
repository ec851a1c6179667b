/** The organisation behind the stand-in: its users, channels and messages, with the checks that Zulip makes. */
export interface StandInUser {
  readonly id: number;
  /** The real address, what people log in with. */
  readonly email: string;
  fullName: string;
  /** 100 owner, 200 administrator, 300 moderator, 400 member, 600 guest. */
  role: number;
  isActive: boolean;
  readonly isBot: boolean;
  /** 1 generic, 2 incoming webhook, 3 outgoing webhook, 4 embedded. */
  readonly botType: number | null;
  readonly ownerId: number | null;
  /** Who may see the real address: 1 everyone, 2 members, 3 administrators, 4 nobody, 5 moderators. */
  emailVisibility: 1 | 2 | 3 | 4 | 5;
  /** 32 characters; `null`: the user cannot call the API. */
  apiKey: string | null;
}

export interface StandInChannel {
  readonly id: number;
  readonly name: string;
  readonly isPrivate: boolean;
  readonly subscribers: Set<number>;
}

export interface StandInMessage {
  readonly id: number;
  readonly senderId: number;
  readonly type: "private" | "stream";
  /** Direct: ids of all participants, the sender's too, ascending. Channel: empty. */
  readonly participants: readonly number[];
  readonly channel: string | null;
  readonly topic: string | null;
  readonly content: string;
  /** Whole seconds since 1970. */
  readonly timestamp: number;
  /** Milliseconds since 1970, for latencies. */
  readonly acceptedAtMs: number;
}

/** What Zulip answers to a call it does not accept. */
export class RealmError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
    readonly status = 400,
  ) {
    super(message);
  }
}

const MAX_LENGTH = 10_000;
const MAX_TOPIC = 60;
const CUT = "\n[message truncated]";
const NAME_HOST = "zulip.example";

export class StandInRealm {
  featureLevel: number;
  readonly users = new Map<number, StandInUser>();
  readonly channels = new Map<string, StandInChannel>();
  /** Ascending by id. */
  readonly messages: StandInMessage[] = [];
  readonly bySender = new Map<number, StandInMessage[]>();
  readonly byConversation = new Map<string, StandInMessage[]>();
  readonly #byLogin = new Map<string, StandInUser>();
  #nextUserId = 8;
  #nextMessageId: number;

  constructor(options: { readonly featureLevel: number; readonly firstMessageId: number }) {
    this.featureLevel = options.featureLevel;
    this.#nextMessageId = options.firstMessageId;
  }

  addUser(user: Partial<StandInUser> & Pick<StandInUser, "email">): StandInUser {
    const id = user.id ?? this.#nextUserId;
    if (this.users.has(id)) throw new RangeError(`User id ${id} is taken`);
    if (this.userByLogin(user.email) !== undefined) throw new RangeError("A user has this email already");
    if (typeof user.apiKey === "string" && user.apiKey.length !== 32) {
      throw new RangeError("An API key has 32 characters");
    }
    this.#nextUserId = Math.max(this.#nextUserId, id + 1);
    const whole: StandInUser = {
      fullName: `User ${id}`,
      role: 400,
      isActive: true,
      isBot: false,
      botType: null,
      ownerId: null,
      emailVisibility: 1,
      apiKey: null,
      ...user,
      id,
    };
    this.users.set(id, whole);
    this.#byLogin.set(whole.email.toLowerCase(), whole);
    return whole;
  }

  addChannel(
    name: string,
    options: { readonly isPrivate?: boolean; readonly subscribers?: readonly number[] } = {},
  ): void {
    this.channels.set(name.toLowerCase(), {
      id: this.channels.size + 1,
      name,
      isPrivate: options.isPrivate ?? false,
      subscribers: new Set(options.subscribers ?? []),
    });
  }

  userByLogin(email: string): StandInUser | undefined {
    return this.#byLogin.get(email.trim().toLowerCase());
  }

  /** The address the API shows and matches: a stand-in as soon as it is not visible to everyone. */
  apiEmail(user: StandInUser): string {
    return user.emailVisibility === 1 ? user.email : `user${user.id}@${NAME_HOST}`;
  }

  /** Whether `viewer` sees the real address of `user` (zerver/models/users.py, by the viewer's role). */
  seesAddress(viewer: StandInUser, user: StandInUser): boolean {
    const highest = { 1: 600, 2: 400, 5: 300, 3: 200, 4: 0 }[user.emailVisibility];
    return viewer.role <= highest;
  }

  /** Accepts one message as POST /messages does, or throws RealmError. */
  post(sender: StandInUser, form: URLSearchParams, nowMs: number): StandInMessage {
    const type = this.#checkType(required(form, "type"));
    const to = required(form, "to");
    const content = checkContent(required(form, "content"));
    const target = type === "private"
      ? { participants: this.#participants(sender, to), channel: null, topic: null }
      : { participants: [], ...this.#channelTarget(sender, to, form) };
    const message: StandInMessage = {
      id: this.#nextMessageId++,
      senderId: sender.id,
      type,
      ...target,
      content,
      timestamp: Math.floor(nowMs / 1000),
      acceptedAtMs: nowMs,
    };
    this.messages.push(message);
    push(this.bySender, sender.id, message);
    push(this.byConversation, conversationKey(message), message);
    return message;
  }

  #checkType(type: string): "private" | "stream" {
    if (type === "private" || (type === "direct" && this.featureLevel >= 174)) return "private";
    if (type === "stream" || (type === "channel" && this.featureLevel >= 248)) return "stream";
    throw new RealmError("BAD_REQUEST", "Invalid type");
  }

  #participants(sender: StandInUser, to: string): number[] {
    const list = parseRecipients(to);
    const participants = new Set<number>();
    for (const item of list) {
      const user = typeof item === "number"
        ? this.users.get(item)
        : this.users.values().find((each) => this.apiEmail(each).toLowerCase() === item.toLowerCase());
      if (user === undefined) {
        throw new RealmError(
          "BAD_REQUEST",
          typeof item === "number" ? `Invalid user ID ${item}` : `Invalid email '${item}'`,
        );
      }
      if (!user.isActive) throw new RealmError("BAD_REQUEST", `'${this.apiEmail(user)}' is no longer using Zulip.`);
      participants.add(user.id);
    }
    if (participants.size === 0) throw new RealmError("BAD_REQUEST", "Message must have recipients");
    participants.add(sender.id);
    return [...participants].sort((a, b) => a - b);
  }

  #channelTarget(sender: StandInUser, to: string, form: URLSearchParams): { channel: string; topic: string } {
    const wanted = parseJson(to) ?? to;
    const channel = typeof wanted === "number"
      ? this.channels.values().find((each) => each.id === wanted)
      : this.channels.get(String(Array.isArray(wanted) ? wanted[0] : wanted).toLowerCase());
    if (channel === undefined) {
      throw typeof wanted === "number"
        ? new RealmError("STREAM_DOES_NOT_EXIST", `Channel with ID '${wanted}' does not exist`, { stream_id: wanted })
        : new RealmError("STREAM_DOES_NOT_EXIST", `Channel '${wanted}' does not exist`, { stream: wanted });
    }
    const subscribed = channel.subscribers.has(sender.id) ||
      (sender.ownerId !== null && channel.subscribers.has(sender.ownerId));
    if (channel.isPrivate && !subscribed) {
      throw new RealmError("BAD_REQUEST", `Not authorized to send to channel '${channel.name}'`);
    }
    return { channel: channel.name, topic: this.#checkTopic(form.get("topic")) };
  }

  #checkTopic(given: string | null): string {
    if (given === null && this.featureLevel < 334) throw missing("topic");
    const topic = (given ?? "").trim();
    if (topic === "" && this.featureLevel < 334) throw new RealmError("BAD_REQUEST", "Topic can't be empty!");
    const points = [...topic];
    const bad = points.findIndex((char) => /[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(char));
    if (bad >= 0) throw new RealmError("BAD_REQUEST", `Invalid character in topic, at position ${bad + 1}!`);
    return points.length <= MAX_TOPIC ? topic : `${points.slice(0, MAX_TOPIC - 3).join("")}...`;
  }
}

/** What tells conversations apart; for messages and for narrows. */
export function conversationKey(message: Pick<StandInMessage, "participants" | "channel">): string {
  return message.channel === null ? `dm:${message.participants.join(",")}` : `channel:${message.channel.toLowerCase()}`;
}

function checkContent(raw: string): string {
  if (raw.includes("\0")) throw new RealmError("BAD_REQUEST", "Message must not contain null bytes");
  const content = raw.trimEnd().replace(/^\n+/, "");
  if (content === "") throw new RealmError("BAD_REQUEST", "Message must not be empty");
  if (content.length <= MAX_LENGTH) return content; // UTF-16 units are never fewer than code points
  const points = [...content];
  return points.length <= MAX_LENGTH ? content : points.slice(0, MAX_LENGTH - CUT.length).join("") + CUT;
}

function parseRecipients(to: string): (number | string)[] {
  const value = parseJson(to) ?? to.split(",").map((email) => email.trim()).filter((email) => email !== "");
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const ids = list.filter((item): item is number => Number.isInteger(item));
  const emails = list.filter((item): item is string => typeof item === "string");
  if (ids.length > 0 && emails.length > 0) {
    throw new RealmError("BAD_REQUEST", "Recipient lists may contain emails or user IDs, but not both.");
  }
  if (ids.length + emails.length < list.length) throw new RealmError("BAD_REQUEST", "Invalid data type for recipients");
  return ids.length > 0 ? ids : emails;
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value === null) throw missing(name);
  return value;
}

function missing(name: string): RealmError {
  return new RealmError("REQUEST_VARIABLE_MISSING", `Missing '${name}' argument`, { var_name: name });
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
