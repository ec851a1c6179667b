import assert from "node:assert/strict";
import { epochMark } from "../../lib/state/epoch_mark.ts";
import { openState } from "../../lib/state/open_state.ts";
import { stateEpoch } from "../../lib/state/state_epoch.ts";
import { insertRows, manyRows } from "../export/_events.ts";
import { serverTest, withState } from "../support/state/with_state.ts";
import { createStateDirectory } from "../support/state/state_directory.ts";

Deno.test("an embedded state that a copy of its directory was put in place of has another epoch, once", async () => {
  const folder = await Deno.makeTempDir();
  const warnings: unknown[] = [];
  const url = `pglite:${folder}/state`;
  const mark = epochMark(url, { warn: (...said: unknown[]) => void warnings.push(said) });
  const rows = manyRows(9);
  const look = async (from: number, to: number) => {
    await using db = await openState({ url, password: null });
    if (to > from) await insertRows(db, rows.slice(from, to));
    return await stateEpoch(db, mark);
  };
  const copy = async (from: string, to: string) => {
    await Deno.remove(to, { recursive: true }).catch(() => {});
    const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
    assert.ok(success);
  };
  try {
    await createStateDirectory(`${folder}/state`);
    const first = await look(0, 3);
    assert.equal(await look(3, 3), first);
    await copy(`${folder}/state`, `${folder}/backup`);
    assert.equal(await look(3, 6), first);
    await copy(`${folder}/backup`, `${folder}/state`);
    const second = await look(3, 5);
    assert.notEqual(second, first, "event 5 is another one than the one that was exported before");
    assert.equal(await look(5, 9), second);
    // A mark that is spoilt, or cannot be written, is in nobody's way.
    await Deno.writeTextFile(`${folder}/state.epoch.json`, "{");
    assert.equal(await look(9, 9), second);
    assert.deepEqual(warnings, []);
    await Deno.remove(`${folder}/state.epoch.json`);
    await Deno.mkdir(`${folder}/state.epoch.json`);
    assert.equal(await look(9, 9), second);
    assert.equal(warnings.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

serverTest(
  "a server's state that was filled anew in its place has another epoch, and an update of lmsmon makes none",
  () =>
    withState("server", async (db) => {
      const { sql } = db;
      const first = await stateEpoch(db);
      // As a version wrote it that did not look at the tables.
      await sql`
      update lmsmon.facts set value = jsonb_set(value, '{identity}', to_jsonb(regexp_replace(value ->> 'identity', ' \\d+$', '')))
       where source = '' and name = 'state_epoch'`;
      assert.equal(await stateEpoch(db), first);
      // What `pg_restore --clean` does with each table.
      await sql.begin(async (tx) => {
        await tx`create table lmsmon.restored (like lmsmon.facts including all)`;
        await tx`insert into lmsmon.restored select * from lmsmon.facts`;
        await tx`drop table lmsmon.facts`;
        await tx`alter table lmsmon.restored rename to facts`;
      });
      const second = await stateEpoch(db);
      assert.notEqual(second, first);
      assert.equal(await stateEpoch(db), second);
    }),
);
