import assert from "node:assert/strict";
import { acceptSource, noticeTold, readSource, readSourceNotice } from "../../lib/state/sources.ts";
import { StateError } from "../../lib/base/errors.ts";
import { forEachState } from "../support/state/with_state.ts";

const IDENTITY = { dialect: "postgres", system: "72", database: "lms", schema: "public" } as const;
const ADDRESS = { dialect: "postgres", hosts: [{ host: "db.example.org", port: 5432 }], database: "lms" } as const;

forEachState("acceptSource() remembers what the LMS behind a source is, and where", async (db) => {
  assert.deepEqual(await readSource(db, "testpress"), { identity: null, address: null });
  await acceptSource(db, "testpress", IDENTITY, ADDRESS);
  assert.deepEqual(await readSource(db, "testpress"), { identity: IDENTITY, address: ADDRESS });
  await acceptSource(db, "testpress", { ...IDENTITY, system: "73" }, ADDRESS);
  assert.deepEqual(await readSource(db, "testpress"), { identity: { ...IDENTITY, system: "73" }, address: ADDRESS });
});

forEachState("readSource() reads an identity of 0.1, which knew neither schema nor address", async (db) => {
  await db.sql`insert into lmsmon.sources (source, identity)
    values ('testpress', '{"dialect":"postgres","system":"72","database":"lms"}')`;
  assert.deepEqual(await readSource(db, "testpress"), { identity: { ...IDENTITY, schema: null }, address: null });
});

forEachState("readSource() refuses what has another form instead of letting any LMS through", async (db) => {
  const refuses = (what: string) =>
    assert.rejects(readSource(db, "testpress"), (error) => {
      assert.ok(error instanceof StateError);
      assert.equal(error.message, `Cannot tell which LMS "testpress" was: its stored ${what} has another form`);
      assert.match(error.hint ?? "", /set identity to null/);
      return true;
    });
  await db.sql`insert into lmsmon.sources (source, identity) values ('testpress', '{"dialect":"oracle"}')`;
  await refuses("identity");
  await acceptSource(db, "testpress", IDENTITY, ADDRESS);
  await db.sql`update lmsmon.sources set address = '{"hosts":"db"}'`;
  await refuses("address");
  await db.sql`update lmsmon.sources set identity = null`; // the remedy
  assert.deepEqual(await readSource(db, "testpress"), { identity: null, address: null });
});

forEachState("a notice waits until it was told, and a newer one is not taken for it", async (db) => {
  assert.equal(await readSourceNotice(db, "testpress"), null);
  const first = { key: "system:73", text: "another system" };
  await acceptSource(db, "testpress", IDENTITY, ADDRESS, first);
  await acceptSource(db, "testpress", IDENTITY, ADDRESS);
  assert.deepEqual(await readSourceNotice(db, "testpress"), first);
  const second = { key: "system:74", text: "yet another one" };
  await acceptSource(db, "testpress", IDENTITY, ADDRESS, second);
  await noticeTold(db, "testpress", first);
  assert.deepEqual(await readSourceNotice(db, "testpress"), second);
  await noticeTold(db, "testpress", second);
  assert.equal(await readSourceNotice(db, "testpress"), null);
});
