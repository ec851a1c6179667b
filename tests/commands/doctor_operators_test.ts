import assert from "node:assert/strict";
import { rateWords } from "../../lib/app/doctor_operators.ts";
import { Pinger } from "../../lib/app/ping.ts";

Deno.test("doctor says what the rate limit means here", () => {
  assert.equal(rateWords({ limit: 200 }, 800), "800 mentors at 200 calls a minute: 4 minutes for a message to each");
  assert.equal(rateWords({ limit: 200 }, 1), "1 mentor at 200 calls a minute: 1 minute for a message to each");
  assert.equal(rateWords({ limit: 200 }, 0), "rate limit: 200 calls a minute");
  assert.match(rateWords(null, 300), /^300 mentors at Zulip says no rate limit.*: 3 minutes/);
});

Deno.test("a ping is one request, and its failure one warning that does not name the address", async () => {
  const asked: string[] = [];
  const lines: string[] = [];
  let status = 200;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    asked.push(new URL(request.url).pathname);
    return new Response("", { status });
  });
  const log = (text: string, data?: Record<string, unknown>) =>
    void lines.push(`${text} ${JSON.stringify(data ?? {})}`);
  const pinger = new Pinger({ warning: log, info: log } as ConstructorParameters<typeof Pinger>[0]);
  const url = `http://127.0.0.1:${server.addr.port}/ping/s3cret`;
  await pinger.ping(null);
  await pinger.ping(url);
  status = 500;
  await pinger.ping(url);
  await pinger.ping(url);
  status = 200;
  await pinger.ping(url);
  assert.equal(asked.length, 4);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /Cannot reach health\.ping_url.*HTTP 500/);
  assert.doesNotMatch(lines.join(), /s3cret/);
});
