import assert from "node:assert/strict";
import { makePlace, PASSWORD, postgresServer } from "../commands/lmsmon_place.ts";

interface Span {
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

/** A small OTLP/HTTP receiver: what came to each path, as text. */
function receiver() {
  const bodies = new Map<string, string[]>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const body = await request.text();
    bodies.set(pathname, [...bodies.get(pathname) ?? [], body]);
    return Response.json({});
  });
  return { server, bodies, url: `http://127.0.0.1:${server.addr.port}` };
}

Deno.test({
  name: "Deno's own OpenTelemetry sends each request to Zulip as a span, the runtime's measures, and nobody's data",
  ignore: postgresServer === null,
}, async () => {
  const { server, bodies, url } = receiver();
  await using _server = server;
  await using place = await makePlace({
    env: {
      OTEL_DENO: "true",
      OTEL_SERVICE_NAME: "lmsmon",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
    },
  });
  const { code } = await place.home.run("poll-once");
  assert.equal(code, 0);
  const { student } = await place.pair();
  const at = Temporal.Now.instant().toString().slice(0, 19).replace("T", " ");
  const finished = { state: "Completed", result: "Pass", score: 80, percentage: 80 };
  await place.lms.writer.attempt({ user_id: student, date: at, last_answer_updated_time: at, ...finished });
  const { out } = await place.home.run("poll-once");
  assert.match(out, /Told: 1 delivery in 1 message/);

  const spans = (bodies.get("/v1/traces") ?? []).flatMap((body) =>
    (JSON.parse(body).resourceSpans as { scopeSpans: { spans: Span[] }[] }[])
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
  );
  const requests = spans.map(({ name, attributes }) =>
    `${name} ${attributes.find(({ key }) => key === "url.path")?.value.stringValue}`
  );
  for (const request of ["GET /api/v1/users/me", "POST /api/v1/messages"]) assert.ok(requests.includes(request));
  assert.match((bodies.get("/v1/metrics") ?? []).join(), /"v8js\./);
  assert.deepEqual([...bodies.keys()].toSorted(), ["/v1/metrics", "/v1/traces"], "the log stays on stderr");

  const everything = [...bodies.values()].flat().join("\n");
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD), place.zulip.bot.apiKey, place.zulip.bot.email];
  const people = [`Student ${student}`, `student${student}`, "institute.example", "students.example", "Authorization"];
  for (const word of [...secrets, ...people]) assert.ok(!everything.includes(word), word);
});
