import assert from "node:assert/strict";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
const STOPPED = { SIGINT: 130, SIGTERM: 143 } as const;

/** Takes one connection and says nothing. */
function blackHole() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = listener.accept();
  return {
    port: listener.addr.port,
    taken,
    [Symbol.asyncDispose]: async () => {
      await taken.then((connection) => connection.close(), () => {});
      listener.close();
    },
  };
}

/** Waited for longer than any of this takes: it is not the connection's own time that ends anything here. */
const silentState = (port: number) => `postgres://lmsmon@127.0.0.1:${port}/lmsmon?connect_timeout=60`;

for (
  const { signal, part, commands } of [
    { signal: "SIGINT", part: "state", commands: ["poll-once", "poll-once --dry-run", "export-ai", "stats"] },
    { signal: "SIGTERM", part: "state", commands: ["release --list", "migrate", "migrate --status", "doctor"] },
    {
      signal: "SIGINT",
      part: "state",
      commands: ["insights", "consumers", "retry --dead --dry-run", "privacy erase 7 --reason-code left --dry-run"],
    },
    { signal: "SIGTERM", part: "zulip", commands: ["notify-test", "reconcile", "map-users --dry-run"] },
  ] as const
) {
  Deno.test(
    { ignore, name: `${signal} ends ${commands.join(", ")} although the ${part} does not answer, with its exit code` },
    async () => {
      await using place = await makePlace();
      await Promise.all(commands.map(async (command) => {
        await using hole = blackHole();
        const config = `${command.replaceAll(" ", "")}.yaml`;
        const changed = part === "state"
          ? { state: { url: silentState(hole.port) } }
          : { zulip: { ...place.config["zulip"], site: `http://127.0.0.1:${hole.port}`, request_timeout: "1m" } };
        await Deno.writeTextFile(`${place.home.folder}/${config}`, JSON.stringify({ ...place.config, ...changed }));
        await using process = place.home.start("--config", config, ...command.split(" "));
        await hole.taken;
        const { code, err } = await process.stop(signal);
        assert.equal(code, STOPPED[signal], `${command}: ${err}`);
        assert.match(err, new RegExp(`^stopped, goes on next time \\(${signal}\\)\nhint: `, "m"), command);
        assert.doesNotMatch(err, /error:|fault in lmsmon/, command);
        // Of a command that only looks nothing is kept, and there is no rest.
        const looks = /^(stats|doctor|insights|consumers)$|--(dry-run|list|status)/.test(command);
        assert.equal(/^hint: nothing was changed or written; run it again$/m.test(err), looks, `${command}: ${err}`);
      }));
    },
  );
}

Deno.test({ ignore, name: "watch that is stopped before a state has ever answered ends well, and soon" }, async () => {
  await using place = await makePlace();
  await Promise.all((["SIGTERM", "SIGINT"] as const).map(async (signal) => {
    await using hole = blackHole();
    const state = { url: silentState(hole.port) };
    await Deno.writeTextFile(`${place.home.folder}/${signal}.yaml`, JSON.stringify({ ...place.config, state }));
    await using process = place.home.start("--config", `${signal}.yaml`, "watch");
    await hole.taken;
    const { code, err } = await process.stop(signal);
    assert.equal(code, 0, err);
    // Before the connection's own time is over, after which it would have ended in any case.
    assert.match(err, /Stopped before it could begin: something did not answer/);
    assert.doesNotMatch(err, /error:/);
  }));
});

