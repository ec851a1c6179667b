import { checkContent, checkTopic, parseChannel, parseRecipients } from "./zulip_stand_in_post_checks.ts";
import { flag, refused, required } from "./zulip_stand_in_params.ts";
import {
  type ChannelOptions,
  type MessageEdit,
  type MessageReaction,
  RealmError,
  type StandInChannel,
  type StandInMessage,
  type StandInUser,
} from "./zulip_stand_in_types.ts";

/** What Zulip puts before the name of a topic that somebody marked as resolved. */
const RESOLVED = "✔ ";

/** The organisation behind the stand-in: its users, channels and messages, with the checks that Zulip makes. */
export class StandInRealm {
  featureLevel: number;
  /** The host that the organisation answers at; any other is a wrong organisation. `null`: every host is right. */
  host: string | null = null;
  /** Of the addresses that stand for hidden ones. */
  dummyHost = "zulip.example";
  /** "nobody": people cannot send direct messages to each other, only to bots; bots still can to everyone. */
  directMessages: "everyone" | "nobody" = "everyone";
  readonly users = new Map<number, StandInUser>();
  /** By name in lower case. */
  readonly channels = new Map<string, StandInChannel>();
  /** Ascending by id, as are the two indexes. */
  readonly messages: StandInMessage[] = [];
  readonly bySender = new Map<number, StandInMessage[]>();
  readonly byConversation = new Map<string, StandInMessage[]>();
  /** Who has read which message, where anybody has. */
  readonly readers = new Map<number, Set<number>>();
  readonly reactions = new Map<number, MessageReaction[]>();
  /** Newest first. */
  readonly edits = new Map<number, MessageEdit[]>();
  readonly #byLogin = new Map<string, StandInUser>();
  #nextUserId = 8;
  nextMessageId: number;

