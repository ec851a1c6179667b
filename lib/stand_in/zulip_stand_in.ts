import {
  dateHeader,
  type HttpListener,
  type HttpOutcome,
  type HttpReply,
  type HttpRequest,
  json,
  listenHttp,
} from "./zulip_stand_in_http.ts";
import { CallHistory, type RateRule } from "./zulip_stand_in_rate.ts";
import { channelKey, StandInRealm } from "./zulip_stand_in_realm.ts";
import { route, type RouteContext } from "./zulip_stand_in_routes.ts";
import type { ChannelOptions, StandInChannel, StandInMessage, StandInUser } from "./zulip_stand_in_types.ts";
import { settle, type Waiter, waitFor } from "./zulip_stand_in_waiters.ts";

export type { ChannelOptions, StandInChannel, StandInMessage, StandInUser } from "./zulip_stand_in_types.ts";

export interface StandInOptions {
  /** Default 0: any free one. Listened on again by restart(), unless the system lent it to somebody else after stop(). */
  readonly port?: number;
  /** Default 421 (Zulip 11.0). */
  readonly featureLevel?: number;
  readonly version?: string;
  readonly realmName?: string;
  /** Besides the bot and its owner. */
  readonly users?: readonly (Partial<StandInUser> & Pick<StandInUser, "email">)[];
  readonly channels?: readonly (ChannelOptions & Pick<StandInChannel, "name">)[];
  /** Changes of the bot itself: another role or type. */
  readonly bot?: Partial<StandInUser>;
  readonly owner?: Partial<StandInUser>;
  /** Default Zulip's own 200 in 60 s; `null` for no limit and no headers; UNLIMITED advertises a limit that is never met. */
  readonly rateLimit?: RateRule | null;
  readonly firstMessageId?: number;
  /** Milliseconds since 1970; tests move it by hand. */
  readonly nowMs?: () => number;
  /** How many of the last requests are remembered; default 10,000. */
  readonly keepRequests?: number;
  readonly intercept?: Intercept;
}

/**
 * Comes between a request and its answer, which `answer` makes; `null`: the request goes on undisturbed. `name` says in
 * the log of requests what was done to it.
 */
export type Intercept = (
  request: HttpRequest,
  answer: () => HttpReply,
) => { readonly name: string; readonly outcome: HttpOutcome } | null;

/** For benchmarks and chaos: headers are sent, the limit is out of reach. */
export const UNLIMITED: RateRule = { limit: 1_000_000_000, windowS: 60 };

/** How long to wait for what must come, on a loaded machine too. */
const PATIENCE_MS = 180_000;

export interface LoggedRequest {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly userAgent: string;
  readonly body: string;
  /** 0: the connection was closed instead of an answer. */
  readonly status: number;
  /** What an `intercept` did to it. */
  readonly fault: string | null;
}

