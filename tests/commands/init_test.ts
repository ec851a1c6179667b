import assert from "node:assert/strict";
import { join } from "node:path";
import { configText, grants } from "../../lib/app/init_words.ts";
import { loadConfig } from "../../lib/config/load_config.ts";
import { type LmsmonPlace, makePlace, PASSWORD, postgresServer } from "./lmsmon_place.ts";

/** The LMS's address for a role that the server does not have. */
function strangersUrl(place: LmsmonPlace): string {
  const url = new URL(String(place.config["lms"]?.["url"]));
  url.username = "stranger";
  return url.href;
}

Deno.test("init's grants are for the role, database and schemas that the address says, however they are spelled", () => {
  assert.deepEqual(
    grants(`postgres://h1,h2:5433/${encodeURIComponent('The "LMS"')}?user=O'Neil&schema=Lms Data,"x,y"`),
    [
      `create role "O'Neil" login password '…';`,
      `grant connect on database "The ""LMS""" to "O'Neil";`,
      `grant usage on schema "Lms Data", "x,y" to "O'Neil";`,
      `grant select on all tables in schema "Lms Data", "x,y" to "O'Neil";`,
    ],
  );
  assert.deepEqual(grants("mariadb://o'neil@lms.example.org/moodle_prod"), [
    "create user 'o''neil'@'%' identified by '…';",
    "grant select on `moodle\\_prod`.* to 'o''neil'@'%';",
  ]);
  assert.match(grants("postgres://ro@lms/lms")[2] ?? "", /grant usage on schema public to "ro"/);
  assert.match(grants("nonsense").join(), /"lms_readonly"/);
});

