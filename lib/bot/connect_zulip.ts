import type { Logger } from "@logtape/logtape";
import type { z } from "zod";
import type { ZulipConfig } from "../config/config.ts";
import { MICROS_PER_SECOND } from "../model/time.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { ZulipError } from "../base/errors.ts";
import { checkBotKind } from "./bot_kind.ts";
import { areCopies, type Credentials, readCredentials, sameCredentials } from "./credentials.ts";
import { type Exchange, httpDateS } from "./http_exchange.ts";
import { type BodySink, createZulipHttp, type ZulipHttp } from "./http.ts";
import { ItemReader } from "./item_reader.ts";
import { rateLimitOf, readFailure } from "./read_failure.ts";
import { sendOutcome } from "./send_outcome.ts";
import { readChannels } from "./read_channels.ts";
import { MemberList, MessagePage, OneUser, OwnUser, parseAnswer, Rendered, ServerSettings, userOf } from "./wire.ts";
import { messageForm, OLDEST_FEATURE_LEVEL, ownMessagesNarrow } from "./request_words.ts";
import type {
  LookUpTarget,
  RateLimit,
  ReadMessage,
  SendOutcome,
  ZulipApi,
  ZulipBot,
  ZulipChannel,
  ZulipServer,
  ZulipTarget,
  ZulipUser,
} from "./zulip_api.ts";
import manifest from "../../deno.json" with { type: "json" };

export interface ZulipDeps {
  /** Category `lmsmon/zulip`. Never gets the key, and no message's content. */
  readonly log: Logger;
  /** Whose `now` the callers' times come from; default the system's. */
  readonly clock?: Pick<Clock, "now">;
  /** Hears how long each request took, in seconds, answered or not. */
  readonly onRequest?: ((method: string, seconds: number) => void) | undefined;
  /** How long a connection is kept for the next request; default a second. */
  readonly idleMs?: number;
}

/** The first page of a look-up is small, since what is looked for is mostly among the newest; then as large as Zulip recommends. */
const FIRST_PAGE = 100;
const WHOLE_PAGE = 1000;

/**
 * Zulip over HTTP. Reads the credentials now (ConfigError when they are incomplete), connects with the first call.
 * Proxies come from HTTP(S)_PROXY and NO_PROXY, further authorities from DENO_CERT or the zuliprc's `cert_bundle`.
 */
export function connectZulip(config: ZulipConfig, deps: ZulipDeps): ZulipConnection {
  return new ZulipClient(config, deps, deps.clock ?? systemClock);
}

export interface ZulipConnection extends ZulipApi {
  /** `https://zulip.example.org`, as in use. */
  readonly site: string;
  /** The HTML that Zulip would make of `content`; sends nothing. Throws ZulipError. */
  render(content: string, signal?: AbortSignal): Promise<string>;
  /** Deletes one of the bot's own messages for everybody. Throws ZulipError when Zulip does not. */
  deleteMessage(zulipMessageId: string, signal?: AbortSignal): Promise<void>;
}

class ZulipClient implements ZulipConnection {
  readonly #config: ZulipConfig;
  #credentials: Credentials;
  #http: ZulipHttp;
  #server: ZulipServer | null = null;
  #serverAsked: Promise<ZulipServer> | null = null;
  #botId: string | null = null;
  #rateLimit: RateLimit | null = null;
  /** How far the server's clock is ahead of this host's, by its last answer. */
  #serverAheadS = 0;

  constructor(
    config: ZulipConfig,
    private readonly deps: ZulipDeps,
    private readonly clock: Pick<Clock, "now">,
  ) {
    this.#config = config;
    this.#credentials = readCredentials(config);
    this.#http = this.#open();
  }

  get site(): string {
    return this.#credentials.site;
  }

