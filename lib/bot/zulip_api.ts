/** Where a message goes. Direct messages by user id only: emails in `to` match the API address, not the real one. */
export type ZulipTarget =
  | { readonly type: "direct"; readonly userId: string }
  | { readonly type: "channel"; readonly channel: string; readonly topic: string };

/** Whose messages a look-up reads. A channel by its name or its id, never by topic: topics are renamed, moved and resolved. */
export type LookUpTarget =
  | { readonly type: "direct"; readonly userId: string }
  | { readonly type: "channel"; readonly channel: string | number };

/** A channel that the bot, or its owner, can see. */
export interface ZulipChannel {
  readonly id: number;
  readonly name: string;
  readonly isPrivate: boolean;
  /** The bot itself; its owner's subscription lets it send and not read. */
  readonly isSubscribed: boolean;
  /** Who subscribes later sees what was sent before. */
  readonly sharesHistory: boolean;
}

/** What is known after one POST /messages. The name says what the caller must do next. */
export type SendOutcome =
  | { readonly outcome: "sent"; readonly zulipMessageId: string }
  /** Answered with a 4xx that concerns this recipient or text. Nothing was sent. */
  | { readonly outcome: "refused"; readonly status: number; readonly code: string; readonly reason: string }
  /** 429. Nothing was sent. */
  | { readonly outcome: "rate_limited"; readonly retryAfterMs: number }
  /** 401: the bot or its key. Nothing was sent. */
  | { readonly outcome: "unauthorized"; readonly reason: string }
  /** Connect refused, DNS, TLS: the request never left. */
  | { readonly outcome: "not_sent"; readonly reason: string }
  /** Timeout, reset, 5xx, unreadable answer: it may be there; look it up by its marker before sending again. */
  | { readonly outcome: "unknown"; readonly reason: string };

export interface ZulipUser {
  readonly userId: string;
  /** The real address; `null` when it is hidden from this bot. Never a dummy `user9@…`. */
  readonly deliveryEmail: string | null;
  readonly fullName: string;
  readonly isActive: boolean;
  readonly isBot: boolean;
  /** IANA name of the zone of the person's profile; nothing when they never set one that this system knows. */
  readonly timezone?: string | null;
}

export interface ZulipBot {
  readonly userId: string;
  readonly fullName: string;
  readonly email: string;
  readonly isBot: boolean;
  /** 1 generic, 2 incoming webhook, 3 outgoing webhook, 4 embedded; `null` when unknown. Only 1 can look up what it sent. */
  readonly botType: number | null;
  readonly ownerId: string | null;
  readonly role: number | null;
}

export interface ZulipServer {
  readonly version: string;
  readonly featureLevel: number;
  readonly realmName: string | null;
}

/** One message as the bot reads it back; `content` is raw Markdown. */
export interface ReadMessage {
  readonly zulipMessageId: string;
  /** Seconds since 1970. */
  readonly timestampS: number;
  readonly content: string;
  /** Ids of the other participants of a direct message. */
  readonly to: readonly string[];
}

/** The last seen X-RateLimit-* headers; `null` when the server sends none. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds since 1970, by the server's clock. */
  readonly resetS: number;
}

/**
 * Zulip as lmsmon uses it. `send` never throws for what Zulip or the network does; reading calls throw ZulipError.
 * No call is retried inside: retries are the caller's decision.
 */
export interface ZulipApi {
  send(target: ZulipTarget, content: string, signal?: AbortSignal): Promise<SendOutcome>;
  /** Throws ZulipError (refused) too when the key is a person's, or that of a bot which cannot look up what it sent. */
  me(signal?: AbortSignal): Promise<ZulipBot>;
  server(signal?: AbortSignal): Promise<ZulipServer>;
  users(signal?: AbortSignal): Promise<ZulipUser[]>;
  /** Own messages newest first, in pages, back to `sinceS`; to one target or (undefined) all own direct messages. */
  ownMessages(target: LookUpTarget | undefined, sinceS: number, signal?: AbortSignal): AsyncIterable<ReadMessage>;
  /** Those of the given names (in any case) and ids that the bot or its owner can see; archived ones are not among them. */
  channels(names: readonly string[], ids: readonly number[], signal?: AbortSignal): Promise<ZulipChannel[]>;
  rateLimit(): RateLimit | null;
  /** Re-reads the credentials (file), after a 401; true when they differ from those in use. */
  reloadCredentials(): Promise<boolean>;
  close(): void;
}
