import { html, json } from "./zulip_stand_in_faults.ts";
import type { HttpReply, HttpRequest } from "./zulip_stand_in_http.ts";
import { findMessages } from "./zulip_stand_in_narrow.ts";
import { RealmError, type StandInMessage, type StandInRealm, type StandInUser } from "./zulip_stand_in_realm.ts";

/** At most `limit` accepted calls in any `windowS` seconds, per user. */
export interface RateRule {
  readonly limit: number;
  readonly windowS: number;
}

export interface RouteContext {
  readonly realm: StandInRealm;
  readonly version: string;
  readonly realmName: string;
  /** `null`: no limit and no headers. */
  rateLimit(): RateRule | null;
  readonly usage: CallHistory;
  nowMs(): number;
  onMessage(message: StandInMessage): void;
}

/** Answers one request as Zulip would, with its exact bodies. */
export function route(context: RouteContext, request: HttpRequest): HttpReply {
  if (!request.path.startsWith("/api/v1/")) return html(404, "Not Found");
  const path = request.path.slice("/api/v1".length);
  const allowed = methodsOf(path);
  if (allowed === null) return html(404, "Not Found");
  if (!allowed.includes(request.method)) {
    return json(405, { result: "error", msg: "Method Not Allowed", allowed_methods: allowed });
  }
  if (path === "/server_settings") return serverSettings(context);
  let headers: Record<string, string> = {};
  try {
    const user = authenticate(context.realm, request);
    const rule = context.rateLimit();
    if (rule !== null) {
      const used = context.usage.call(user.id, rule, context.nowMs());
      headers = used.headers;
      if (used.retryAfterS !== null) {
        return { ...limited(used.retryAfterS), headers: { ...headers, "Retry-After": String(used.retryAfterS) } };
      }
    }
    return { ...answer(context, user, path, request), headers };
  } catch (error) {
    if (!(error instanceof RealmError)) throw error;
    const reply = json(error.status, { result: "error", msg: error.message, code: error.code, ...error.extra });
    return error.status === 401
      ? { ...reply, headers: { "WWW-Authenticate": 'Basic realm="zulip"' } }
      : { ...reply, headers };
  }
}

function methodsOf(path: string): readonly string[] | null {
  if (path === "/messages") return ["GET", "POST"];
  if (path === "/messages/render") return ["POST"];
  if (path === "/users" || path === "/server_settings" || /^\/users\/[^/]+$/.test(path)) return ["GET"];
  return null;
}

function authenticate(realm: StandInRealm, request: HttpRequest): StandInUser {
  const header = request.headers.get("authorization") ?? "";
  if (header === "") throw unauthorized("Missing authorization header for basic auth");
  const [scheme = "", encoded = ""] = header.split(" ");
  let login = "";
  try {
    login = atob(encoded);
  } catch {
    throw unauthorized("Invalid authorization header for basic auth");
  }
  const colon = login.indexOf(":");
  if (scheme.toLowerCase() !== "basic" || colon < 0) throw unauthorized("Invalid authorization header for basic auth");
  const key = login.slice(colon + 1).trim();
  if (key.length !== 32) throw unauthorized("Malformed API key");
  const user = realm.userByLogin(login.slice(0, colon));
  if (user === undefined || user.apiKey !== key) throw unauthorized("Invalid API key");
  if (!user.isActive || (user.ownerId !== null && realm.users.get(user.ownerId)?.isActive === false)) {
    throw unauthorized("Account is deactivated");
  }
  if (user.botType === 2 && !(request.method === "POST" && request.path === "/api/v1/messages")) {
    throw unauthorized("This API is not available to incoming webhook bots.");
  }
  return user;
}

function answer(context: RouteContext, user: StandInUser, path: string, request: HttpRequest): HttpReply {
  if (path === "/messages" && request.method === "POST") {
    const message = context.realm.post(user, formOf(request), context.nowMs());
    context.onMessage(message);
    return success({ id: message.id });
  }
  if (path === "/messages") return messagePage(context.realm, user, request.query);
  if (path === "/messages/render") {
    const content = formOf(request).get("content");
    if (content === null) {
      throw new RealmError("REQUEST_VARIABLE_MISSING", "Missing 'content' argument", { var_name: "content" });
    }
    const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return success({ rendered: `<p>${safe}</p>` });
  }
  if (path === "/users") {
    return success({ members: [...context.realm.users.values()].map((each) => userObject(context.realm, user, each)) });
  }
  if (path === "/users/me") {
    return success({ ...userObject(context.realm, user, user), max_message_id: lastId(context.realm) });
  }
  return success({
    user: userObject(context.realm, user, lookUp(context.realm, user, decodeURIComponent(path.slice(7)))),
  });
}

