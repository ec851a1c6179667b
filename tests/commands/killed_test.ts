import assert from "node:assert/strict";
import { join } from "node:path";
import { isSweepLeft } from "../../lib/privacy/erase.ts";
import { openState } from "../../lib/state/open_state.ts";
import { runLmsmon } from "../chaos/harness/watcher.ts";
import { insertRows, manyRows } from "../export/_events.ts";
import { foundBelow } from "../support/state/found_below.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

const EVENTS = 400;

/** An embedded state, and lmsmon over it, which kills itself where it is told to. */
async function withEmbedded(
  work: (place: {
    readonly folder: string;
    readonly run: (args: readonly string[], failPoint?: string) => ReturnType<typeof runLmsmon>;
    readonly state: () => ReturnType<typeof openState>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-killed-" });
  try {
    const url = `pglite:${folder}/state`;
    const config = `${folder}/config.yaml`;
    await Deno.writeTextFile(config, JSON.stringify({ state: { url } }));
    await work({
      folder,
      run: ([command = "", ...args], failPoint) =>
        runLmsmon(command, config, { args, ...failPoint !== undefined && { failPoint } }),
      state: () => openState({ url, password: null }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a split export that is killed leaves no set that looks whole, and its consumer gets everything again", () =>
  withEmbedded(async ({ folder, run, state }) => {
    {
      await using db = await state();
      await insertRows(db, manyRows(EVENTS));
    }
    const acknowledged = async () => {
      await using db = await state();
      const rows = await db.sql<{ acknowledged: string }[]>`select acknowledged from lmsmon.consumers`;
      return rows.map((row) => Number(row.acknowledged));
    };
    const shown = async (name: string) =>
      (await Array.fromAsync(Deno.readDir(join(folder, name)), (entry) => entry.name)).filter((entry) =>
        !entry.startsWith(".")
      ).sort();
    const export_ = (name: string, failPoint?: string) =>
      run(
        ["export-ai", "--consumer", "c", "--ack", "--split", "100KB", "--manifest", "--out", `${folder}/${name}/`],
        failPoint,
      );
    assert.equal((await export_("a", "export.before_rename:2")).signal, "SIGKILL");
    const half = await shown("a");
    assert.equal(half.length, 1);
    assert.notEqual(half[0], "events-00001.jsonl", "the first one comes last");
    assert.deepEqual(await acknowledged(), [0]);
    const again = await export_("a");
    assert.equal(again.code, 1, "not among what a killed one left");
    assert.match(again.log.join("\n"), /is there already/);
    assert.equal((await export_("b", "export.before_ack")).signal, "SIGKILL");
    assert.deepEqual(await acknowledged(), [0]);
    assert.equal((await export_("c")).code, 0);
    assert.deepEqual(await acknowledged(), [EVENTS]);
    const files = await shown("c");
    assert.deepEqual(await shown("b"), files);
    assert.equal(files.length, half[0] === undefined ? 0 : Number(/\d+/.exec(half[0])?.[0]) + 1);
    let lines = 0;
    for (const name of files.filter((file) => file.startsWith("events-"))) {
      const text = await Deno.readTextFile(join(folder, "c", name));
      assert.equal(text, await Deno.readTextFile(join(folder, "b", name)));
      lines += text.split("\n").length - 1;
    }
    assert.equal(lines, EVENTS);
    assert.equal((await run(["export-ai", "--consumer", "c"])).out, "");
  }));

Deno.test("an erasure that is killed is whole or not there; the next start writes its journal and sweeps the files", () =>
  withEmbedded(async ({ folder, run, state }) => {
    const id = 76543210123n;
    const needles = ["Zebulon Quuxley", "zebquux"];
    {
      await using db = await state();
      await insertRows(
        db,
        manyRows(
          40,
          (i) => ({ student_id: i % 2 === 0 ? String(id) : "8", student_username: i % 2 ? "other" : "zebquux" }),
        ),
      );
      await db.sql`
        insert into lmsmon.people (source, role, id, username, name)
        values ('testpress', 'student', ${String(id)}, 'zebquux', 'Zebulon Quuxley')`;
    }
    const erase = (failPoint: string) =>
      run(["privacy", "erase", String(id), "--reason-code", "art17", "--yes"], failPoint);
    const left = async () => {
      await using db = await state();
      const [row] = await db.sql<{ tombstones: number; acts: number; events: number; people: number }[]>`
        select (select count(*)::int from lmsmon.tombstones) as tombstones,
               (select count(*)::int from lmsmon.audit where command = 'privacy erase') as acts,
               (select count(*)::int from lmsmon.people) as people,
               (select count(*)::int from lmsmon.lms_activity_events where student_id = ${String(id)}) as events`;
      return [row?.tombstones, row?.acts, row?.people, row?.events];
    };
    assert.equal((await erase("privacy.before_commit")).signal, "SIGKILL");
    assert.deepEqual(await left(), [0, 0, 1, 20]);
    assert.equal((await erase("privacy.after_commit")).signal, "SIGKILL");
    assert.deepEqual(await left(), [1, 1, 0, 0]);
    const journal = `${folder}/state.erasures.jsonl`;
    assert.equal(await Deno.stat(journal).then(() => true, () => false), false);
    assert.ok((await foundBelow(`${folder}/state`, needles, id)).length > 0, "not swept yet");
    const exported = await run(["export-ai", "--identified"]);
    assert.equal(exported.code, 0);
    assert.match(exported.out, /"kind":"erasure"/);
    assert.deepEqual([...needles, String(id)].filter((needle) => exported.out.includes(needle)), []);
    assert.equal((await Deno.readTextFile(journal)).trim().split("\n").length, 1);
    assert.deepEqual(await foundBelow(`${folder}/state`, needles, id), []);
  }));

const AGAIN = "an erasure that was killed and is run again is whole, in its journal and in the audit once";
Deno.test(`${AGAIN} [embedded]`, () =>
  withEmbedded(({ folder }) => killedAndRunAgain(folder, `pglite:${folder}/state`)));
serverTest(AGAIN, () =>
  withState("server", async (_db, url) => {
    const folder = await Deno.makeTempDir({ prefix: "lmsmon-killed-" });
    await killedAndRunAgain(folder, url).finally(() => Deno.remove(folder, { recursive: true }));
  }));

async function killedAndRunAgain(folder: string, url: string): Promise<void> {
  {
    await using db = await openState({ url, password: null });
    await insertRows(db, manyRows(20, () => ({ student_id: "7" })));
    await db.sql`insert into lmsmon.people (source, role, id, username) values ('testpress', 'student', 7, 'zebquux')`;
  }
  const journal = `${folder}/journal.jsonl`;
  const config = `${folder}/again.yaml`;
  await Deno.writeTextFile(config, JSON.stringify({ state: { url }, privacy: { journal } }));
  const args = ["erase", "7", "--reason-code", "art17", "--yes"];
  const erase = (failPoint?: string) =>
    runLmsmon("privacy", config, { args, ...failPoint !== undefined && { failPoint } });
  for (const point of ["privacy.before_commit", "privacy.after_commit"]) {
    assert.equal((await erase(point)).signal, "SIGKILL");
    assert.equal(await Deno.stat(journal).then(() => true, () => false), false);
  }
  for (let again = 0; again < 2; again++) {
    const { code, log } = await erase();
    assert.deepEqual([code, /this student was erased/.test(log.join("\n"))], [1, true]);
  }
  assert.equal((await Deno.readTextFile(journal)).trim().split("\n").length, 1);
  await using db = await openState({ url, password: null });
  assert.equal(await isSweepLeft(db), false);
  const acts = await db.sql<{ command: string }[]>`select command from lmsmon.audit`;
  assert.deepEqual(acts.map(({ command }) => command), ["privacy erase"]);
  const [left] = await db.sql<{ n: number }[]>`select count(student_id)::int as n from lmsmon.lms_activity_events`;
  assert.equal(left?.n, 0);
}
