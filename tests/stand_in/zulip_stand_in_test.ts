import assert from "node:assert/strict";
import { startZulipStandIn, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** One call as the stand-in's bot; `form` is sent as a form, `json` as JSON. */
async function call(
  standIn: ZulipStandIn,
  path: string,
  options: { form?: Record<string, string>; json?: unknown; auth?: string | null } = {},
): Promise<Answer> {
  const auth = options.auth === undefined ? `${standIn.bot.email}:${standIn.bot.apiKey}` : options.auth;
  const body = options.form ? new URLSearchParams(options.form) : options.json ? JSON.stringify(options.json) : null;
  const response = await fetch(`${standIn.site}/api/v1${path}`, {
    method: body === null ? "GET" : "POST",
    headers: {
      ...(auth === null ? {} : { Authorization: `Basic ${btoa(auth)}` }),
      ...(options.json ? { "Content-Type": "application/json" } : {}),
    },
    ...(body === null ? {} : { body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith("{") ? JSON.parse(text) : { text },
  };
}

const dm = (to: string, content: string) => ({ form: { type: "direct", to, content } });
const error = (code: string, msg: string, more = {}) => ({ result: "error", msg, code, ...more });

Deno.test("stand-in answers a direct message with the next id and keeps it", async () => {
  await using standIn = await startZulipStandIn({ firstMessageId: 42 });
  assert.deepEqual((await call(standIn, "/messages", dm("[8]", "one"))).body, { result: "success", msg: "", id: 42 });
  assert.deepEqual((await call(standIn, "/messages", dm("owner@zulip.example", "two"))).body.id, 43);
  assert.deepEqual(standIn.dmsTo(8).map((message) => message.content), ["one", "two"]);
  assert.deepEqual(standIn.messages[0]?.participants, [8, 9]);
});

Deno.test("stand-in refuses what Zulip refuses, word by word", async () => {
  await using standIn = await startZulipStandIn({ rateLimit: null, featureLevel: 321 });
  const hidden = standIn.addUser({ id: 20, email: "gone@inst.example", isActive: false, emailVisibility: 3 });
  standIn.addChannel("Staff", { isPrivate: true });
  const channel = (to: string, topic: string) => ({ form: { type: "channel", to, topic, content: "x" } });
  const cases: [Parameters<typeof call>[2], Record<string, unknown>][] = [
    [dm("[77]", "x"), error("BAD_REQUEST", "Invalid user ID 77")],
    [dm('["gone@inst.example"]', "x"), error("BAD_REQUEST", "Invalid email 'gone@inst.example'")],
    [dm(`[${hidden.id}]`, "x"), error("BAD_REQUEST", "'user20@zulip.example' is no longer using Zulip.")],
    [dm('[8,"a@b"]', "x"), error("BAD_REQUEST", "Recipient lists may contain emails or user IDs, but not both.")],
    [dm("[]", "x"), error("BAD_REQUEST", "Message must have recipients")],
    [dm("[8]", " \n "), error("BAD_REQUEST", "Message must not be empty")],
    [dm("[8]", "a\0b"), error("BAD_REQUEST", "Message must not contain null bytes")],
    [
      { form: { type: "direct", to: "[8]" } },
      error("REQUEST_VARIABLE_MISSING", "Missing 'content' argument", { var_name: "content" }),
    ],
    [
      { json: { type: "direct", to: [8], content: "x" } },
      error("REQUEST_VARIABLE_MISSING", "Missing 'type' argument", { var_name: "type" }),
    ],
    [channel('"x"', "t"), error("STREAM_DOES_NOT_EXIST", "Channel 'x' does not exist", { stream: "x" })],
    [channel("Staff", "t"), error("BAD_REQUEST", "Not authorized to send to channel 'Staff'")],
  ];
  for (const [options, body] of cases) {
    const answer = await call(standIn, "/messages", options);
    assert.deepEqual([answer.status, answer.body], [400, body]);
  }
  standIn.addChannel("Open");
  assert.deepEqual(
    (await call(standIn, "/messages", channel("Open", "  "))).body,
    error("BAD_REQUEST", "Topic can't be empty!"),
  );
  assert.equal((await call(standIn, "/messages", channel("Open", "x".repeat(70)))).status, 200);
  assert.equal(standIn.channelMessages("open")[0]?.topic, "x".repeat(57) + "...");
});

Deno.test("stand-in answers 401, 404 and 405 as Zulip does", async () => {
  await using standIn = await startZulipStandIn();
  const wrong = await call(standIn, "/users/me", { auth: `${standIn.bot.email}:${"0".repeat(32)}` });
  assert.deepEqual([wrong.status, wrong.body], [401, error("UNAUTHORIZED", "Invalid API key")]);
  assert.equal(wrong.headers.get("WWW-Authenticate"), 'Basic realm="zulip"');
  assert.equal((await call(standIn, "/users/me", { auth: null })).status, 401);
  const malformed = await call(standIn, "/users/me", { auth: `${standIn.bot.email}:short` });
  assert.equal(malformed.body.msg, "Malformed API key");
  standIn.owner.isActive = false;
  assert.equal((await call(standIn, "/users/me")).body.msg, "Account is deactivated");
  standIn.owner.isActive = true;
  const nowhere = await call(standIn, "/no/such/route");
  assert.equal(nowhere.status, 404);
  assert.match(String(nowhere.body.text), /^<!DOCTYPE html>/);
  const post = await call(standIn, "/users", { form: { email: "x" } });
  assert.deepEqual([post.status, post.body], [405, {
    result: "error",
    msg: "Method Not Allowed",
    allowed_methods: ["GET", "HEAD"],
  }]);
  assert.equal(post.headers.get("Allow"), "GET, HEAD");
});

Deno.test("stand-in lets an incoming webhook bot post only, and an outgoing webhook bot find nothing", async () => {
  await using incoming = await startZulipStandIn({ bot: { botType: 2 } });
  assert.equal((await call(incoming, "/messages", dm("[8]", "x"))).status, 200);
  const me = await call(incoming, "/users/me");
  assert.deepEqual([me.status, me.body.msg], [401, "This API is not available to incoming webhook bots."]);
  await using outgoing = await startZulipStandIn({ bot: { botType: 3 } });
  await call(outgoing, "/messages", dm("[8]", "x"));
  const page = await call(outgoing, "/messages?anchor=newest&num_before=10&num_after=0");
  assert.deepEqual(page.body.messages, []);
});

Deno.test("stand-in cuts at 10,000 code points with HTTP 200, and strips", async () => {
  await using standIn = await startZulipStandIn();
  await call(standIn, "/messages", dm("[8]", "\n\n  a🎓  \n "));
  await call(standIn, "/messages", dm("[8]", "🎓".repeat(10_000)));
  await call(standIn, "/messages", dm("[8]", "🎓".repeat(10_001)));
  const [stripped, whole, cut] = standIn.messages;
  assert.equal(stripped?.content, "  a🎓");
  assert.equal(whole?.content, "🎓".repeat(10_000));
  assert.equal([...cut?.content ?? ""].length, 10_000);
  assert.ok(cut?.content.endsWith("🎓\n[message truncated]"));
});

Deno.test("stand-in allows 200 calls in any 60 s, with float retry-after, and a refused call does not count", async () => {
  let nowMs = 1_790_000_000_000;
  await using standIn = await startZulipStandIn({ nowMs: () => nowMs });
  for (let i = 0; i < 200; i++) {
    const { headers } = await call(standIn, "/users/me");
    assert.equal(headers.get("X-RateLimit-Remaining"), String(199 - i));
    nowMs += 100;
  }
  nowMs += 250.5;
  const refused = await call(standIn, "/messages", dm("[8]", "x"));
  assert.deepEqual([refused.status, refused.body], [
    429,
    error("RATE_LIMIT_HIT", "API usage exceeded rate limit", { "retry-after": 39.7495 }),
  ]);
  assert.equal(refused.headers.get("Retry-After"), "39.7495");
  assert.equal(refused.headers.get("X-RateLimit-Limit"), "200");
  nowMs += 39_750;
  assert.equal((await call(standIn, "/messages", dm("[8]", "x"))).status, 200);
  assert.equal(standIn.messages.length, 1);
});

Deno.test("stand-in answers anchors and narrows of GET /messages", async () => {
  await using standIn = await startZulipStandIn({ rateLimit: null });
  standIn.addUser({ id: 20, email: "other@inst.example" });
  standIn.addChannel("mentors", { subscribers: [9] });
  for (let i = 1; i <= 10; i++) await call(standIn, "/messages", dm(i % 2 ? "[8]" : "[20]", `m${i}`));
  await call(standIn, "/messages", { form: { type: "channel", to: "mentors", topic: "Late", content: "c11" } });
  const ids = async (query: Record<string, string>, narrow: unknown = []) => {
    const search = new URLSearchParams({ num_before: "0", num_after: "0", ...query, narrow: JSON.stringify(narrow) });
    const { body } = await call(standIn, `/messages?${search}`);
    if (body.result === "error") return body;
    return [
      (body.messages as { id: number }[]).map((message) => message.id).join(" "),
      body.found_oldest,
      body.found_newest,
    ];
  };
  const with8 = [{ operator: "dm", operand: [8] }, { operator: "sender", operand: 9 }];
  assert.deepEqual(await ids({ anchor: "newest", num_before: "3" }, with8), ["5 7 9", false, true]);
  assert.deepEqual(await ids({ anchor: "5", num_before: "3", include_anchor: "false" }, with8), ["1 3", true, false]);
  assert.deepEqual(await ids({ anchor: "5", num_before: "1", num_after: "1" }, with8), ["3 5 7", false, false]);
  assert.deepEqual(await ids({ anchor: "oldest", num_after: "2" }, with8), ["1 3", true, false]);
  assert.deepEqual(await ids({ anchor: "newest", num_before: "2" }, [{ operator: "is", operand: "dm" }]), [
    "9 10",
    false,
    true,
  ]);
  assert.deepEqual(await ids({ anchor: "newest", num_before: "9" }, [["pm-with", "other@inst.example"]]), [
    "2 4 6 8 10",
    true,
    true,
  ]);
  assert.deepEqual(
    await ids({ anchor: "newest", num_before: "9" }, [{ operator: "channel", operand: "mentors" }, {
      operator: "topic",
      operand: "late",
    }]),
    ["11", true, true],
  );
  assert.deepEqual(
    await ids({ anchor: "newest", num_before: "9" }, [{ operator: "is", operand: "dm", negated: true }]),
    [
      "11",
      true,
      true,
    ],
  );
  assert.deepEqual(
    await ids({ anchor: "newest" }, [{ operator: "dm", operand: [77] }]),
    error("BAD_NARROW", "Invalid narrow operator: unknown user in [77]", { desc: "unknown user in [77]" }),
  );
  assert.deepEqual(
    await ids({}, []),
    error("BAD_REQUEST", "Missing 'anchor' argument."),
  );
  standIn.realm.featureLevel = 176;
  assert.equal(
    (await ids({ anchor: "newest" }, [{ operator: "is", operand: "dm" }]) as { code: string }).code,
    "BAD_NARROW",
  );
});

Deno.test("stand-in finds a user by id and, from feature level 302, by the real address it may show", async () => {
  await using standIn = await startZulipStandIn({ featureLevel: 302 });
  standIn.addUser({ id: 20, email: "Seen@inst.example", emailVisibility: 2 });
  standIn.addUser({ id: 21, email: "hidden@inst.example", emailVisibility: 3 });
  const find = async (who: string) => (await call(standIn, `/users/${encodeURIComponent(who)}`)).body;
  assert.equal(((await find("seen@INST.example")).user as { user_id: number }).user_id, 20);
  assert.deepEqual(await find("hidden@inst.example"), error("BAD_REQUEST", "No such user"));
  assert.equal(((await find("21")).user as { delivery_email: null }).delivery_email, null);
  assert.equal(((await find("user21@zulip.example")).user as { user_id: number }).user_id, 21);
  standIn.realm.featureLevel = 301;
  assert.deepEqual(await find("seen@inst.example"), error("BAD_REQUEST", "No such user"));
});

Deno.test("stand-in fails as often as it is told, for the requests it is told", async () => {
  await using standIn = await startArmedStandIn({ rateLimit: null });
  standIn.addUser({ id: 20, email: "other@inst.example" });
  standIn.fault({ kind: "500_after_commit", times: 2, match: { toUserId: 20 } });
  standIn.fault({ kind: "401", match: { method: "GET", path: "/api/v1/users" } });
  const statuses = [];
  for (const to of ["[8]", "[20]", "[20]", "[20]"]) {
    statuses.push((await call(standIn, "/messages", dm(to, "x"))).status);
  }
  assert.deepEqual(statuses, [200, 500, 500, 200]);
  assert.equal(standIn.messages.length, 4);
  assert.equal((await call(standIn, "/users")).status, 401);
  assert.equal((await call(standIn, "/users")).status, 200);
  assert.deepEqual(standIn.faults.counts, { "500_after_commit": 2, "401": 1 });
  assert.deepEqual(standIn.requests.map((request) => request.fault).filter((kind) => kind !== null), [
    "500_after_commit",
    "500_after_commit",
    "401",
  ]);
});

Deno.test("stand-in fails at random in the same way for the same seed", async () => {
  const run = async (seed: number) => {
    await using standIn = await startArmedStandIn({ rateLimit: null });
    standIn.randomFaults({ seed, rate: 0.5, kinds: ["500_before_commit", "502_html", "429"] });
    const statuses = [];
    for (let i = 0; i < 30; i++) statuses.push((await call(standIn, "/messages", dm("[8]", "x"))).status);
    return statuses;
  };
  const first = await run(7);
  assert.deepEqual(await run(7), first);
  assert.notDeepEqual(await run(8), first);
  assert.ok(new Set(first).size >= 3, first.join(" "));
});

Deno.test("next() resolves with a message that is here, and with one that is yet to come; close() ends the wait", async () => {
  const standIn = await startZulipStandIn();
  const coming = standIn.next((message) => message.content === "later");
  await call(standIn, "/messages", dm("[8]", "now"));
  assert.equal((await standIn.next((message) => message.content === "now")).id, 1);
  await call(standIn, "/messages", dm("[8]", "later"));
  assert.equal((await coming).id, 2);
  const request = standIn.nextRequest((each) => each.path.endsWith("/users"));
  await call(standIn, "/users");
  assert.equal((await request).status, 200);
  const never = standIn.next(() => false);
  const ended = assert.rejects(never, /was closed/);
  await standIn.close();
  await ended;
});

Deno.test("the stand-in runs as a process that is controlled over HTTP and keeps its messages while stopped", async () => {
  const main = new URL("../support/stand_in/main.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-net=127.0.0.1", main, "--port", "0"],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) text += (await lines.read()).value ?? "";
    await lines.cancel();
    const at = JSON.parse(text) as
      & Record<"control_port" | "bot_id" | "owner_id", number>
      & Record<"site" | "email" | "key", string>;
    const control = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`http://127.0.0.1:${at.control_port}/_control${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return await response.text();
    };
    const post = (content: string, to: Record<string, string> = { type: "direct", to: "[8]" }) =>
      fetch(`${at.site}/api/v1/messages`, {
        method: "POST",
        headers: { Authorization: `Basic ${btoa(`${at.email}:${at.key}`)}` },
        body: new URLSearchParams({ ...to, content }),
      }).then(async (response) => {
        await response.text();
        return response.status;
      });
    assert.equal(await post("one"), 200);
    await control("POST", "/faults", { kind: "503_html" });
    assert.equal(await post("two"), 503);
    await control("POST", "/stop");
    await assert.rejects(post("three"));
    await control("POST", "/restart");
    assert.equal(await post("four"), 200);
    const messages = (await control("GET", "/messages")).trim().split("\n").map((line) => JSON.parse(line).content);
    assert.deepEqual(messages, ["one", "four"]);
    assert.deepEqual(JSON.parse(await control("GET", "/stats")), {
      messages: 2,
      requests: 3,
      last_id: 2,
      faults: { "503_html": 1 },
    });
    await control("POST", "/channels", { name: "Staff", isPrivate: true, subscribers: [at.owner_id] });
    await control("POST", "/subscribe", { channel: "Staff", userId: at.bot_id });
    assert.equal(await post("five", { type: "channel", to: "Staff", topic: "t" }), 200);
    assert.equal(await control("POST", "/resolve_topic", { channel: "Staff", topic: "t" }), '{"moved":1}');
    const moved = await control("POST", "/rename_topic", { channel: "Staff", from: "✔ t", to: "u" });
    assert.equal(moved, '{"moved":1}');
    assert.equal(JSON.parse((await control("GET", "/messages?after=2")).trim()).topic, "u");
    assert.match(await control("POST", "/subscribe", { channel: "nope", userId: 9 }), /has no channel/);
    assert.match(await control("POST", "/faults", { kind: "flood" }), /Unknown kind of fault/);
  } finally {
    process.kill();
    await process.status;
  }
});