  async send(target: ZulipTarget, content: string, signal?: AbortSignal): Promise<SendOutcome> {
    let server: ZulipServer;
    try {
      server = await this.server(signal);
    } catch (error) {
      if (!(error instanceof ZulipError)) throw error;
      const reason = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
      // The message itself never left. A wrong address or an old server is nothing that time heals by itself.
      return error.reason === "refused" ? { outcome: "unauthorized", reason } : { outcome: "not_sent", reason };
    }
    const form = messageForm(target, content, server.featureLevel);
    const exchange = await this.#http.post("messages", form, signal);
    this.#observe(exchange);
    return sendOutcome(exchange, this.#credentials.site);
  }

  server(signal?: AbortSignal): Promise<ZulipServer> {
    if (this.#server !== null) return Promise.resolve(this.#server);
    // Many sends begin at once; one question is enough.
    this.#serverAsked ??= this.#askServer(signal).finally(() => this.#serverAsked = null);
    return this.#serverAsked;
  }

  async #askServer(signal?: AbortSignal): Promise<ZulipServer> {
    const settings = await this.#read("server_settings", {}, ServerSettings, signal);
    if (settings.zulip_feature_level < OLDEST_FEATURE_LEVEL) {
      throw new ZulipError(
        "refused",
        `Cannot use Zulip ${settings.zulip_version} at ${this.#credentials.site}: feature level ` +
          `${settings.zulip_feature_level}, ${OLDEST_FEATURE_LEVEL} is needed`,
        { hint: "Upgrade the Zulip server to 7.0 or newer" },
      );
    }
    this.#server = {
      version: settings.zulip_version,
      featureLevel: settings.zulip_feature_level,
      realmName: settings.realm_name ?? null,
    };
    return this.#server;
  }