/** A Zulip that keeps what it is told and checks what Zulip checks. Not Zulip's code; docs/zulip.md says what it is held to. */
export interface ZulipStandIn extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly site: string;
  readonly port: number;
  readonly bot: StandInUser & { readonly apiKey: string };
  readonly owner: StandInUser;
  readonly realm: StandInRealm;
  /** Every message accepted so far, ascending by id. */
  readonly messages: readonly StandInMessage[];
  /** The last requests, oldest first. */
  readonly requests: readonly LoggedRequest[];
  readonly requestCount: number;
  dmsTo(userId: number | string): StandInMessage[];
  channelMessages(channel: string): StandInMessage[];
  addUser(user: Partial<StandInUser> & Pick<StandInUser, "email">): StandInUser;
  addChannel: StandInRealm["addChannel"];
  setRateLimit(rule: RateRule | null): void;
  /** A new key for the bot, as if somebody had pressed "Generate new API key". */
  rotateBotKey(): string;
  /** The text of the bot's zuliprc. */
  zuliprc(): string;
  /** The first message that satisfies `test`, already here or yet to come; rejects after `timeoutMs` (3 minutes) or at close(). */
  next(test: (message: StandInMessage) => boolean, timeoutMs?: number): Promise<StandInMessage>;
  /** As next(), for requests to come. */
  nextRequest(test: (request: LoggedRequest) => boolean, timeoutMs?: number): Promise<LoggedRequest>;
  /** Stops listening and closes every connection; data, users and faults stay. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  restart(): void;
  close(): Promise<void>;
}

export function startZulipStandIn(options: StandInOptions = {}): Promise<ZulipStandIn> {
  return Promise.resolve(new StandIn(options));
}

class StandIn implements ZulipStandIn {
  readonly realm: StandInRealm;
  readonly bot: StandInUser & { apiKey: string };
  readonly owner: StandInUser;
  readonly requests: LoggedRequest[] = [];
  readonly #keepRequests: number;
  readonly #intercept: Intercept;
  readonly #context: RouteContext;
  readonly #messageWaiters = new Set<Waiter<StandInMessage>>();
  readonly #requestWaiters = new Set<Waiter<LoggedRequest>>();
  #rateLimit: RateRule | null;
  #listener: HttpListener | null;
  requestCount = 0;
  readonly port: number;

  constructor(options: StandInOptions) {
    this.realm = new StandInRealm({
      featureLevel: options.featureLevel ?? 421,
      firstMessageId: options.firstMessageId ?? 1,
    });
    this.owner = this.realm.addUser({
      id: 8,
      email: "owner@zulip.example",
      fullName: "Realm Owner",
      role: 100,
      ...options.owner,
    });
    const bot = this.realm.addUser({
      id: 9,
      email: "lmsmon-bot@zulip.example",
      fullName: "LMS monitor",
      isBot: true,
      botType: 1,
      ownerId: this.owner.id,
      apiKey: randomKey(),
      ...options.bot,
    });
    if (bot.apiKey === null) throw new RangeError("The bot needs an API key");
    this.bot = Object.assign(bot, { apiKey: bot.apiKey });
    for (const user of options.users ?? []) this.realm.addUser(user);
    for (const { name, ...channel } of options.channels ?? []) this.realm.addChannel(name, channel);
    this.#rateLimit = options.rateLimit === undefined ? { limit: 200, windowS: 60 } : options.rateLimit;
    this.#keepRequests = options.keepRequests ?? 10_000;
    this.#intercept = options.intercept ?? (() => null);
    this.#context = {
      realm: this.realm,
      version: options.version ?? "11.0",
      realmName: options.realmName ?? "Zulip stand-in",
      rateLimit: () => this.#rateLimit,
      usage: new CallHistory(),
      nowMs: options.nowMs ?? (() => performance.timeOrigin + performance.now()),
      onMessage: (message) => settle(this.#messageWaiters, message),
    };
    this.#listener = listenHttp(options.port ?? 0, (request) => this.#handle(request));
    this.port = this.#listener.port;
  }

  get site(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get messages(): readonly StandInMessage[] {
    return this.realm.messages;
  }

  #handle(request: HttpRequest): HttpOutcome {
    const answer = (): HttpReply => {
      try {
        return route(this.#context, request);
      } catch (error) {
        return json(500, { result: "error", msg: `Internal server error: ${String(error)}` });
      }
    };
    const intercepted = this.#intercept(request, answer);
    const reply = intercepted === null ? answer() : intercepted.outcome;
    this.#remember({
      atMs: this.#context.nowMs(),
      method: request.method,
      path: request.path,
      query: request.query.toString(),
      userAgent: request.headers.get("user-agent") ?? "",
      body: request.body,
      status: reply === "reset" ? 0 : reply.status,
      fault: intercepted?.name ?? null,
    });
    if (reply === "reset") return reply;
    return { ...reply, headers: { ...dateHeader(this.#context.nowMs()), ...reply.headers } };
  }

  #remember(request: LoggedRequest): void {
    this.requestCount++;
    this.requests.push(request);
    // In blocks, so that dropping the oldest costs next to nothing per request.
    if (this.requests.length >= this.#keepRequests * 2) this.requests.splice(0, this.#keepRequests);
    settle(this.#requestWaiters, request);
  }

  dmsTo(userId: number | string): StandInMessage[] {
    const wanted = Number(userId);
    return this.realm.messages.filter((message) =>
      message.type === "private" && message.senderId !== wanted && message.participants.includes(wanted)
    );
  }

  channelMessages(channel: string): StandInMessage[] {
    return [...this.realm.byConversation.get(channelKey(channel)) ?? []];
  }

  addUser(user: Partial<StandInUser> & Pick<StandInUser, "email">): StandInUser {
    return this.realm.addUser(user);
  }

  addChannel(...args: Parameters<StandInRealm["addChannel"]>): StandInChannel {
    return this.realm.addChannel(...args);
  }

  setRateLimit(rule: RateRule | null): void {
    this.#rateLimit = rule;
  }

  rotateBotKey(): string {
    return this.bot.apiKey = randomKey();
  }

  zuliprc(): string {
    return `[api]\nemail=${this.bot.email}\nkey=${this.bot.apiKey}\nsite=${this.site}\n`;
  }

  next(test: (message: StandInMessage) => boolean, timeoutMs = PATIENCE_MS): Promise<StandInMessage> {
    const found = this.realm.messages.find(test);
    return found === undefined ? waitFor(this.#messageWaiters, test, timeoutMs, "message") : Promise.resolve(found);
  }

  nextRequest(test: (request: LoggedRequest) => boolean, timeoutMs = PATIENCE_MS): Promise<LoggedRequest> {
    return waitFor(this.#requestWaiters, test, timeoutMs, "request");
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    await listener?.close();
  }

  restart(): void {
    this.#listener ??= listenHttp(this.port, (request) => this.#handle(request));
  }

  async close(): Promise<void> {
    await this.stop();
    for (const waiters of [this.#messageWaiters, this.#requestWaiters]) {
      for (const waiter of waiters) waiter.reject(new Error("The Zulip stand-in was closed"));
      waiters.clear();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}
