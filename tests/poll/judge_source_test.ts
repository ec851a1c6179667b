import assert from "node:assert/strict";
import type { AddressChange } from "../../lib/source/source_address.ts";
import type { DatabaseAddress } from "../../lib/database/database_address.ts";
import type { LmsIdentity } from "../../lib/model/source_identity.ts";
import { isRefusal, judgeSource, type Sample, type SourceVerdict } from "../../lib/poll/judge_source.ts";

const PROD: LmsIdentity = { dialect: "postgres", database: "lms", system: "1", schema: "public" };
const MARIA: LmsIdentity = { dialect: "mysql", database: "lms", system: null, schema: null };
const ADDRESS: DatabaseAddress = { dialect: "postgres", hosts: [{ host: "db", port: 5432 }], database: "lms" };
const NONE = { known: 0, same: 0 };
const ALL = { known: 20, same: 20 };
const FEW = { known: 20, same: 3 };
const NO_ROW = { known: 20, same: 0 };

/** What is stored, and how what answers differs from it. */
function judge(
  stored: LmsIdentity | null,
  change: Partial<LmsIdentity> & { readonly systemIsUnique?: boolean },
  sample: Sample,
  addressChange: AddressChange | "no address" = "none",
): SourceVerdict {
  const now = { systemIsUnique: (change.system ?? stored?.system ?? null) !== null, ...(stored ?? PROD), ...change };
  const address = addressChange === "no address" ? null : ADDRESS;
  return judgeSource({ identity: stored, address: stored === null ? null : address }, {
    now,
    sample,
    addressChange: addressChange === "no address" ? "none" : addressChange,
  });
}

Deno.test("judgeSource() accepts the first LMS", () => {
  assert.equal(judge(null, {}, NONE), "first");
});

Deno.test("judgeSource() knows an unedited address with the same server and database, whatever its rows", () => {
  for (const sample of [NONE, ALL, FEW, NO_ROW]) assert.equal(judge(PROD, {}, sample), "known");
  assert.equal(judge({ ...PROD, schema: null }, {}, ALL), "known"); // the tables were not there when it was stored
});

Deno.test("judgeSource() refuses a staging copy: all rows the same, the address edited", () => {
  assert.equal(judge(PROD, { database: "lms_staging" }, ALL, "edited"), "edited"); // beside the original in one cluster
  assert.equal(judge(PROD, { system: "2" }, ALL, "edited"), "edited"); // on another server, under the same name
  assert.equal(judge(PROD, { system: null }, ALL, "edited"), "edited"); // nothing says which server
  assert.equal(judge({ ...PROD, system: null }, {}, ALL, "edited"), "edited");
  assert.equal(judge(PROD, { schema: "staging" }, ALL, "edited"), "edited");
  assert.equal(judge(PROD, { dialect: "mysql" }, ALL, "edited"), "edited");
  assert.equal(judge(PROD, { database: "lms_staging" }, NONE, "edited"), "edited"); // an LMS without rows until now
});

Deno.test("judgeSource() follows an edited address to what is provably the same database", () => {
  for (const sample of [NONE, ALL, FEW, NO_ROW]) {
    assert.equal(judge(PROD, {}, sample, "edited"), "address_changed");
  }
});

Deno.test("judgeSource() takes no identifier for a proof that two servers may share (MariaDB's)", () => {
  const uid = { ...MARIA, system: "0dfuIzFBftiUR9RKF00wCn2cXPI=" };
  assert.equal(judge(uid, { systemIsUnique: false }, ALL, "edited"), "edited");
  assert.equal(judge(MARIA, {}, ALL, "edited"), "edited");
  assert.equal(judge(uid, { systemIsUnique: true }, ALL, "edited"), "address_changed"); // MySQL's server_uuid
});

Deno.test("judgeSource() lets another spelling of the address pass", () => {
  assert.equal(judge(PROD, {}, ALL, "spelling"), "address_changed");
  assert.equal(judge(MARIA, {}, ALL, "spelling"), "address_changed");
  assert.equal(judge(MARIA, {}, NO_ROW, "spelling"), "other_rows");
  assert.equal(judge(PROD, { system: "2" }, ALL, "spelling"), "edited"); // two changes at once
  assert.equal(judge(PROD, { database: "other" }, ALL, "spelling"), "other_database");
});

Deno.test("judgeSource() goes on after an upgrade or failover behind the same address, and says so", () => {
  assert.equal(judge(PROD, { system: "2" }, ALL), "system_changed");
  assert.equal(judge(PROD, { system: "2" }, { known: 20, same: 10 }), "system_changed");
  assert.equal(judge(PROD, { system: "2" }, NONE), "system_changed");
  assert.equal(judge(PROD, { system: "2" }, FEW), "other_rows");
  assert.equal(judge(PROD, { system: "2" }, NO_ROW), "other_rows");
});

Deno.test("judgeSource() refuses another database or schema behind an unedited address (a pooler's alias)", () => {
  assert.equal(judge(PROD, { database: "lms_staging" }, ALL), "other_database");
  assert.equal(judge(PROD, { schema: "staging" }, ALL), "other_database");
});

Deno.test("judgeSource() goes by the rows where no server tells which one it is", () => {
  assert.equal(judge(MARIA, {}, NONE), "known");
  assert.equal(judge(MARIA, {}, FEW), "known");
  assert.equal(judge(MARIA, {}, NO_ROW), "other_rows");
  assert.equal(judge(PROD, { system: null }, ALL), "known"); // the right to read it was taken away
  assert.equal(judge({ ...PROD, system: null }, { system: "1" }, ALL), "known"); // or granted
  assert.equal(judge(PROD, { system: null }, FEW), "other_rows");
});

Deno.test("judgeSource() judges a state of 0.1, which stored no address, as 0.1 did", () => {
  const old: LmsIdentity = { ...PROD, schema: null };
  assert.equal(judge(old, {}, NO_ROW, "no address"), "address_learned");
  assert.equal(judge(old, { system: "2" }, NONE, "no address"), "address_learned");
  assert.equal(judge(old, { system: "2" }, ALL, "no address"), "address_learned");
  assert.equal(judge(old, { database: "moved" }, ALL, "no address"), "address_learned");
  assert.equal(judge(old, { system: "2" }, FEW, "no address"), "other_rows");
  assert.equal(judge(old, { database: "other" }, NO_ROW, "no address"), "other_rows");
  assert.equal(judge(MARIA, {}, FEW, "no address"), "address_learned");
  assert.equal(judge(MARIA, {}, NO_ROW, "no address"), "other_rows");
  assert.equal(judge(MARIA, { database: "other" }, FEW, "no address"), "other_rows");
});

Deno.test("isRefusal() names the verdicts that wait for --accept-source", () => {
  const verdicts: SourceVerdict[] = [
    ...["first", "known", "address_learned", "address_changed", "system_changed"] as const,
    ...["edited", "other_database", "other_rows"] as const,
  ];
  assert.deepEqual(verdicts.filter(isRefusal), ["edited", "other_database", "other_rows"]);
});
