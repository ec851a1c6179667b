import assert from "node:assert/strict";
import { startZulipStandIn, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";

/** What a plain clone, without the recorded answers of a real server, can still hold the stand-in to. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

interface Request {
  readonly method?: string;
  readonly form?: Record<string, string>;
  /** `address:key`; default the bot's. */
  readonly login?: string;
}

async function call(standIn: ZulipStandIn, path: string, { method, form, login }: Request = {}): Promise<Answer> {
  const response = await fetch(`${standIn.site}/api/v1${path}`, {
    method: method ?? (form === undefined ? "GET" : "POST"),
    headers: {
      Authorization: `Basic ${btoa(login ?? `${standIn.bot.email}:${standIn.bot.apiKey}`)}`,
      "User-Agent": "lmsmon/1.0",
    },
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
}

function page(standIn: ZulipStandIn, query: Record<string, string>, narrow: readonly unknown[] = []): Promise<Answer> {
  return call(standIn, `/messages?${new URLSearchParams({ ...query, narrow: JSON.stringify(narrow) })}`);
}

const dm = (to: string, content: string, more: Record<string, string> = {}): Request => ({
  form: { type: "direct", to, content, ...more },
});
const refused = (msg: string) => ({ result: "error", msg, code: "BAD_REQUEST" });
const ids = ({ body }: Answer) => (body.messages as { id: number }[]).map(({ id }) => id);

Deno.test("a wrong organisation is a 400 on server_settings, and a 401 on everything else", async () => {
  await using standIn = await startZulipStandIn();
  standIn.realm.host = "institute.zulip.example";
  const settings = await call(standIn, "/server_settings");
  assert.deepEqual([settings.status, settings.body], [400, refused("Invalid subdomain")]);
  const me = await call(standIn, "/users/me");
  assert.deepEqual([me.status, me.body.msg], [401, "Account is not associated with this subdomain"]);
  standIn.realm.host = `127.0.0.1:${standIn.port}`;
  assert.equal((await call(standIn, "/users/me")).status, 200);
});

Deno.test("own messages are unread for the bot unless it says that it has read them", async () => {
  await using standIn = await startZulipStandIn();
  await call(standIn, "/messages", dm("[8]", "read", { read_by_sender: "true" }));
  await call(standIn, "/messages", dm("[8]", "unread"));
  const newest = { anchor: "newest", num_before: "10" };
  const all = await page(standIn, newest);
  assert.deepEqual((all.body.messages as { flags: string[] }[]).map(({ flags }) => flags), [["read"], []]);
  assert.deepEqual(ids(await page(standIn, newest, [{ operator: "is", operand: "unread" }])), [2]);
  assert.equal((await page(standIn, { anchor: "first_unread" })).body.anchor, 2);
  await call(standIn, "/messages/flags", { form: { messages: "[2]", op: "add", flag: "read" } });
  assert.deepEqual(ids(await page(standIn, newest, [{ operator: "is", operand: "unread" }])), []);
});

Deno.test("a refused call's reset is when the next one is free", async () => {
  let nowMs = 1_790_000_000_000;
  await using standIn = await startZulipStandIn({ nowMs: () => nowMs, rateLimit: { limit: 2, windowS: 60 } });
  await call(standIn, "/users/me");
  nowMs += 20_000;
  assert.equal((await call(standIn, "/users/me")).headers.get("X-RateLimit-Reset"), "1790000080");
  nowMs += 10_000;
  const limited = await call(standIn, "/users/me");
  assert.deepEqual(
    ["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining"].map((name) => limited.headers.get(name)),
    ["30", "1790000060", "0"],
  );
  const events = await call(standIn, "/events?queue_id=q");
  assert.deepEqual([events.status, events.body.code], [400, "BAD_EVENT_QUEUE_ID"], "events are counted by themselves");
});

Deno.test("found_oldest is false while a page is full, and where nothing older was asked for", async () => {
  await using standIn = await startZulipStandIn();
  for (let i = 1; i <= 3; i++) await call(standIn, "/messages", dm("[8]", `m${i}`));
  const oldest = async (query: Record<string, string>) => (await page(standIn, query)).body.found_oldest;
  assert.equal(await oldest({ anchor: "newest", num_before: "3" }), false);
  assert.equal(await oldest({ anchor: "newest", num_before: "4" }), true);
  assert.equal(await oldest({ anchor: "1", num_before: "1" }), true);
  assert.equal(await oldest({ anchor: "2", num_after: "5" }), false);
  assert.equal(await oldest({ anchor: "oldest", num_after: "5" }), true);
});

Deno.test("the anchor that stands for the newest is beyond what JavaScript counts exactly", async () => {
  await using standIn = await startZulipStandIn();
  assert.equal((await page(standIn, { anchor: "newest" })).body.anchor, 10 ** 16);
  assert.ok(!Number.isSafeInteger((await page(standIn, { anchor: "newest" })).body.anchor));
  assert.equal((await page(standIn, { anchor: "-5" })).body.anchor, 0);
  assert.deepEqual((await page(standIn, { num_before: "1" })).body, refused("Missing 'anchor' argument."));
  assert.deepEqual((await page(standIn, { anchor: "1.5" })).body, refused("Invalid anchor"));
  assert.deepEqual(
    (await page(standIn, { anchor: "5", num_before: "1", num_after: "1", include_anchor: "false" })).body,
    refused("The anchor can only be excluded at an end of the range"),
  );
});

Deno.test("recipients are a list, and a channel message has a topic", async () => {
  await using standIn = await startZulipStandIn({ channels: [{ name: "open" }] });
  const answers: [Record<string, string>, string][] = [
    [{ type: "direct", to: "8" }, "Invalid data type for recipients"],
    [{ type: "direct", to: "[8.5]" }, "Invalid data type for recipients"],
    [{ type: "direct" }, "Message must have recipients"],
    [{ type: "channel", topic: "t" }, "Missing channel"],
    [{ type: "channel", to: "open" }, "Missing topic"],
  ];
  for (const [form, msg] of answers) {
    assert.deepEqual((await call(standIn, "/messages", { form: { ...form, content: "x" } })).body, refused(msg));
  }
  assert.equal(standIn.messages.length, 0);
});

Deno.test("an answer names the parameters that were not understood, from feature level 167 on", async () => {
  await using standIn = await startZulipStandIn();
  const { body } = await call(standIn, "/messages", dm("[8]", "x", { idempotency: "k" }));
  assert.deepEqual(body.ignored_parameters_unsupported, ["idempotency"]);
  standIn.realm.featureLevel = 166;
  const older = await call(standIn, "/messages", { form: { type: "private", to: "[8]", content: "x", foo: "1" } });
  assert.deepEqual(Object.keys(older.body), ["result", "msg", "id"]);
});

Deno.test("HEAD answers without a body, and a method that is not there is JSON called HTML", async () => {
  await using standIn = await startZulipStandIn();
  const head = await call(standIn, "/users/me", { method: "HEAD" });
  assert.deepEqual([head.status, head.body], [200, {}]);
  const put = await call(standIn, "/messages", { method: "PUT" });
  assert.equal(put.headers.get("Content-Type"), "text/html; charset=utf-8");
  assert.deepEqual(put.body.allowed_methods, ["GET", "POST", "HEAD"]);
});

Deno.test("a member bot sees no address that is shown to administrators only; users come in no order", async () => {
  const people = [20, 21, 22].map((id) => ({ id, email: `u${id}@inst.example`, emailVisibility: 3 as const }));
  await using standIn = await startZulipStandIn({ users: people });
  const seen = async () => {
    const members = (await call(standIn, "/users")).body.members as {
      user_id: number;
      delivery_email: string | null;
    }[];
    return members.filter(({ user_id }) => user_id >= 20).map(({ delivery_email }) => delivery_email);
  };
  assert.deepEqual(await seen(), [null, null, null]);
  standIn.bot.role = 200;
  assert.deepEqual(await seen(), ["u22@inst.example", "u21@inst.example", "u20@inst.example"]);
});

Deno.test("where direct messages are off, a bot still sends them and people still answer it", async () => {
  const mentor = { id: 20, email: "mentor@inst.example", apiKey: "m".repeat(32) };
  await using standIn = await startZulipStandIn({ users: [mentor] });
  standIn.realm.directMessages = "nobody";
  assert.equal((await call(standIn, "/messages", dm("[20]", "result"))).status, 200);
  const login = `${mentor.email}:${mentor.apiKey}`;
  assert.equal((await call(standIn, "/messages", { ...dm("[9]", "help"), login })).status, 200);
  const toOwner = await call(standIn, "/messages", { ...dm("[8]", "hello"), login });
  assert.deepEqual(toOwner.body, refused("Direct messages are disabled in this organization."));
});
