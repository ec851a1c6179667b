import assert from "node:assert/strict";
import { hostAddresses } from "../../lib/source/host_addresses.ts";
import type { DatabaseAddress } from "../../lib/database/database_address.ts";
import { openTarget } from "../../lib/database/open_target.ts";
import { compareAddresses, normalAddress, printAddress } from "../../lib/source/source_address.ts";
import { Secret } from "../../lib/base/secrets.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "localhost": ["127.0.0.1", "::1"],
  "127.0.0.1": ["127.0.0.1"],
  "127.0.0.2": ["127.0.0.2"],
  "::1": ["::1"],
  "10.0.0.5": ["10.0.0.5"],
  "fd00::5": ["fd00::5"],
  "/run/postgresql": ["/run/postgresql"],
  "/var/run/postgresql": ["/run/postgresql"],
  "/mnt/staging": ["/mnt/staging"],
  "db": ["10.0.0.5"],
  "db.example.org": ["10.0.0.5", "fd00::5"],
  "staging.example.org": ["10.0.0.6"],
  "pair.example.org": ["10.0.0.5", "10.0.0.6"],
};
const place = (host: string, changes: Partial<DatabaseAddress> = {}, port = 5432): DatabaseAddress => ({
  dialect: "postgres",
  hosts: [{ host, port }],
  database: "lms",
  ...changes,
});
const compare = (a: DatabaseAddress, b: DatabaseAddress) => compareAddresses(a, b, (host) => NAMES[host] ?? []);
const hosts = (...names: string[]) => ({ hosts: names.map((host) => ({ host, port: 5432 })) });

Deno.test("compareAddresses() sees an edited host, port, database and dialect", () => {
  const now = place("db.example.org");
  assert.equal(compare(now, now), "none");
  assert.equal(compare(now, place("staging.example.org")), "edited");
  assert.equal(compare(now, place("db.example.org", {}, 5433)), "edited");
  assert.equal(compare(now, place("db.example.org", { database: "lms_staging" })), "edited");
  assert.equal(compare(now, place("db.example.org", { dialect: "mysql" })), "edited");
});

Deno.test("compareAddresses() takes a name and its own address for the same place", () => {
  const same: [string, string][] = [
    ["db.example.org", "DB.example.org."],
    ["db.example.org", "10.0.0.5"],
    ["db.example.org", "fd00::5"],
    ["db.example.org", "db"],
    ["localhost", "127.0.0.1"],
    ["localhost", "::1"],
    ["127.0.0.1", "::1"],
    ["localhost", "/run/postgresql"],
    ["/var/run/postgresql", "/run/postgresql/"],
  ];
  for (const [a, b] of same) {
    assert.notEqual(compare(place(a), place(b)), "edited", `${a} and ${b}`);
    assert.notEqual(compare(place(b), place(a)), "edited", `${b} and ${a}`);
  }
  assert.equal(compare(place("db.example.org"), place("DB.example.org.")), "none");
  assert.equal(compare(place("localhost"), place("127.0.0.1", {}, 5433)), "edited");
});

Deno.test("compareAddresses() takes nothing for the same place that is not known to be", () => {
  const other: [string, string][] = [
    ["db.example.org", "unknown.example.org"],
    ["unknown.example.org", "10.0.0.5"],
    ["gone.example.org", "gone2.example.org"], // neither is found: that is nothing in common
    ["pair.example.org", "10.0.0.5"], // one of two servers
    ["127.0.0.1", "127.0.0.2"],
    ["localhost", "10.0.0.5"],
    ["/run/postgresql", "/mnt/staging"],
    ["/run/postgresql", "10.0.0.5"],
  ];
  for (const [a, b] of other) {
    assert.equal(compare(place(a), place(b)), "edited", `${a} and ${b}`);
    assert.equal(compare(place(b), place(a)), "edited", `${b} and ${a}`);
  }
});

Deno.test("compareAddresses() compares several hosts as a set", () => {
  const two = place("", hosts("db.example.org", "staging.example.org"));
  assert.equal(compare(two, place("", hosts("staging.example.org", "db.example.org"))), "none");
  assert.equal(compare(two, place("", hosts("staging.example.org", "10.0.0.5"))), "spelling");
  assert.equal(compare(two, place("db.example.org")), "edited");
  assert.equal(compare(place("db.example.org"), two), "edited");
  assert.equal(compare(two, place("", hosts("db.example.org", "db"))), "edited");
});

Deno.test("the address of a source holds neither user, password nor words about TLS", () => {
  const read = (url: string, password: string | null = null) =>
    normalAddress(openTarget({ url, password: password === null ? null : new Secret(password) }, "lms").target.address);
  const address = read("postgres://lms_readonly@DB.example.org/lms?sslmode=disable", "s3cret");
  assert.deepEqual(address, place("db.example.org"));
  assert.deepEqual(read("postgres://other:word@db.example.org:5432/lms?sslmode=require"), address);
  assert.equal(printAddress(address), "postgres db.example.org:5432/lms");
  assert.equal(printAddress(place("::1")), "postgres [::1]:5432/lms");
});

Deno.test("hostAddresses() asks the machine: names, addresses in any form, sockets; nothing for what is not there", async () => {
  const local = await hostAddresses("localhost");
  assert.ok(local.includes("127.0.0.1") || local.includes("::1"), local.join());
  assert.deepEqual(await hostAddresses("0:0:0:0:0:0:0:1"), ["::1"]);
  assert.deepEqual(await hostAddresses("::ffff:127.0.0.1"), ["127.0.0.1"]);
  assert.deepEqual(await hostAddresses("nowhere.invalid"), []);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.symlink(folder, `${folder}/link`);
    assert.deepEqual(await hostAddresses(`${folder}/link`), [await Deno.realPath(folder)]);
    assert.deepEqual(await hostAddresses(`${folder}/none`), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
