import assert from "node:assert/strict";
import { areCopies } from "../../lib/bot/credentials.ts";
import { readFailure } from "../../lib/bot/read_failure.ts";

const answered = (status: number, body: unknown) =>
  ({ kind: "answered", status, headers: { get: () => null }, text: JSON.stringify(body) }) as const;

Deno.test("readFailure() names zulip.site when the address is of no organization, whatever a server calls that", () => {
  for (
    const exchange of [
      answered(400, { result: "error", msg: "Invalid subdomain", code: "BAD_REQUEST" }),
      answered(404, { result: "error", msg: "Subdomain not found", code: "NONEXISTENT_SUBDOMAIN" }),
      answered(404, "<html>nginx</html>"),
    ]
  ) {
    const error = readFailure("server_settings", exchange, "https://zulip.example");
    assert.deepEqual([error.reason, error.retryAfterMs], ["refused", null]);
    assert.match(error.message, /no Zulip organization/);
    assert.match(error.hint ?? "", /zulip\.site/);
  }
});

Deno.test("readFailure() takes a 4xx of another question for what it is", () => {
  const exchange = answered(400, {
    result: "error",
    msg: "Invalid narrow operator: unknown channel x",
    code: "BAD_NARROW",
  });
  assert.equal(readFailure("messages", exchange, "https://zulip.example").reason, "failed");
});

Deno.test("a refused key that systemd copied for the service: the remedy names the restart, without which a new one is not seen", () => {
  const refused = answered(401, { result: "error", msg: "Invalid API key", code: "UNAUTHORIZED" });
  const hint = (config: Parameters<typeof areCopies>[0]) =>
    readFailure("users/me", refused, "https://zulip.example", areCopies(config)).hint ?? "";
  const copy = "/run/credentials/lmsmon.service/zuliprc";
  assert.match(hint({ configFile: copy, apiKeyFile: null }), /^Check the zuliprc .*restart the service/);
  assert.match(hint({ configFile: null, apiKeyFile: copy }), /restart the service/);
  assert.doesNotMatch(hint({ configFile: "/etc/lmsmon/zuliprc", apiKeyFile: null }), /restart/);
});
