import assert from "node:assert/strict";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { NotifyTestOptions } from "../../lib/app/command_options.ts";
import { runNotifyTest } from "../../lib/app/notify_test.ts";
import type { Config, ZulipConfig } from "../../lib/config/config.ts";
import { startZulipStandIn, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { markersIn } from "../../lib/model/marker.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { LmsmonError, ZulipError } from "../../lib/base/errors.ts";
import { logger } from "../../lib/base/log.ts";
import { createOutput } from "../../lib/base/output.ts";
import { Secret } from "../../lib/base/secrets.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { standInConfig, zulipConfig } from "../support/zulip.ts";

const NO_FLAGS: NotifyTestOptions = { to: null, event: null, dryRun: false, json: false };
const never = new AbortController().signal;

/** Runs the command on a given Zulip and returns what it printed. */
async function run(zulip: ZulipConfig, options: Partial<NotifyTestOptions> = {}): Promise<string> {
  let printed = "";
  const write = (chunk: Uint8Array) => {
    printed += new TextDecoder().decode(chunk);
    return chunk.length;
  };
  const config = {
    zulip,
    notify: { timezone: "Asia/Kolkata" },
    source: { links: { exam_attempt: "https://inst.example/a/{attempt_id}" } },
  } as unknown as Config; // the command needs no more of it
  const context: CommandContext = {
    config,
    stop: { soft: never, hard: never },
    clock: systemClock,
    out: createOutput({ writeSync: write, write: (chunk) => Promise.resolve(write(chunk)), isTerminal: () => false }),
    log: logger(),
  };
  const code = await runNotifyTest(context, { ...NO_FLAGS, ...options });
  assert.equal(code ?? 0, 0);
  return printed;
}

async function errorOf(zulip: ZulipConfig, options: Partial<NotifyTestOptions> = {}): Promise<LmsmonError> {
  try {
    await run(zulip, options);
  } catch (error) {
    assert.ok(error instanceof LmsmonError, String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

const onlyMessage = (standIn: ZulipStandIn) => {
  assert.equal(standIn.messages.length, 1);
  return standIn.messages[0]?.content ?? "";
};

Deno.test("notify-test sends one labelled message to the bot's owner and prints its id and what it learnt", async () => {
  await using standIn = await startZulipStandIn({ firstMessageId: 42 });
  const printed = await run(standInConfig(standIn));
  assert.match(onlyMessage(standIn), /^🔔 \*\*Test message from lmsmon\*\*/);
  assert.equal(standIn.dmsTo(8).length, 1);
  assert.equal(
    printed,
    `Sent message 42 to Realm Owner (user 8)

Server      Zulip 11.0, feature level 421, Zulip stand-in, ${standIn.site}
Bot         LMS monitor (user 9), generic bot, member, owned by user 8
Addresses   1 of 1 people's are visible to it
Rate limit  196 of 200 calls left
`,
  );
});

Deno.test("notify-test --json prints one object with the same", async () => {
  await using standIn = await startZulipStandIn({ rateLimit: null });
  const report = JSON.parse(await run(standInConfig(standIn), { json: true }));
  assert.deepEqual({ ...report, content: "" }, {
    schema: 1,
    command: "notify-test",
    dry_run: false,
    message_id: 1,
    to: { user_id: 8, name: "Realm Owner" },
    event_type: null,
    content: "",
    server: { site: standIn.site, version: "11.0", feature_level: 421, organization: "Zulip stand-in" },
    bot: { user_id: 9, name: "LMS monitor", type: "generic bot", role: "member", owner_id: 8 },
    addresses: { visible: 1, hidden: 0 },
    rate_limit: null,
    warnings: [],
  });
  assert.equal(report.content, onlyMessage(standIn));
});

Deno.test("notify-test --dry-run shows the message and sends nothing", async () => {
  await using standIn = await startZulipStandIn();
  const printed = await run(standInConfig(standIn), { dryRun: true });
  assert.match(printed, /^Would send to Realm Owner \(user 8\):\n {2}🔔 \*\*Test message/);
  assert.equal(standIn.messages.length, 0);
});

Deno.test("notify-test --to takes an id and an address, however it is written", async () => {
  await using standIn = await startZulipStandIn();
  const mentor = standIn.addUser({ email: "Mentor@inst.example" });
  await run(standInConfig(standIn), { to: " mentor@INST.example " });
  await run(standInConfig(standIn), { to: String(mentor.id) });
  assert.equal(standIn.dmsTo(mentor.id).length, 2);
});

Deno.test("notify-test --to says why nobody can be told, without repeating the address", async () => {
  await using standIn = await startZulipStandIn();
  standIn.addUser({ id: 20, email: "hidden@inst.example", emailVisibility: 3 });
  standIn.addUser({ id: 21, email: "gone@inst.example", isActive: false });
  const hidden = await errorOf(standInConfig(standIn), { to: "hidden@inst.example" });
  assert.equal(hidden.exitCode, 2);
  assert.match(`${hidden.message} | ${hidden.hint}`, /Cannot find a Zulip user .* hides from the bot .* user id/);
  assert.ok(!`${hidden.message}${hidden.hint}`.includes("hidden@"));
  assert.match((await errorOf(standInConfig(standIn), { to: "77" })).message, /Cannot find a Zulip user with id 77/);
  assert.match((await errorOf(standInConfig(standIn), { to: "gone@inst.example" })).message, /user 21: .* deactivated/);
  await using ownerless = await startZulipStandIn({ bot: { ownerId: null } });
  assert.match(
    (await errorOf(standInConfig(ownerless))).message,
    /Cannot choose a recipient: this Zulip account has no owner/,
  );
  assert.equal(standIn.messages.length, 0);
});

for (const event of EVENT_TYPES) {
  Deno.test(`notify-test --event ${event} sends a sample that says that it is made up and that no look-up mistakes for a real one`, async () => {
    await using standIn = await startZulipStandIn();
    await run(standInConfig(standIn), { event });
    const content = onlyMessage(standIn);
    assert.match(content.split("\n")[0] ?? "", new RegExp(`Test message from lmsmon.*\`${event}\`.*made up`));
    assert.match(content, /Student 17/);
    assert.deepEqual(markersIn(content), []);
    assert.ok(!/inst\.example\/a\/[1-9]/.test(content), content);
  });
}

for (
  const [botType, what] of [[2, "an incoming webhook bot"], [3, "an outgoing webhook bot"], [
    4,
    "an embedded bot",
  ]] as const
) {
  Deno.test(`notify-test ends with 4 and says that the key is ${what}'s; nothing is sent`, async () => {
    await using standIn = await startZulipStandIn({ bot: { botType } });
    const error = await errorOf(standInConfig(standIn));
    assert.equal(error.exitCode, 4);
    assert.match(error.message, new RegExp(what));
    assert.match(error.hint ?? "", /Generic bot/);
    assert.equal(standIn.messages.length, 0);
  });
}

Deno.test("notify-test ends with 4 and says that the key is a person's; nothing is sent", async () => {
  await using standIn = await startZulipStandIn();
  standIn.addUser({ id: 30, email: "person@inst.example", apiKey: "p".repeat(32) });
  const error = await errorOf({
    ...standInConfig(standIn),
    email: "person@inst.example",
    apiKey: new Secret("p".repeat(32)),
  });
  assert.equal(error.exitCode, 4);
  assert.match(error.message, /user 30 .* it is a person's account/);
  assert.match(error.hint ?? "", /Generic bot/);
  assert.equal(standIn.messages.length, 0);
});

Deno.test("notify-test warns of a bot that is a guest, and of hidden addresses", async () => {
  await using standIn = await startZulipStandIn({ bot: { role: 600 } });
  for (let i = 0; i < 3; i++) standIn.addUser({ email: `m${i}@inst.example`, emailVisibility: 2 });
  const printed = await run(standInConfig(standIn));
  assert.match(printed, /generic bot, guest/);
  assert.match(printed, /Addresses {3}1 of 4 people's are visible/);
  assert.match(printed, /Warning {5}the bot is a guest/);
  assert.match(printed, /Warning {5}3 people hide their real address .* users\.overrides/);
});

Deno.test("notify-test ends with 4 when Zulip is away, refuses the key or refuses the message, and with 2 for a wrong site", async () => {
  const standIn = await startArmedStandIn();
  const config = standInConfig(standIn);
  standIn.fault({ kind: "429", retryAfterS: 28.7 });
  const limited = await errorOf(config);
  assert.equal(limited.exitCode, 4);
  assert.match(limited.message, /rate limit, free again in 29 s/);
  standIn.fault({ kind: "500_after_commit" });
  assert.match(`${(await errorOf(config)).hint}`, /Look into the conversation/);
  standIn.rotateBotKey();
  const refused = await errorOf(config);
  assert.ok(refused instanceof ZulipError && refused.reason === "refused");
  assert.equal(refused.exitCode, 4);
  await standIn.close();
  const away = await errorOf(config);
  assert.equal(away.exitCode, 4);
  assert.match(away.message, /Cannot read server_settings from Zulip at http:\/\/127\.0\.0\.1:\d+: cannot connect/);
  assert.equal((await errorOf(zulipConfig({ site: "http://zulip.example.org" }))).exitCode, 2);
});

Deno.test("P7: notify-test prints names harmlessly and never the key", async () => {
  await using standIn = await startZulipStandIn();
  standIn.owner.fullName = "Owner \u001b[31mred\u202e";
  const config = standInConfig(standIn);
  const printed = await run(config) + await run(config, { json: true });
  assert.ok(!printed.includes("\u001b") && !printed.slice(0, 60).includes("\u202e"), printed);
  assert.ok(!printed.includes(standIn.bot.apiKey));
});
