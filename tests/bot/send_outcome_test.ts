import assert from "node:assert/strict";
import fc from "fast-check";
import { Secret } from "../../lib/base/secrets.ts";
import { type Exchange, transportFailure } from "../../lib/bot/http_exchange.ts";
import { cleanReason, sendOutcome } from "../../lib/bot/send_outcome.ts";

const SITE = "https://zulip.example.org";
const answered = (status: number, body: unknown, headers: Record<string, string> = {}): Exchange => ({
  kind: "answered",
  status,
  headers: new Headers(headers),
  text: body === null || typeof body === "string" ? body : JSON.stringify(body),
});
const error = (msg: string, code?: string, more = {}) => ({ result: "error", msg, ...(code ? { code } : {}), ...more });
const HTML = "<html><body>nginx</body></html>";

const cases: [string, Exchange, string][] = [
  ["200 with an id", answered(200, { result: "success", msg: "", id: 42, automatic_new_visibility_policy: 2 }), "sent"],
  ["200 of an id only", answered(200, { id: 42 }), "sent"],
  ["200 without an id", answered(200, { result: "success" }), "unknown"],
  ["200 with an odd id", answered(200, { result: "success", id: "x" }), "unknown"],
  ["200 cut off", answered(200, '{"result":"succ'), "unknown"],
  ["200 broken off", answered(200, null), "unknown"],
  ["200 of a captive portal", answered(200, HTML), "unknown"],
  ["204", answered(204, ""), "unknown"],
  ["302", answered(302, ""), "unauthorized"],
  ["400 unknown user", answered(400, error("Invalid user ID 9", "BAD_REQUEST")), "refused"],
  ["400 broken off", answered(400, null), "unknown"],
  ["400 of nginx", answered(400, HTML), "unauthorized"],
  ["401", answered(401, error("Invalid API key", "UNAUTHORIZED")), "unauthorized"],
  ["401 html", answered(401, HTML), "unauthorized"],
  ["403 json", answered(403, error("Access denied", "BAD_REQUEST")), "refused"],
  ["403 of a firewall", answered(403, HTML), "unauthorized"],
  ["404 subdomain", answered(404, error("Invalid subdomain", "NONEXISTENT_SUBDOMAIN")), "unauthorized"],
  ["404 html", answered(404, HTML), "unauthorized"],
  ["404 of another API", answered(404, { message: "not found" }), "unauthorized"],
  ["405", answered(405, error("Method Not Allowed", undefined, { allowed_methods: ["GET"] })), "refused"],
  ["407", answered(407, HTML), "not_sent"],
  ["408", answered(408, ""), "unknown"],
  ["413 json", answered(413, error("Too large", "BAD_REQUEST")), "refused"],
  ["429", answered(429, error("x", "RATE_LIMIT_HIT", { "retry-after": 1 })), "rate_limited"],
  ["429 html", answered(429, HTML), "rate_limited"],
  ["500", answered(500, error("Internal server error")), "unknown"],
  ["502", answered(502, HTML), "unknown"],
  ["504", answered(504, HTML), "unknown"],
  ["nothing left", { kind: "failed", sent: "no", reason: "x" }, "not_sent"],
  ["something left", { kind: "failed", sent: "maybe", reason: "x" }, "unknown"],
];
for (const [name, exchange, outcome] of cases) {
  Deno.test(`sendOutcome() is ${outcome} for ${name}`, () => {
    assert.equal(sendOutcome(exchange, SITE).outcome, outcome);
  });
}

Deno.test("sendOutcome() keeps status, code and reason of a refusal", () => {
  assert.deepEqual(sendOutcome(answered(400, error("Channel 'x' does not exist", "STREAM_DOES_NOT_EXIST")), SITE), {
    outcome: "refused",
    status: 400,
    code: "STREAM_DOES_NOT_EXIST",
    reason: "Channel 'x' does not exist",
  });
});

Deno.test("sendOutcome() waits as long as the longer of body and header says, 5 s when neither is a number", () => {
  const wait = (body: unknown, header?: string) => {
    const outcome = sendOutcome(answered(429, body, header === undefined ? {} : { "Retry-After": header }), SITE);
    return outcome.outcome === "rate_limited" ? outcome.retryAfterMs : null;
  };
  assert.equal(wait(error("x", "RATE_LIMIT_HIT", { "retry-after": 28.706807374954224 }), "12.5"), 28_707);
  assert.equal(wait(error("x", "RATE_LIMIT_HIT", { "retry-after": 1 }), "12.5"), 12_500);
  assert.equal(wait(HTML, "3"), 3000);
  assert.equal(wait(HTML), 5000);
  assert.equal(wait(HTML, "Wed, 21 Oct 2026 07:28:00 GMT"), 5000);
  assert.equal(wait(error("x", "RATE_LIMIT_HIT", { "retry-after": -4 })), 5000);
  assert.equal(wait(error("x", "RATE_LIMIT_HIT", { "retry-after": 1e12 })), 3_600_000);
  assert.equal(wait(null), 5000);
});

Deno.test("P7: cleanReason() shows no address and no secret of what a server says", () => {
  new Secret("sEcReT0123456789sEcReT0123456789");
  assert.equal(
    cleanReason("'user7@zulip.example' is no longer\n using Zulip. sEcReT0123456789sEcReT0123456789"),
    "'<address>' is no longer using Zulip. ***",
  );
  assert.equal(cleanReason("x".repeat(1000)).length, 300);
});

Deno.test("sendOutcome() never throws and never calls anything but a 200 with an id sent", () => {
  fc.assert(fc.property(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, text) => {
    const { outcome } = sendOutcome(answered(status, text), SITE);
    if (outcome === "sent") assert.equal(status, 200);
    if (status >= 500) assert.equal(outcome, "unknown");
  }));
});

Deno.test("transportFailure() says that nothing left only for failures to connect", () => {
  const failed = (message: string) => {
    const exchange = transportFailure(new TypeError("fetch failed", { cause: new Error(message) }), 1000);
    return exchange.kind === "failed" ? exchange.sent : null;
  };
  const url = "error sending request for url (https://z.example/)";
  assert.equal(failed(`${url}: client error (Connect): tcp connect error: Connection refused (os error 111)`), "no");
  assert.equal(failed(`${url}: client error (Connect): dns error: failed to lookup address information`), "no");
  assert.equal(failed(`${url}: client error (Connect): invalid peer certificate: UnknownIssuer`), "no");
  assert.equal(failed(`${url}: client error (SendRequest): connection closed before message completed`), "maybe");
  assert.equal(failed("connection error: Connection reset by peer (os error 104)"), "maybe");
  assert.equal(failed(""), "maybe");
});
