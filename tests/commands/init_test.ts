import assert from "node:assert/strict";
import { makePlace, PASSWORD, postgresServer } from "./lmsmon_place.ts";

Deno.test({
  ignore: postgresServer === null,
  name: "init tries each answer against the real thing, and writes a private file or nothing",
}, async () => {
  await using place = await makePlace({ state: "none" });
  const { folder } = place.home;
  await Deno.remove(`${folder}/config.yaml`);
  await Deno.writeTextFile(`${folder}/lms_password`, `${PASSWORD}\n`, { mode: 0o600 });
  const { site, bot } = place.zulip;
  const zuliprc = (key: string) =>
    Deno.writeTextFile(`${folder}/zuliprc`, `[api]\nemail=${bot.email}\nkey=${key}\nsite=${site}\n`);
  const flags = [
    "--lms-url",
    String(place.config["lms"]?.["url"]),
    "--lms-password-file",
    "lms_password",
    "--zuliprc",
    "zuliprc",
  ];

  await zuliprc("wrongwrongwrongwrongwrongwrongwr");
  const wrong = await place.home.run("init", ...flags);
  assert.equal(wrong.code, 4, wrong.err);
  assert.match(wrong.err, /Zulip does not work; nothing was written/);
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  assert.deepEqual(names().filter((name) => name.startsWith("config")), []);
  const asks = await place.home.run("init", "--zuliprc", "zuliprc");
  assert.deepEqual([asks.code, /--lms-url/.test(asks.err)], [2, true], asks.err);

  await zuliprc(bot.apiKey);
  const right = await place.home.run("init", ...flags);
  assert.equal(right.code, 0, right.err);
  assert.match(right.out, /✓ LMS: .*\n✓ Zulip: .*\n✓ State: .*\n\nWrote .*config\.yaml \(mode 600\)/);
  assert.match(right.out, /grant select on all tables in schema public to "lmsmon_ro";/);
  assert.equal((Deno.statSync(`${folder}/config.yaml`).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(names(), ["config.yaml", "lms_password", "zuliprc"]);
  assert.equal((await place.home.run("config", "--check")).code, 0);
  assert.match((await place.home.run("init", ...flags)).err, /it is there already/);
  assert.doesNotMatch(right.out + right.err, new RegExp(bot.apiKey));
});
