import assert from "node:assert/strict";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;

Deno.test({
  ignore,
  name: "doctor checks the fallback channel: there, readable for the bot itself, and names the remedy",
}, async () => {
  await using place = await makePlace({
    zulip: {
      channels: [
        { name: "open" },
        { name: "Ours", isPrivate: true, subscribers: [8, 9] },
        { name: "theirs", isPrivate: true, subscribers: [8] },
      ],
    },
  });
  const look = async (channel: string) => {
    await place.configure({ notify: { fallback: { channel, topic: "unmatched" } } });
    const { out } = await place.home.run("doctor", "--json");
    const checks: { status: string; message: string; hint: string | null }[] = JSON.parse(out).checks;
    return checks.find((check) => check.message.includes("fallback channel"));
  };
  assert.deepEqual(await look("open"), {
    ...{ part: "zulip", status: "ok", message: 'the fallback channel "open" is public', hint: null },
  });
  assert.match((await look("ours"))?.message ?? "", /private and the bot is subscribed/);
  const theirs = await look("theirs");
  assert.deepEqual([theirs?.status, /bot is not subscribed/.test(theirs?.message ?? "")], ["warning", true]);
  assert.match(theirs?.hint ?? "", /subscribe the bot itself/);
  assert.match((await look("nope"))?.message ?? "", /is not there/);
});
