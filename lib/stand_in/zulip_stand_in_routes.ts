import { type Call, type Endpoint, ENDPOINTS } from "./zulip_stand_in_endpoints.ts";
import { html, json } from "./zulip_stand_in_http.ts";
import type { HttpReply, HttpRequest } from "./zulip_stand_in_http.ts";
import type { CallHistory, RateRule } from "./zulip_stand_in_rate.ts";
import { refused } from "./zulip_stand_in_params.ts";
import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import { RealmError, type StandInMessage, type StandInUser } from "./zulip_stand_in_types.ts";

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

/** From this feature level on an answer names the parameters that it did not understand. */
const IGNORED_PARAMETERS_LEVEL = 167;

/** Answers one request as Zulip would, with its exact bodies. */
export function route(context: RouteContext, request: HttpRequest): HttpReply {
  if (!request.path.startsWith("/api/v1/")) return html(404, "Not Found");
  const path = request.path.slice("/api/v1".length);
  if (path === "/server_settings") {
    if (isGet(request)) return withoutBody(request, serverSettings(context, request));
    return notAllowed(["GET", "HEAD"]);
  }
  for (const { pattern, methods } of ENDPOINTS) {
    const parts = pattern.exec(path);
    if (parts === null) continue;
    const endpoint = methods[request.method === "HEAD" ? "GET" : request.method];
    if (endpoint === undefined) return notAllowed([...Object.keys(methods), ..."GET" in methods ? ["HEAD"] : []]);
    return withoutBody(request, answer(context, request, endpoint, parts.slice(1)));
  }
  return html(404, "Not Found");
}

function answer(
  context: RouteContext,
  request: HttpRequest,
  endpoint: Endpoint,
  path: readonly string[],
): HttpReply {
  let headers: Record<string, string> = {};
  try {
    const user = authenticate(context.realm, request);
    const rule = context.rateLimit();
    if (rule !== null) {
      const bucket = endpoint.ownRate === true ? `events of ${user.id}` : user.id;
      const used = context.usage.call(bucket, rule, context.nowMs());
      headers = used.headers;
      if (used.retryAfterS !== null) {
        return { ...limited(used.retryAfterS), headers: { ...headers, "Retry-After": String(used.retryAfterS) } };
      }
    }
    const call: Call = {
      realm: context.realm,
      user,
      params: paramsOf(request),
      path,
      nowMs: context.nowMs(),
      client: (request.headers.get("user-agent") ?? "").split("/", 1)[0] || "unknown",
      onMessage: (message) => context.onMessage(message),
    };
    return { ...success({ ...endpoint.answer(call), ...ignored(call, endpoint) }), headers };
  } catch (error) {
    if (!(error instanceof RealmError)) throw error;
    const reply = failure(error);
    return error.status === 401
      ? { ...reply, headers: { "WWW-Authenticate": 'Basic realm="zulip"' } }
      : { ...reply, headers };
  }
}

function ignored({ params, realm }: Call, endpoint: Endpoint): Record<string, unknown> {
  const unknown = [...new Set(params.keys())].filter((name) => !endpoint.params.has(name));
  if (unknown.length === 0 || realm.featureLevel < IGNORED_PARAMETERS_LEVEL) return {};
  return { ignored_parameters_unsupported: unknown };
}

function isGet(request: HttpRequest): boolean {
  return request.method === "GET" || request.method === "HEAD";
}

function withoutBody(request: HttpRequest, reply: HttpReply): HttpReply {
  return request.method === "HEAD" ? { ...reply, body: "" } : reply;
}

/** As of Zulip: JSON that says it is HTML. */
function notAllowed(methods: readonly string[]): HttpReply {
  return {
    ...json(405, { result: "error", msg: "Method Not Allowed", allowed_methods: methods }),
    contentType: "text/html; charset=utf-8",
    headers: { Allow: methods.join(", ") },
  };
}

function authenticate(realm: StandInRealm, request: HttpRequest): StandInUser {
  const header = request.headers.get("authorization") ?? "";
  if (header === "") throw unauthorized("Not logged in: API authentication or user session required");
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
  if (isElsewhere(realm, request)) throw unauthorized("Account is not associated with this subdomain");
  if (user.botType === 2 && !(request.method === "POST" && request.path === "/api/v1/messages")) {
    throw unauthorized("This API is not available to incoming webhook bots.");
  }
  return user;
}

/** The request was sent to an organisation that this server does not have. */
function isElsewhere(realm: StandInRealm, request: HttpRequest): boolean {
  return realm.host !== null && request.headers.get("host") !== realm.host;
}

/** Only a form is read, as in Zulip: of a JSON body nothing arrives, and the first parameter is "missing". */
function paramsOf(request: HttpRequest): URLSearchParams {
  if (isGet(request)) return request.query;
  const type = request.headers.get("content-type") ?? "";
  return new URLSearchParams(type.startsWith("application/x-www-form-urlencoded") ? request.body : "");
}

function serverSettings(context: RouteContext, request: HttpRequest): HttpReply {
  const { realm } = context;
  if (isElsewhere(realm, request)) return failure(refused("Invalid subdomain"));
  const url = `http://${request.headers.get("host") ?? "127.0.0.1"}`;
  return success({
    authentication_methods: { password: true, email: true },
    zulip_version: context.version,
    zulip_merge_base: "",
    zulip_feature_level: realm.featureLevel,
    push_notifications_enabled: true,
    is_incompatible: false,
    email_auth_enabled: true,
    require_email_format_usernames: true,
    realm_uri: url,
    ...(realm.featureLevel >= 257 ? { realm_url: url } : {}),
    realm_name: context.realmName,
    realm_icon: "https://secure.gravatar.com/avatar/00000000000000000000000000000000?d=identicon",
    realm_description: "<p>A stand-in</p>",
    realm_web_public_access_enabled: false,
    external_authentication_methods: [],
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

const success = (value: Record<string, unknown>): HttpReply => json(200, { result: "success", msg: "", ...value });
const failure = (error: RealmError): HttpReply =>
  json(error.status, { result: "error", msg: error.message, code: error.code, ...error.extra });
const unauthorized = (message: string): RealmError => new RealmError("UNAUTHORIZED", message, {}, 401);