  async me(signal?: AbortSignal): Promise<ZulipBot> {
    const own = await this.#ownUser(signal);
    const userId = String(own.user_id);
    const { user } = await this.#read(`users/${userId}`, {}, OneUser, signal);
    const bot = {
      userId,
      fullName: own.full_name,
      email: own.delivery_email ?? own.email,
      isBot: own.is_bot,
      botType: user.bot_type ?? null,
      ownerId: user.bot_owner_id === null || user.bot_owner_id === undefined ? null : String(user.bot_owner_id),
      role: own.role ?? user.role ?? null,
    };
    checkBotKind(bot, this.#credentials.site);
    return bot;
  }

  async deleteMessage(zulipMessageId: string, signal?: AbortSignal): Promise<void> {
    const path = `messages/${zulipMessageId}`;
    const exchange = await this.#http.delete(path, signal);
    if (exchange.kind !== "answered" || exchange.status !== 200) {
      throw readFailure(path, exchange, this.#credentials.site, areCopies(this.#config));
    }
  }

  async #ownUser(signal?: AbortSignal): Promise<z.infer<typeof OwnUser>> {
    const own = await this.#read("users/me", {}, OwnUser, signal);
    this.#botId = String(own.user_id);
    return own;
  }

  async users(signal?: AbortSignal): Promise<ZulipUser[]> {
    const members = new ItemReader("members");
    const users: ZulipUser[] = [];
    let unreadable = 0;
    await this.#read("users", {}, MemberList, signal, {
      take: (bytes) => {
        for (const raw of members.push(bytes)) {
          const user = userOf(raw);
          if (user === null) unreadable++; // one odd account must not hide all the others
          else users.push(user);
        }
      },
      text: () => members.rest,
    });
    if (unreadable > 0) this.deps.log.warning("Zulip listed accounts that could not be read", { count: unreadable });
    return users;
  }

  channels(names: readonly string[], ids: readonly number[], signal?: AbortSignal): Promise<ZulipChannel[]> {
    return readChannels(
      (path, query, schema, sink) => this.#read(path, query, schema, signal, sink),
      names,
      ids,
    );
  }

  async *ownMessages(
    target: LookUpTarget | undefined,
    sinceS: number,
    signal?: AbortSignal,
  ): AsyncGenerator<ReadMessage> {
    const { featureLevel } = await this.server(signal);
    const botId = this.#botId ?? String((await this.#ownUser(signal)).user_id);
    const narrow = ownMessagesNarrow(target, botId, featureLevel);
    let query: Record<string, string> = { anchor: "newest" };
    for (let size = FIRST_PAGE;; size = WHOLE_PAGE) {
      const page = await this.#read(
        "messages",
        {
          ...query,
          num_before: String(size),
          num_after: "0",
          apply_markdown: "false",
          client_gravatar: "true",
          narrow,
        },
        MessagePage,
        signal,
      );
      // Messages bear the server's time. A host whose clock is wrong, or was just set, must not look at the wrong stretch of
      // the past: what it fails to find it would send again.
      const since = sinceS + Math.min(0, this.#serverAheadS);
      // Newest first whatever the server's order, and nothing twice: ids decide.
      const messages = page.messages.toSorted((a, b) => Number(b.id) - Number(a.id));
      for (const message of messages) {
        if (message.timestamp < since) continue;
        const others = typeof message.display_recipient === "string"
          ? []
          : message.display_recipient.map((person) => String(person.id)).filter((id) => id !== botId);
        yield {
          zulipMessageId: String(message.id),
          timestampS: message.timestamp,
          content: message.content,
          to: others,
        };
      }
      const oldest = messages.at(-1);
      if (oldest === undefined || page.found_oldest || oldest.timestamp < since) return;
      query = { anchor: String(oldest.id), include_anchor: "false" };
    }
  }

  async render(content: string, signal?: AbortSignal): Promise<string> {
    const exchange = await this.#http.post("messages/render", { content }, signal);
    this.#observe(exchange);
    return this.#parse("messages/render", exchange, Rendered).rendered;
  }

  rateLimit(): RateLimit | null {
    return this.#rateLimit;
  }

  reloadCredentials(): Promise<boolean> {
    let fresh: Credentials;
    try {
      fresh = readCredentials(this.#config);
    } catch (error) {
      // Perhaps somebody is just writing it: what is in use stays in use until the file is whole.
      this.deps.log.warning("Cannot re-read the Zulip credentials", { error });
      return Promise.resolve(false);
    }
    if (sameCredentials(fresh, this.#credentials)) return Promise.resolve(false);
    this.#credentials = fresh;
    this.#http.close();
    this.#http = this.#open();
    this.#server = null;
    this.#botId = null;
    this.#rateLimit = null;
    return Promise.resolve(true);
  }

  close(): void {
    this.#http.close();
  }

  #open(): ZulipHttp {
    return createZulipHttp({
      credentials: this.#credentials,
      userAgent: `lmsmon/${manifest.version}`,
      timeoutMs: this.#config.requestTimeoutMs,
      ...this.deps,
    });
  }

  async #read<T>(
    path: string,
    query: Record<string, string>,
    schema: z.ZodType<T>,
    signal?: AbortSignal,
    sink?: BodySink,
  ): Promise<T> {
    const exchange = await this.#http.get(path, query, signal, sink);
    this.#observe(exchange);
    return this.#parse(path, exchange, schema);
  }

  #parse<T>(path: string, exchange: Exchange, schema: z.ZodType<T>): T {
    if (exchange.kind === "answered" && exchange.status === 200) {
      const answer = parseAnswer(schema, exchange.text);
      if (answer !== null) return answer;
    }
    throw readFailure(path, exchange, this.#credentials.site, areCopies(this.#config));
  }

  #observe(exchange: Exchange): void {
    if (exchange.kind !== "answered") return;
    this.#rateLimit = rateLimitOf(exchange.headers) ?? this.#rateLimit;
    const serverS = httpDateS(exchange.headers.get("date"));
    if (serverS !== null) this.#serverAheadS = serverS - this.clock.now() / MICROS_PER_SECOND;
  }
}