  constructor(options: { readonly featureLevel: number; readonly firstMessageId: number }) {
    this.featureLevel = options.featureLevel;
    this.nextMessageId = options.firstMessageId;
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
      profile: {},
      ...user,
      id,
    };
    this.users.set(id, whole);
    this.#byLogin.set(whole.email.toLowerCase(), whole);
    return whole;
  }

  userByLogin(email: string): StandInUser | undefined {
    return this.#byLogin.get(email.trim().toLowerCase());
  }

  /** The address the API shows and matches: a stand-in as soon as it is not visible to everyone. */
  apiEmail(user: StandInUser): string {
    return user.emailVisibility === 1 ? user.email : `user${user.id}@${this.dummyHost}`;
  }

  /** Whether `viewer` sees the real address of `user` (zerver/models/users.py, by the viewer's role). */
  seesAddress(viewer: StandInUser, user: StandInUser): boolean {
    const highest = { 1: 600, 2: 400, 5: 300, 3: 200, 4: 0 }[user.emailVisibility];
    return viewer.role <= highest;
  }

  addChannel(name: string, options: ChannelOptions = {}): StandInChannel {
    const highest = Math.max(0, ...this.channels.values().map((channel) => channel.id));
    const channel: StandInChannel = {
      id: options.id ?? highest + 1,
      name,
      isPrivate: options.isPrivate ?? false,
      historyPublic: options.historyPublic ?? options.isPrivate !== true,
      isArchived: false,
      creatorId: options.creatorId ?? null,
      createdS: options.createdS ?? 1_735_689_600,
      subscribers: new Set(options.subscribers ?? []),
    };
    this.channels.set(name.toLowerCase(), channel);
    return channel;
  }

  /** By name or id; an archived one is not there. */
  findChannel(wanted: string | number): StandInChannel | undefined {
    const channel = typeof wanted === "number"
      ? this.channels.values().find((each) => each.id === wanted)
      : this.channels.get(wanted.toLowerCase());
    return channel?.isArchived === false ? channel : undefined;
  }

  /** From now on; what was sent before stays unseen in a private channel without public history. */
  subscribe(userId: number, channel: string): void {
    this.#knownChannel(channel).subscribers.add(userId);
  }

  unsubscribe(userId: number, channel: string): void {
    this.#knownChannel(channel).subscribers.delete(userId);
  }

  /** As in Zulip, a channel that becomes private keeps its old messages to those who got them. */
  setPrivate(channel: string, isPrivate = true): void {
    const found = this.#knownChannel(channel);
    found.isPrivate = isPrivate;
    found.historyPublic = !isPrivate;
  }

  /** Moves all messages of a topic to another topic, of the same channel or of another. Returns how many. */
  renameTopic(channel: string, from: string, to: string, options: RenameOptions = {}): number {
    const home = this.#knownChannel(channel);
    const target = options.toChannel === undefined ? home : this.#knownChannel(options.toChannel);
    const ofTopic = (this.byConversation.get(channelKey(home.name)) ?? [])
      .filter((message) => message.topic?.toLowerCase() === from.toLowerCase() && options.only?.(message) !== false);
    for (const message of ofTopic) {
      const edit = { userId: options.userId ?? 0, atS: options.atS ?? message.timestamp, prevTopic: from, topic: to };
      this.edits.set(message.id, [edit, ...this.edits.get(message.id) ?? []]);
      message.topic = to;
      if (target !== home) this.#moveTo(target, message);
    }
    return ofTopic.length;
  }

  /** As if somebody had pressed the check mark beside the topic. */
  resolveTopic(channel: string, topic: string): number {
    return this.renameTopic(channel, topic, RESOLVED + topic);
  }

  #moveTo(target: StandInChannel, message: StandInMessage): void {
    remove(this.byConversation.get(conversationKey(message)), message);
    message.channel = target.name;
    const there = this.byConversation.get(channelKey(target.name)) ?? [];
    this.byConversation.set(channelKey(target.name), [...there, message].sort((a, b) => a.id - b.id));
  }

  delete(message: StandInMessage): void {
    remove(this.messages, message);
    remove(this.bySender.get(message.senderId), message);
    remove(this.byConversation.get(conversationKey(message)), message);
  }

  /** Accepts one message as POST /messages does, or throws RealmError. */
  post(sender: StandInUser, form: URLSearchParams, nowMs: number, client = "lmsmon"): StandInMessage {
    const type = this.#checkType(required(form, "type"));
    const content = checkContent(required(form, "content"));
    const target = type === "private" ? this.#direct(sender, form.get("to")) : this.#inChannel(sender, form);
    const message: StandInMessage = {
      id: this.nextMessageId++,
      senderId: sender.id,
      type,
      ...target,
      content,
      timestamp: Math.floor(nowMs / 1000),
      acceptedAtMs: nowMs,
      client,
    };
    this.messages.push(message);
    push(this.bySender, sender.id, message);
    push(this.byConversation, conversationKey(message), message);
    // Own messages of a program are unread for it, too, unless it says so.
    if (flag(form, "read_by_sender", false)) this.readers.set(message.id, new Set([sender.id]));
    return message;
  }

  #checkType(type: string): "private" | "stream" {
    if (type === "private" || (type === "direct" && this.featureLevel >= 174)) return "private";
    if (type === "stream" || (type === "channel" && this.featureLevel >= 248)) return "stream";
    throw refused("Invalid type");
  }

  #direct(sender: StandInUser, to: string | null) {
    const found = new Set<StandInUser>();
    for (const item of to === null ? [] : parseRecipients(to)) {
      const user = typeof item === "number"
        ? this.users.get(item)
        : this.users.values().find((each) => this.apiEmail(each).toLowerCase() === item.toLowerCase());
      if (user === undefined) {
        throw refused(typeof item === "number" ? `Invalid user ID ${item}` : `Invalid email '${item}'`);
      }
      if (!user.isActive) throw refused(`'${this.apiEmail(user)}' is no longer using Zulip.`);
      found.add(user);
    }
    if (found.size === 0) throw refused("Message must have recipients");
    if (this.directMessages === "nobody" && ![sender, ...found].some((user) => user.isBot)) {
      throw refused("Direct messages are disabled in this organization.");
    }
    const participants = [...new Set([...found].map((user) => user.id)).add(sender.id)].sort((a, b) => a - b);
    return { participants, channel: null, topic: null, audience: participants };
  }

  #inChannel(sender: StandInUser, form: URLSearchParams) {
    const to = form.get("to");
    if (to === null) throw refused("Missing channel");
    const wanted = parseChannel(to);
    const topic = checkTopic(form.get("topic"), this.featureLevel);
    const channel = this.findChannel(wanted);
    if (channel === undefined) {
      throw typeof wanted === "number"
        ? new RealmError("STREAM_DOES_NOT_EXIST", `Channel with ID '${wanted}' does not exist`, { stream_id: wanted })
        : new RealmError("STREAM_DOES_NOT_EXIST", `Channel '${wanted}' does not exist`, { stream: wanted });
    }
    const { subscribers } = channel;
    // Enough for sending, not for reading: a bot whose owner is subscribed gets no copy of what it says there.
    const allowed = subscribers.has(sender.id) || (sender.ownerId !== null && subscribers.has(sender.ownerId));
    if (channel.isPrivate && !allowed) throw refused(`Not authorized to send to channel '${channel.name}'`);
    return { participants: [], channel: channel.name, topic, audience: [...subscribers] };
  }

  #knownChannel(name: string): StandInChannel {
    const channel = this.findChannel(name);
    if (channel === undefined) throw new RangeError(`The stand-in has no channel ${JSON.stringify(name)}`);
    return channel;
  }
}

export interface RenameOptions {
  readonly toChannel?: string;
  /** Default all of the topic. */
  readonly only?: (message: StandInMessage) => boolean;
  /** Who did it, and when; for the message's history. */
  readonly userId?: number;
  readonly atS?: number;
}

/** What tells conversations apart; for messages and for narrows. */
export function conversationKey(message: Pick<StandInMessage, "participants" | "channel">): string {
  return message.channel === null ? `dm:${message.participants.join(",")}` : channelKey(message.channel);
}

export function channelKey(name: string): string {
  return `channel:${name.toLowerCase()}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function remove<T>(list: T[] | undefined, value: T): void {
  const at = list?.indexOf(value) ?? -1;
  if (at >= 0) list?.splice(at, 1);
}