Deno.test(
  { ignore, name: "poll-once ends after the message in hand at ^C, and the next one tells the rest, each once" },
  async () => {
    await using place = await makePlace({ state: "embedded" });
    const exam = await place.lms.writer.exam();
    const pairs: Awaited<ReturnType<typeof place.pair>>[] = [];
    for (let i = 0; i < 30; i++) pairs.push(await place.pair());
    await place.home.run("poll-once");
    for (const [i, { student }] of pairs.entries()) {
      await place.lms.writer.attempt({
        id: i + 1,
        user_id: student,
        exam_id: exam,
        date: utcNow(),
        state: "Completed",
        result: "Pass",
        score: 148,
        percentage: 82,
      });
    }
    place.zulip.fault({ kind: "late_answer", times: pairs.length, delayMs: 2_000 });
    const first = place.zulip.next(() => true);
    await using process = place.home.start("poll-once");
    await first;
    const stopped = await process.stop("SIGINT");
    assert.equal(stopped.code, 130, stopped.err);
    assert.match(stopped.err, /stopped, goes on next time \(SIGINT\)/);
    assert.match(stopped.out, /event/);
    const sent = place.zulip.messages.length;
    assert(sent < pairs.length, `${sent} messages were sent`);
    place.zulip.clearFaults();
    const rest = await place.home.run("poll-once");
    assert.equal(rest.code, 0, rest.err);
    assert.equal(place.zulip.messages.length, pairs.length);
  },
);

Deno.test({
  ignore,
  name: "SIGHUP and reload have watch read its configuration again, and a wrong one changes nothing",
}, async () => {
  await using place = await makePlace();
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  watcher.kill("SIGHUP");
  await watcher.said(/Read the configuration again: nothing changed/);

  await place.configure({ notify: { gahter: "1s" } });
  watcher.kill("SIGHUP");
  await watcher.said(/the one before stays: .*gahter: unknown key/);
  const wrong = await place.home.run("reload");
  assert.deepEqual([wrong.code, /gahter: unknown key/.test(wrong.err)], [2, true], wrong.err);

  await place.configure({
    notify: { immediate: [], digest: { at: [], events: [] } },
    lms: { timezone: "Asia/Kolkata" },
  });
  const right = await place.home.run("reload", "--json");
  assert.equal(right.code, 0, right.err);
  const [answer] = JSON.parse(right.out).watches;
  assert.deepEqual(answer.changed, ["lms.timezone", "notify.immediate", "notify.digest.events"]);
  assert.deepEqual([answer.ok, answer.need_restart, answer.error], [true, ["lms.timezone"], null]);
  // Whoever asks need not be able to read the secrets: under systemd they may be root's alone.
  const closed = {
    lms: { url: place.config["lms"]?.["url"], password_file: "roots_alone" },
    state: place.config["state"],
    zulip: { config_file: "roots_alone" },
  };
  await Deno.writeTextFile(`${place.home.folder}/closed.yaml`, JSON.stringify(closed));
  const asked = await place.home.run("--config", "closed.yaml", "reload");
  assert.deepEqual([asked.code, /process \d+: /.test(asked.out)], [0, true], asked.err);
  assert.equal((await place.home.run("--config", "closed.yaml", "reload", "--dry-run")).code, 2);
  const { student } = await place.pair();
  const exam = await place.lms.writer.exam();
  await place.lms.writer.attempt({ id: 1, user_id: student, exam_id: exam, date: utcNow(), state: "Completed" });
  await watcher.said(/Found 1 event/);
  const { out } = await place.home.run("explain", "student", String(student));
  assert.match(out, /its type exam_completed was muted/);
  const { acts } = JSON.parse((await place.home.run("audit", "--json")).out);
  assert.match(acts.at(-2).effect, /notify\.immediate, notify\.digest\.events; lms\.timezone only after a restart/);
  assert.equal((await watcher.stop()).code, 0);
});

Deno.test({ ignore, name: "watch stays with enabled: false, says so, and polls nothing" }, async () => {
  await using place = await makePlace({ state: "none" });
  await place.configure({ enabled: false });
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/switched off \(enabled: false\): nothing is polled/);
  const { code, err } = await watcher.stop();
  assert.equal(code, 0, err);
  assert.deepEqual([...Deno.readDirSync(place.home.folder)].map(({ name }) => name), ["config.yaml"]);
});
