import assert from "node:assert/strict";
import { type LmsmonPlace, makePlace, postgresServer } from "./lmsmon_place.ts";
import { StateError } from "../../lib/base/errors.ts";
import { nameStateTroubleOfCommand } from "../../lib/state/state_errors.ts";
import { withPostgres } from "../support/databases.ts";
import { onServer } from "../support/state/server_state.ts";

const ignore = postgresServer === null;
const utcNow = () => Temporal.Now.instant().toString().slice(0, 19).replace("T", " ");

/** News, and the promise that Zulip hears it. */
async function news(place: LmsmonPlace, id: number): Promise<{ readonly told: Promise<unknown> }> {
  const mentor = await place.lms.writer.mentor();
  place.zulip.addUser({ email: `mentor${mentor}@institute.example`, fullName: `Mentor ${mentor}` });
  const told = place.zulip.next((message) => message.content.includes(`a${id} `));
  await place.lms.writer.student({ id: 9000 + id, display_name: `a${id} b` });
  await place.lms.writer.link(Number(mentor), 9000 + id);
  const exam_id = await place.lms.writer.exam();
  await place.lms.writer.attempt({ id, user_id: 9000 + id, exam_id, date: utcNow(), state: "Completed" });
  return { told };
}

/** A file system of its own for the embedded state, and files that use it up; `null` where none can be mounted. */
async function smallDisk(options: string) {
  const path = await Deno.makeTempDir({ prefix: "lmsmon-disk-" });
  const run = (program: string, ...args: string[]) =>
    new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
  if (Deno.uid() !== 0 || !(await run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)).success) {
    await Deno.remove(path);
    return null;
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run("umount", "-l", path);
      await Deno.remove(path);
    },
  };
}

Deno.test({ ignore, name: "watch ends with an error when its state's directory is deleted under it" }, async () => {
  await using place = await makePlace({ state: "embedded" });
  await using watcher = place.home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  // Stopped meanwhile: a file that it makes in a directory which was just emptied would keep that from being removed.
  watcher.kill("SIGSTOP");
  await Deno.remove(`${place.home.folder}/state`, { recursive: true });
  watcher.kill("SIGCONT");
  const { code, err } = await watcher.finished;
  assert.equal(code, 1, err);
  assert.match(err, /^error: Cannot go on with the state database in .*: it was deleted while lmsmon used it\nhint: /m);
  assert.doesNotMatch(err, /Stopped cleanly/);
});

Deno.test(
  { ignore, name: "watch tells again when a state on a server was read-only and is not any more" },
  async () => {
    await using place = await makePlace({ state: "server" });
    const database = new URL(place.stateUrl).pathname.slice(1);
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    const setReadOnly = (word: string) =>
      onServer(async (sql) => {
        await sql.unsafe(`alter database ${database} set default_transaction_read_only = ${word}`);
        // Sessions keep what they began with.
        await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${database} and ${word} = 'on'`;
      });
    await setReadOnly("on");
    await watcher.said(/it is read-only now/);
    const { told } = await news(place, 1);
    await setReadOnly("off");
    await told;
    assert.equal((await watcher.stop()).code, 0);
  },
);

Deno.test(
  { ignore, name: "a full disk is named with path and space, and watch goes on when there is room" },
  async () => {
    await using disk = await smallDisk("size=200m");
    if (disk === null) return; // only root may mount one
    await using place = await makePlace({ state: "none" });
    await place.configure({ state: { url: `pglite:${disk.path}/state` } });
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    await fill(`${disk.path}/filler`);
    const first = await news(place, 1);
    await watcher.said(/the disk is full: \d+ MB of \d+ MB free/);
    await Deno.remove(`${disk.path}/filler`);
    await first.told;
    assert.equal((await watcher.stop()).code, 0);
    await fill(`${disk.path}/filler`);
    for (const command of ["stats", "poll-once", "migrate"]) {
      const { code, err } = await place.home.run(command);
      assert.equal(code, 1, err);
      assert(err.startsWith(`error: Cannot use the state database in ${disk.path}/state: the disk is full: `), err);
    }
    await place.configure({ state: { url: `pglite:${disk.path}/another` } });
    assert.match((await place.home.run("migrate")).err, /the disk is full: .* a new database needs 64 MB/);
  },
);

Deno.test(
  { ignore, name: "watch tells again when inodes were used up under its state and are free again" },
  async () => {
    await using disk = await smallDisk("size=400m,nr_inodes=1150");
    if (disk === null) return; // only root may mount one
    await using place = await makePlace({ state: "none" });
    await place.configure({ state: { url: `pglite:${disk.path}/state` } });
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    await Deno.mkdir(`${disk.path}/many`);
    for (let i = 0; await Deno.create(`${disk.path}/many/${i}`).then((file) => (file.close(), true), () => false); i++);
    const told: Promise<unknown>[] = [];
    for (let id = 1; id <= 3; id++) told.push((await news(place, id)).told);
    await Deno.remove(`${disk.path}/many`, { recursive: true });
    told.push((await news(place, 4)).told);
    await Promise.all(told);
    assert.equal((await watcher.stop()).code, 0);
  },
);

async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const block = new Uint8Array(1 << 20);
  for (;;) {
    try {
      await file.write(block);
    } catch {
      return; // full
    }
  }
}

for (
  const [how, said] of [["terminate", /Cannot reach the state database postgres:.*: terminating connection/], [
    "cancel",
    /Cannot go on with the state database postgres:.*: canceling statement/,
  ]] as const
) {
  Deno.test(
    { ignore, name: `a statement of the state that an administrator ends (${how}) is no fault of lmsmon` },
    async () => {
      await using place = await makePlace({ state: "server" });
      await withPostgres(place.stateUrl, (sql) =>
        sql.begin(async (tx) => {
          await tx.unsafe("lock table lmsmon.lms_event_logs in access exclusive mode");
          await using stats = place.home.start("stats");
          let ended = 0;
          while (ended === 0) {
            ended = await withPostgres(place.stateUrl, async (other) =>
              (await other.unsafe(`select pg_${how}_backend(pid) from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock'`)).length);
          }
          const { code, err } = await stats.finished;
          assert.equal(code, 1, err);
          assert.match(err, said);
          assert.doesNotMatch(err, /fault in lmsmon/);
        }));
    },
  );
}

Deno.test("a file that is missing is no state that cannot be reached", () => {
  const missing = Object.assign(new Error("no such file"), { code: "ENOENT" });
  assert.equal(nameStateTroubleOfCommand("postgres://127.0.0.1/state", missing), missing);
});

Deno.test("a session that stood still and was ended is named, embedded too, without blame for who has the state open", () => {
  const ended = Object.assign(new Error("terminating connection"), { severity: "FATAL", code: "25P03" });
  assert.match(
    String(nameStateTroubleOfCommand("postgres://127.0.0.1/state", ended)),
    /Cannot reach the state database/,
  );
  const embedded = nameStateTroubleOfCommand("pglite:state", ended);
  assert.ok(embedded instanceof StateError);
  assert.match(embedded.message, /^Cannot open the state database pglite:state: terminating connection$/);
  assert.equal(embedded.hint, undefined);
});
