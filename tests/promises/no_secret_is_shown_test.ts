import assert from "node:assert/strict";
import { PASSWORD } from "../commands/lmsmon_place.ts";
import { startZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { realMariaDb } from "../support/databases.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { makeLms } from "../support/lms/lms_database.ts";
import { createStateDirectory } from "../support/state/state_directory.ts";
import { readProc } from "../support/read_proc.ts";

const mariaDb = await realMariaDb();

Deno.test({
  ignore: mariaDb === null,
  name: "P7: no password or key in output, logs, errors, --json or the process list, also when they are refused",
}, async () => {
  await using lms = await makeLms(mariaDb, "p7");
  const user = `p7_${crypto.randomUUID().slice(0, 8)}`;
  const database = new URL(lms.config.url).pathname.slice(1);
  await lms.execute(`create user '${user}'@'%' identified by '${PASSWORD}'`);
  try {
    await lms.execute(`grant select on \`${database}\`.* to '${user}'@'%'`);
    await using zulip = await startZulipStandIn();
    const host = new URL(lms.config.url).host;
    const config = (password: string, key: string) => ({
      lms: { url: `mysql://${user}:${encodeURIComponent(password)}@${host}/${database}` },
      state: { url: "pglite:./state" },
      zulip: { site: zulip.site, email: zulip.bot.email, api_key: key },
      notify: { digest: { at: [] } },
    });
    await using home = await LmsmonHome.make(config(PASSWORD, zulip.bot.apiKey));
    await createStateDirectory(`${home.folder}/state`);
    const wrong = "wr0ng/Secret@word";
    const wrongKey = "w".repeat(31) + "1";
    const hidden = [
      PASSWORD,
      encodeURIComponent(PASSWORD),
      zulip.bot.apiKey,
      wrong,
      encodeURIComponent(wrong),
      wrongKey,
    ];
    const check = (text: string) =>
      hidden.forEach((secret) => assert.ok(!text.includes(secret), `a secret in: ${text}`));

    await using watcher = home.start("--log-level", "debug", "watch");
    await watcher.said(/First contact/);
    check(await readProc(`/proc/${watcher.pid}/cmdline`));
    const stopped = await watcher.stop();
    check(stopped.out + stopped.err);

    await home.configure(config(wrong, zulip.bot.apiKey));
    const refused = await home.run("--log-level", "debug", "poll-once", "--json");
    assert.equal(refused.code, 4, refused.err);
    assert.match(refused.err, /refused|denied/i);
    check(refused.out + refused.err);

    await lms.writer.student();
    await lms.writer.mentor();
    await lms.writer.link(1, 1);
    zulip.addUser({ email: "mentor1@institute.example", fullName: "Mentor 1" });
    const now = Temporal.Now.instant().toString().slice(0, 19).replace("T", " ");
    await lms.writer.attempt({ user_id: 1, state: "Completed", result: "Pass", date: now });
    await home.configure(config(PASSWORD, wrongKey));
    const unauthorized = await home.run("--log-level", "debug", "poll-once", "--json");
    assert.equal(unauthorized.code, 4, unauthorized.err);
    check(unauthorized.out + unauthorized.err);
  } finally {
    await lms.execute(`drop user '${user}'@'%'`);
  }
});
