/** A person or a bot of the stand-in's organisation. */
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
  /** Custom profile fields, by the field's id. */
  profile: Readonly<Record<string, string>>;
  /** IANA name; empty: never set. */
  timezone?: string;
}

/** A channel, with who is in it now. */
export interface StandInChannel {
  readonly id: number;
  readonly name: string;
  isPrivate: boolean;
  /** Of a private channel: its subscribers also see what was sent before they came. In Zulip they do not by default. */
  historyPublic: boolean;
  isArchived: boolean;
  readonly creatorId: number | null;
  /** Whole seconds since 1970. */
  readonly createdS: number;
  readonly subscribers: Set<number>;
}

export interface ChannelOptions {
  /** Default the next free one. */
  readonly id?: number;
  readonly isPrivate?: boolean;
  readonly historyPublic?: boolean;
  /** Ids of users. */
  readonly subscribers?: readonly number[];
  readonly creatorId?: number;
  readonly createdS?: number;
}

export interface StandInMessage {
  readonly id: number;
  readonly senderId: number;
  readonly type: "private" | "stream";
  /** Direct: ids of all participants, the sender's too, ascending. Channel: empty. */
  readonly participants: readonly number[];
  channel: string | null;
  topic: string | null;
  content: string;
  /** Whole seconds since 1970. */
  readonly timestamp: number;
  /** Milliseconds since 1970, for latencies. */
  readonly acceptedAtMs: number;
  /** Who got a copy when it was sent: the participants, or the channel's subscribers of that moment. */
  readonly audience: readonly number[];
  /** The program that sent it, by its User-Agent. */
  readonly client: string;
}

/** One change of a message's text or topic. */
export interface MessageEdit {
  readonly userId: number;
  readonly atS: number;
  readonly prevContent?: string;
  readonly prevTopic?: string;
  readonly topic?: string;
}

export interface MessageReaction {
  readonly userId: number;
  readonly emoji: string;
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
