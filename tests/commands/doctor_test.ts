import assert from "node:assert/strict";
import { othersWhoRead, shutOut } from "../../lib/app/file_modes.ts";
import { makePlace, PASSWORD, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null || Deno.build.os === "windows";

Deno.test("othersWhoRead() counts everybody, and groups that are not a user's own", () => {
  const who = (mode: number, uid: number, gid: number) => othersWhoRead({ mode: 0o100000 | mode, uid, gid });
  assert.equal(who(0o644, 1000, 1000), "everybody");
  assert.equal(who(0o604, 0, 0), "everybody");
  assert.equal(who(0o640, 1000, 100), "its group");
  assert.equal(who(0o640, 1000, 1000), null);
  assert.equal(who(0o640, 0, 998), null);
  assert.equal(who(0o600, 1000, 100), null);
});

Deno.test("doctor's remedy leaves the service's group in: chmod 600 of root's file would shut the service out", () => {
  assert.equal(shutOut("/etc/lmsmon/config.yaml", { uid: 0, gid: 998 }), "chmod 640 /etc/lmsmon/config.yaml");
  assert.equal(shutOut("config.yaml", { uid: 0, gid: 0 }), "chmod 600 config.yaml");
  assert.equal(shutOut("config.yaml", { uid: 1000, gid: 100 }), "chmod 600 config.yaml");
});

Deno.test(
  { ignore, name: "doctor warns of a configuration, a zuliprc and password files that others may read" },
  async () => {
    await using place = await makePlace();
    const { folder } = place.home;
    await Deno.writeTextFile(`${folder}/zuliprc`, place.zulip.zuliprc(), { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/lms_password`, PASSWORD, { mode: 0o600 });
    await place.home.configure({
      ...place.config,
      lms: { url: place.config["lms"]?.["url"], password_file: "lms_password" },
      zulip: { config_file: "zuliprc" },
    });
    const files = ["config.yaml", "zuliprc", "lms_password"];
    for (const file of files) await Deno.chmod(`${folder}/${file}`, 0o600);
    const good = await place.home.run("doctor");
    assert.equal(good.code, 0, good.out);
    assert.ok(!good.out.includes("!"), good.out);
    for (const file of files) await Deno.chmod(`${folder}/${file}`, 0o644);
    const open = await place.home.run("doctor");
    assert.equal(open.code, 0, "a warning");
    for (const file of files) {
      assert.match(
        open.out,
        new RegExp(`! configuration everybody may read \\S+/${file}\\n\\s+chmod 600 \\S+/${file}\\n`),
      );
    }
  },
);

Deno.test({ ignore, name: "doctor names a configuration that is there, too, and not taken" }, async () => {
  await using place = await makePlace();
  const { folder } = place.home;
  await Deno.mkdir(`${folder}/.config/lmsmon`, { recursive: true });
  const other = `${folder}/.config/lmsmon/config.yaml`;
  await Deno.copyFile(`${folder}/config.yaml`, other);
  const { out } = await place.home.run("doctor");
  assert.match(
    out,
    new RegExp(`! configuration ${other} is there, too, and is not taken: \\S+ comes first\n\\s+--config ${other}\n`),
  );
});

Deno.test({ ignore, name: "doctor warns of a role that can write to the LMS" }, async () => {
  await using place = await makePlace();
  const quiet = await place.home.run("doctor");
  assert.doesNotMatch(quiet.out, /can write to the LMS/);
  await place.configure({ lms: { url: place.lms.config.url, password: place.lms.config.password?.reveal() ?? "" } });
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 0, out);
  assert.match(
    out,
    /! lms {11}the role of lms\.url can write to the LMS: it is a superuser\n\s+use a role that may only SELECT/,
  );
});

for (
  const [botType, what] of [[2, "an incoming webhook bot"], [3, "an outgoing webhook bot"], [
    4,
    "an embedded bot",
  ]] as const
) {
  Deno.test({ ignore, name: `doctor fails with 4 and says that the key is ${what}'s` }, async () => {
    await using place = await makePlace({ zulip: { bot: { botType } } });
    const { code, out } = await place.home.run("doctor");
    assert.equal(code, 4, out);
    assert.match(out, new RegExp(`✗ zulip .*${what}.*\\n\\s+Make a bot of type "Generic bot"`));
  });
}

Deno.test({ ignore, name: "doctor fails with 4 and says that the key is a person's" }, async () => {
  await using place = await makePlace();
  place.zulip.addUser({ id: 30, email: "person@inst.example", apiKey: "p".repeat(32) });
  await place.configure({ zulip: { email: "person@inst.example", api_key: "p".repeat(32) } });
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 4, out);
  assert.match(out, /✗ zulip .*it is a person's account/);
});