function lookUp(realm: StandInRealm, viewer: StandInUser, wanted: string): StandInUser {
  const address = wanted.toLowerCase();
  const found = /^\d+$/.test(wanted)
    ? realm.users.get(Number(wanted))
    : realm.users.values().find((user) =>
      realm.apiEmail(user).toLowerCase() === address ||
      (realm.featureLevel >= 302 && user.email.toLowerCase() === address && realm.seesAddress(viewer, user))
    );
  if (found === undefined) throw new RealmError("BAD_REQUEST", "No such user");
  return found;
}

function userObject(realm: StandInRealm, viewer: StandInUser, user: StandInUser): Record<string, unknown> {
  const visible = realm.seesAddress(viewer, user) || viewer.id === user.id;
  return {
    user_id: user.id,
    email: realm.apiEmail(user),
    ...(realm.featureLevel >= 163 || visible ? { delivery_email: visible ? user.email : null } : {}),
    full_name: user.fullName,
    is_active: user.isActive,
    is_bot: user.isBot,
    bot_type: user.botType,
    bot_owner_id: user.ownerId,
    role: user.role,
    is_owner: user.role === 100,
    is_admin: user.role <= 200,
    is_guest: user.role === 600,
    timezone: "Asia/Kolkata",
    date_joined: "2025-01-01T00:00:00.000000+00:00",
    avatar_url: `https://secure.gravatar.com/avatar/${String(user.id).padStart(32, "0")}?d=identicon&version=1`,
    avatar_version: 1,
    is_imported_stub: false,
  };
}

function messagePage(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): HttpReply {
  const page = findMessages(realm, viewer, query);
  const raw = query.get("apply_markdown") === "false";
  return success({
    anchor: page.anchor,
    found_anchor: page.foundAnchor,
    found_newest: page.foundNewest,
    found_oldest: page.foundOldest,
    history_limited: false,
    messages: page.messages.map((message) => ({
      id: message.id,
      sender_id: message.senderId,
      sender_full_name: realm.users.get(message.senderId)?.fullName ?? "",
      timestamp: message.timestamp,
      content: raw ? message.content : `<p>${message.content}</p>`,
      content_type: raw ? "text/x-markdown" : "text/html",
      type: message.type,
      subject: message.topic ?? "",
      display_recipient: message.channel ?? message.participants.map((id) => {
        const user = realm.users.get(id);
        return {
          id,
          email: user === undefined ? "" : realm.apiEmail(user),
          full_name: user?.fullName ?? "",
          is_mirror_dummy: false,
        };
      }),
    })),
  });
}

/** Only a form is read, as in Zulip: of a JSON body nothing arrives, and the first parameter is "missing". */
function formOf(request: HttpRequest): URLSearchParams {
  const type = request.headers.get("content-type") ?? "";
  return new URLSearchParams(type.startsWith("application/x-www-form-urlencoded") ? request.body : "");
}

function serverSettings(context: RouteContext): HttpReply {
  return success({
    zulip_version: context.version,
    zulip_feature_level: context.realm.featureLevel,
    realm_name: context.realmName,
    is_incompatible: false,
  });
}

function limited(retryAfterS: number): HttpReply {
  return json(429, {
    result: "error",
    msg: "API usage exceeded rate limit",
    code: "RATE_LIMIT_HIT",
    "retry-after": retryAfterS,
  });
}

function lastId(realm: StandInRealm): number {
  return realm.messages.at(-1)?.id ?? -1;
}

const success = (value: Record<string, unknown>): HttpReply => json(200, { result: "success", msg: "", ...value });
const unauthorized = (message: string): RealmError => new RealmError("UNAUTHORIZED", message, {}, 401);

/** When each user called: Zulip's sliding window. A call that is refused does not count. */
export class CallHistory {
  readonly #calls = new Map<number, { times: number[]; start: number }>();

  call(userId: number, rule: RateRule, nowMs: number): { headers: Record<string, string>; retryAfterS: number | null } {
    const history = this.#calls.get(userId) ?? { times: [], start: 0 };
    this.#calls.set(userId, history);
    const windowMs = rule.windowS * 1000;
    while ((history.times[history.start] ?? Infinity) <= nowMs - windowMs) history.start++;
    if (history.start > 10_000 && history.start * 2 > history.times.length) {
      history.times.splice(0, history.start);
      history.start = 0;
    }
    const used = history.times.length - history.start;
    const oldest = history.times[history.start] ?? nowMs;
    const free = used < rule.limit;
    if (free) history.times.push(nowMs);
    const newest = history.times.at(-1) ?? nowMs;
    return {
      headers: {
        "X-RateLimit-Limit": String(rule.limit),
        "X-RateLimit-Remaining": String(free ? rule.limit - used - 1 : 0),
        "X-RateLimit-Reset": String(Math.floor((newest + windowMs) / 1000)),
      },
      retryAfterS: free ? null : (oldest + windowMs - nowMs) / 1000,
    };
  }
}
