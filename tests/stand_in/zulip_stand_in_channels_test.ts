import assert from "node:assert/strict";
import { startZulipStandIn, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";

const BOT = 9;
const OWNER = 8;

type Body = Record<string, unknown>;

/** One call as the bot; a `form` is POSTed. */
async function call(standIn: ZulipStandIn, path: string, form?: Record<string, string>): Promise<Body> {
  const response = await fetch(`${standIn.site}/api/v1${path}`, {
    method: form === undefined ? "GET" : "POST",
    headers: { Authorization: `Basic ${btoa(`${standIn.bot.email}:${standIn.bot.apiKey}`)}` },
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  });
  return await response.json() as Body;
}

const say = (standIn: ZulipStandIn, channel: string, content: string, topic = "unmatched") =>
  call(standIn, "/messages", { type: "channel", to: JSON.stringify(channel), topic, content });

/** What the bot finds of its own, newest page, by a narrow. */
async function found(standIn: ZulipStandIn, ...terms: [operator: string, operand: unknown][]): Promise<unknown[]> {
  const narrow = [...terms, ["sender", BOT]].map(([operator, operand]) => ({ operator, operand }));
  const query = new URLSearchParams({
    anchor: "newest",
    num_before: "100",
    num_after: "0",
    apply_markdown: "false",
    narrow: JSON.stringify(narrow),
  });
  const body = await call(standIn, `/messages?${query}`);
  assert.equal(body.result, "success", JSON.stringify(body));
  return (body.messages as { content: string }[]).map((message) => message.content);
}

Deno.test("a private channel that only the bot's owner is in takes the bot's messages and shows it none", async () => {
  await using standIn = await startZulipStandIn({
    channels: [{ name: "Staff", isPrivate: true, subscribers: [OWNER] }],
  });
  assert.equal((await say(standIn, "Staff", "c1")).result, "success");
  assert.deepEqual(await found(standIn, ["channel", "Staff"]), []);
  standIn.realm.subscribe(BOT, "Staff");
  await say(standIn, "Staff", "c2");
  assert.deepEqual(await found(standIn, ["channel", "Staff"]), ["c2"], "only what came after it was subscribed");
  standIn.realm.unsubscribe(BOT, "Staff");
  assert.deepEqual(await found(standIn, ["channel", "Staff"]), [], "nor what it had got, once it has left");
});

Deno.test("a private channel with public history shows a subscribed bot what was sent before", async () => {
  await using standIn = await startZulipStandIn({
    channels: [{ name: "Staff", isPrivate: true, historyPublic: true, subscribers: [OWNER] }],
  });
  await say(standIn, "Staff", "c1");
  standIn.realm.subscribe(BOT, "Staff");
  assert.deepEqual(await found(standIn, ["channel", "Staff"]), ["c1"]);
});

Deno.test("a public channel needs no subscription, by channel; without naming the channel nothing is found there", async () => {
  await using standIn = await startZulipStandIn({ channels: [{ name: "open" }] });
  await say(standIn, "open", "c1");
  assert.deepEqual(await found(standIn, ["channel", "open"]), ["c1"]);
  assert.deepEqual(await found(standIn), [], "the bot got no copy of it");
  standIn.realm.setPrivate("open");
  assert.deepEqual(await found(standIn, ["channel", "open"]), [], "made private meanwhile");
});

Deno.test("after a topic was resolved, renamed or moved, channel and sender find what channel and topic do not", async () => {
  await using standIn = await startZulipStandIn({ channels: [{ name: "open" }, { name: "archive" }] });
  await say(standIn, "open", "c1");
  assert.deepEqual(await found(standIn, ["channel", "open"], ["topic", "unmatched"]), ["c1"]);
  assert.equal(standIn.realm.resolveTopic("open", "unmatched"), 1);
  assert.deepEqual(await found(standIn, ["channel", "open"], ["topic", "unmatched"]), []);
  assert.deepEqual(await found(standIn, ["channel", "open"]), ["c1"]);
  assert.equal(standIn.channelMessages("open")[0]?.topic, "✔ unmatched");
  await say(standIn, "open", "c2");
  assert.equal(standIn.realm.renameTopic("open", "unmatched", "people without an account"), 1);
  assert.deepEqual(await found(standIn, ["channel", "open"]), ["c1", "c2"]);
  standIn.realm.renameTopic("open", "✔ unmatched", "old", { toChannel: "archive" });
  assert.deepEqual(await found(standIn, ["channel", "open"]), ["c2"], "another channel is out of sight");
  assert.deepEqual(await found(standIn, ["channel", "archive"]), ["c1"]);
});

Deno.test("a bot asks which channels there are, of what kind, and whether it is in them", async () => {
  await using standIn = await startZulipStandIn({
    channels: [
      { name: "open", id: 3 },
      { name: "ours", id: 4, isPrivate: true, subscribers: [OWNER, BOT] },
      { name: "theirs", id: 5, isPrivate: true, subscribers: [OWNER] },
    ],
  });
  const names = (body: Body, list: string) =>
    (body[list] as { name: string; invite_only: boolean }[]).map(({ name, invite_only }) => [name, invite_only]);
  assert.deepEqual(names(await call(standIn, "/streams"), "streams"), [["open", false], ["ours", true]]);
  assert.deepEqual(names(await call(standIn, "/users/me/subscriptions"), "subscriptions"), [["ours", true]]);
  const all = await call(standIn, "/streams?include_owner_subscribed=true");
  assert.deepEqual(names(all, "streams").map(([name]) => name), ["open", "ours", "theirs"]);
  assert.equal((await call(standIn, "/get_stream_id?stream=Ours")).stream_id, 4);
  const refused = (msg: string) => ({ result: "error", msg, code: "BAD_REQUEST" });
  assert.deepEqual(await call(standIn, "/get_stream_id?stream=theirs"), refused("Invalid channel name 'theirs'"));
  assert.deepEqual(await call(standIn, "/streams/5"), refused("Invalid channel ID"));
  assert.equal(((await call(standIn, "/streams/4")).stream as { invite_only: boolean }).invite_only, true);
  for (const [channel, subscribed] of [[3, false], [4, true]] as const) {
    const body = await call(standIn, `/users/${BOT}/subscriptions/${channel}`);
    assert.deepEqual(body, { result: "success", msg: "", is_subscribed: subscribed });
  }
  assert.deepEqual(await call(standIn, `/users/${BOT}/subscriptions/5`), refused("Invalid channel ID"));
  const joined = await call(standIn, "/users/me/subscriptions", { subscriptions: '[{"name":"open"},{"name":"ours"}]' });
  assert.deepEqual(joined.subscribed, { [BOT]: ["open"] });
  assert.deepEqual(joined.already_subscribed, { [BOT]: ["ours"] });
  const kept = await call(standIn, "/users/me/subscriptions", { subscriptions: '[{"name":"theirs"}]' });
  assert.deepEqual(kept, refused("Unable to access channel (theirs)."));
});