Deno.test("init's answers are read as they were typed, but for a variable at the beginning of a path", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_init_" });
  try {
    await Deno.writeTextFile(join(folder, "lms_${NAME}"), "secret of a strange file\n");
    await Deno.writeTextFile(join(folder, "state$${NAME:-x}"), "secret of another\n");
    const text = configText({
      lmsUrl: "postgres://ro@lms.example/${NAME}$${$",
      lmsPasswordFile: join(folder, "lms_${NAME}"),
      stateUrl: "postgres://lmsmon@db.example/state${",
      statePasswordFile: "${FOLDER:-/nowhere}/state$${NAME:-x}",
      zuliprc: "a folder ${NAME} with a name that is so long that it would not fit one line of a file/zuliprc",
      timezone: "Asia/Kolkata",
    });
    const config = await loadConfig({
      flag: undefined,
      env: { NAME: "name", FOLDER: folder },
      cwd: "/",
      home: null,
      file: { path: "/config.yaml", label: "config.yaml", text },
      needs: ["lms", "state"],
    });
    assert.equal(decodeURIComponent(new URL(config.lms.url).pathname), "/${NAME}$${$");
    assert.equal(decodeURIComponent(new URL(config.state.url).pathname), "/state${");
    assert.equal(config.lms.password?.reveal(), "secret of a strange file");
    assert.equal(config.state.password?.reveal(), "secret of another");
    assert.equal(
      config.effective?.find(({ key }) => key === "zulip.config_file")?.value,
      join(Deno.cwd(), "a folder ${NAME} with a name that is so long that it would not fit one line of a file/zuliprc"),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

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
  assert.match(wrong.out, /In Zulip, the bot:\n\n {2}Personal settings > Bots/);
  const stranger = await place.home.run("init", "--lms-url", strangersUrl(place), "--zuliprc", "zuliprc");
  assert.match(stranger.out, /create role "stranger"[^]*grant select on all tables in schema public to "stranger";/);
  const moodle = new URL(String(place.config["lms"]?.["url"]));
  moodle.searchParams.set("schema", "pg_catalog"); // whatever is no Testpress
  const other = await place.home.run("init", "--lms-url", moodle.href, ...flags.slice(2));
  assert.equal(other.code, 1, other.err);
  assert.match(other.err, /init configures a Testpress LMS; for Moodle or a mapping of your own write lms\.preset/);
  const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  assert.deepEqual(names().filter((name) => name.startsWith("config")), []);
  const asks = await place.home.run("init", "--zuliprc", "zuliprc");
  assert.deepEqual([asks.code, /--lms-url/.test(asks.err)], [2, true], asks.err);

  await zuliprc(bot.apiKey);
  const right = await place.home.run("init", ...flags);
  assert.equal(right.code, 0, right.err);
  assert.match(right.out, /✓ LMS: .*\n✓ State: .*\n✓ Zulip: .*\n✓ Time zone: .*\n\nWrote .*config\.yaml \(mode 600\)/);
  assert.match(right.out, /grant select on all tables in schema public to "lmsmon_ro";/);
  assert.equal((Deno.statSync(`${folder}/config.yaml`).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(names(), ["config.yaml", "lms_password", "zuliprc"]);
  assert.equal((await place.home.run("config", "--check")).code, 0);
  assert.match((await place.home.run("init", ...flags)).err, /it is there already/);
  assert.doesNotMatch(right.out + right.err, new RegExp(bot.apiKey));
});

Deno.test({
  ignore: postgresServer === null,
  name: "init on a terminal asks again for what does not work, and ^C leaves nothing",
}, async () => {
  await using place = await makePlace({ state: "none" });
  const { folder } = place.home;
  await Deno.remove(`${folder}/config.yaml`);
  await Deno.writeTextFile(`${folder}/right`, `${PASSWORD}\n`, { mode: 0o600 });
  const { site, bot } = place.zulip;
  const zuliprc = (name: string, key: string) =>
    Deno.writeTextFile(`${folder}/${name}`, `[api]\nemail=${bot.email}\nkey=${key}\nsite=${site}\n`, { mode: 0o600 });
  await zuliprc("zuliprc", bot.apiKey);
  await zuliprc("oldrc", "wrongwrongwrongwrongwrongwrongwr");
  const before = [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
  const lmsUrl = String(place.config["lms"]?.["url"]);

  {
    await using terminal = place.home.onTerminal("init");
    await terminal.answer(/Address of the LMS database.*: $/, strangersUrl(place));
    await terminal.answer(/File with its password.*: $/, "");
    await terminal.sees(/grant select on all tables in schema public to "stranger";[^]*✗ .*Once more/s);
    await terminal.answer(/Address of the LMS database.*\[postgres:.*\]: $/, lmsUrl);
    await terminal.answer(/File with its password.*: $/, "right");
    await terminal.answer(/✓ LMS: [^]*State database.*: $/s, "postgres://nobody@127.0.0.1:1/nothing");
    await terminal.answer(/File with its password.*: $/, "");
    await terminal.sees(/create database lmsmon owner lmsmon;[^]*✗ /s);
    await terminal.answer(/State database.*: $/, "");
    await terminal.answer(/✓ State: embedded[^]*The bot's zuliprc: $/s, "oldrc");
    await terminal.sees(/Personal settings > Bots[^]*✗ /s);
    await terminal.answer(/The bot's zuliprc \[oldrc\]: $/, "zuliprc");
    await terminal.answer(/✓ Zulip: the bot is user \d+[^]*Time zone.*\[Asia\/Kolkata\]: $/s, "Mars/Base");
    await terminal.sees(/✗ .*Mars\/Base/s);
    assert.deepEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(),
      before,
      "nothing before the last answer",
    );
    await terminal.answer(/Time zone.*: $/s, "Europe/Berlin");
    await terminal.sees(/Wrote .*config\.yaml \(mode 600\)/);
    assert.equal(await terminal.ended(), 0);
    assert.doesNotMatch(terminal.text, new RegExp(bot.apiKey));
  }
  assert.match(await Deno.readTextFile(`${folder}/config.yaml`), /timezone: Europe\/Berlin/);
  assert.equal((Deno.statSync(`${folder}/config.yaml`).mode ?? 0) & 0o777, 0o600);
  assert.equal((await place.home.run("config", "--check")).code, 0);

  await using terminal = place.home.onTerminal("init", "--out", "other.yaml");
  await terminal.answer(/Address of the LMS database.*: $/, lmsUrl);
  await terminal.answer(/File with its password.*: $/, "right");
  await terminal.answer(/✓ LMS: [^]*State database.*: $/s, "\x03", "");
  assert.equal(await terminal.ended(), 130, terminal.text);
  assert.deepEqual(
    [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted(),
    [...before, "config.yaml"].toSorted(),
  );
});
