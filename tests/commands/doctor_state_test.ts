import assert from "node:assert/strict";
import postgres from "postgres";
import { lookIntoState } from "../../lib/app/doctor_state.ts";
import type { CommandContext } from "../../lib/app/command_context.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { openState } from "../../lib/state/open_state.ts";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null || Deno.build.os === "windows";
const isRoot = Deno.uid() === 0;

Deno.test(
  { ignore, name: "doctor says which state it would be, tries to write there, and makes nothing" },
  async () => {
    await using place = await makePlace({ state: "none" });
    const { code, out } = await place.home.run("doctor");
    assert.equal(code, 0, out);
    assert.match(
      out,
      /✓ state {9}there is none yet: the first command that stores something makes \S+\/state, where this user/,
    );
    assert.doesNotMatch(out, /migrated|can be written/);
    const left = [...Deno.readDirSync(place.home.folder)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name !== "config.yaml" && !name.startsWith(".")), []);
    assert.deepEqual(left.filter((name) => name.startsWith(".lmsmon")), []);
  },
);

Deno.test({ ignore, name: "doctor fails with 1 where no state can be made" }, async () => {
  await using place = await makePlace({ state: "none" });
  await place.configure({ state: { url: "pglite:/sys/lmsmon-state" } });
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 1, out);
  assert.match(out, /✗ state {9}Cannot open the state database in \/sys\/lmsmon-state: \/sys cannot be written: /);
});

Deno.test({
  ignore: ignore || !isRoot,
  name: "root neither opens nor makes a state in another user's place, and is told as whom to run",
}, async () => {
  await using place = await makePlace({ state: "none" });
  await Deno.mkdir(`${place.home.folder}/var`);
  await Deno.chown(`${place.home.folder}/var`, 1, 1);
  await place.configure({ state: { url: "pglite:./var/state" } });
  for (const command of ["doctor", "poll-once"]) {
    const { code, out, err } = await place.home.run(command);
    assert.equal(code, 1, out + err);
    assert.match(out + err, /that place belongs to the user \S+, who could not use what root writes there/);
    assert.match(out + err, /sudo -u \S+ lmsmon/);
  }
  assert.deepEqual([...Deno.readDirSync(`${place.home.folder}/var`)], []);
});

Deno.test(
  { ignore, name: "doctor writes to an embedded state and takes it back, also through its owner" },
  async () => {
    await using place = await makePlace({ state: "embedded" });
    const alone = await place.home.run("doctor");
    assert.match(alone.out, /✓ state {9}can be written in \S+\/state\n/);
    await using state = await openState({ url: `pglite:${place.home.folder}/state`, password: null });
    assert.deepEqual([...await state.sql`select name from lmsmon.facts where name = 'doctor'`], []);
    const beside = await place.home.run("doctor");
    assert.match(beside.out, /✓ state {9}can be written in \S+\/state, through the process that has it open\n/);
    assert.deepEqual([...await state.sql`select name from lmsmon.facts where name = 'doctor'`], []);
  },
);

Deno.test({ ignore, name: "doctor writes to a server's state and takes it back, and names who else may" }, async () => {
  await using place = await makePlace({ state: "server" });
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 0, out);
  assert.match(out, /✓ state {9}its server's clock agrees with this machine's\n/);
  assert.match(out, /✓ state {9}the role "\S+" can write there/);
  await using state = await openState({ url: place.stateUrl, password: null });
  assert.deepEqual([...await state.sql`select name from lmsmon.facts where name = 'doctor'`], []);
});

Deno.test({ ignore, name: "doctor fails with 1 on a state that is set to read only" }, async () => {
  await using place = await makePlace({ state: "server" });
  const database = new URL(place.stateUrl).pathname.slice(1);
  const sql = postgres(place.stateUrl, { max: 1 });
  await sql.unsafe(`alter database "${database}" set default_transaction_read_only = on`);
  await sql.end();
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 1, out);
  assert.match(out, /✗ state {9}Cannot write to the state database as "\S+": .*read-only.*\n\s+.*read only/);
});

Deno.test({ ignore, name: "doctor names a backlog that is overdue, and a full pass that did not come" }, async () => {
  await using place = await makePlace({ state: "server" });
  await place.configure({ notify: { max_age: null } });
  assert.equal((await place.home.run("poll-once")).code, 0);
  const first = await place.home.run("doctor");
  assert.match(first.out, /✓ state {9}not yet told: nothing\n/);
  assert.match(first.out, /✓ state {9}exam: last full pass \S+Z, the next one due \S+Z\n/);
  const { student } = await place.pair();
  const exam = await place.lms.writer.exam();
  await place.lms.writer.attempt({ user_id: student, exam_id: exam });
  assert.equal((await place.home.run("poll-once", "--no-notify")).code, 0);
  await using state = await openState({ url: place.stateUrl, password: null });
  await state.sql`update lmsmon.lms_event_logs set next_attempt_at = now() - interval '1 hour'`;
  await state.sql`update lmsmon.streams set last_full_pass_at = now() - interval '1 day'`;
  const { code, out } = await place.home.run("doctor");
  assert.equal(code, 0, out);
  assert.match(out, /! state {9}not yet told: 1 \w+; overdue by more than 10m: since \S+Z\n/);
  assert.match(out, /! state {9}exam: last full pass \S+Z, and nobody polls\n/);
  // On an LMS where nothing happens, passes are skipped by proof, and none of them is late.
  await state.sql`update lmsmon.poll_runs set skipped_full_pass = true`;
  const idle = await place.home.run("doctor");
  assert.match(
    idle.out,
    /✓ state {9}exam: last full pass \S+Z, and nothing committed since by \S+Z, the next one due \S+Z\n/,
  );
});

Deno.test({ ignore, name: "doctor warns of a state server whose clock is off by more than a minute" }, async () => {
  await using place = await makePlace({ state: "server" });
  const said: string[] = [];
  const findings = { ok: (text: string) => void said.push(`ok ${text}`), warn: (text: string) => void said.push(text) };
  await using db = await openState({ url: place.stateUrl, password: null }, { dryRun: true });
  // It stands still: whatever the answer takes is only time that the server has got on.
  const ahead = systemClock.now() + 300_000_000;
  const clock = { ...systemClock, now: () => ahead };
  const config = { state: { url: place.stateUrl, password: null } };
  await lookIntoState({ config, clock, log: logger("state") } as unknown as CommandContext, db, findings);
  assert.match(said[0] ?? "", /^the clock of its server is (5m|4m5\ds) behind this machine's$/);
});
