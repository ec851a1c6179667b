import assert from "node:assert/strict";
import type { LmsConfig } from "../../lib/config/config.ts";
import { openDriver } from "../../lib/source/open_lms.ts";
import { LmsmonError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import { spawnMariaDb, spawnPostgres } from "../support/spawned_servers.ts";
import { makeCertificates, tlsMariaDb, tlsPostgres } from "../support/tls_servers.ts";

const certificates = await makeCertificates();
const { authority, stranger, client, clientName, lockedKey, keyPassword } = certificates;
const ca = `sslrootcert=${authority.file}`;
const wrongCa = `sslrootcert=${stranger.file}`;
const cert = `sslcert=${client.cert}&sslkey=${client.key}`;

/** Certificates with the name alone, with the address alone, and a server without TLS. */
const [named, numbered, plain] = [
  await tlsPostgres(certificates, "named", "DNS:localhost"),
  await tlsPostgres(certificates, "numbered", "IP:127.0.0.1"),
  portOf(await spawnPostgres({ args: () => ["-c", "ssl=off"] })),
];
const [namedMaria, otherMaria, plainMaria] = [
  await tlsMariaDb(certificates, "named_maria", "DNS:localhost"),
  await tlsMariaDb(certificates, "other_maria", "DNS:db.example"),
  portOf(await spawnMariaDb({ args: () => ["--skip-ssl"] })),
];

/** Whom it speaks to and how: `tls`, `plain`, or what it refuses with. */
type Outcome = "tls" | "plain" | RegExp;
const DISTRUST = /^Cannot trust the /;
const NO_TLS = /offers no TLS, and sslmode=/;

const CASES: readonly (readonly [string, string, Outcome])[] = [
  ["no word, loopback", `localhost:${plain}/postgres`, "plain"],
  ["sslmode=disable", `localhost:${named}/postgres?sslmode=disable`, "plain"],
  ["sslmode=allow", `localhost:${named}/postgres?sslmode=allow`, "tls"],
  ["sslmode=prefer", `localhost:${named}/postgres?sslmode=prefer`, "tls"],
  ["sslmode=prefer, none offered", `localhost:${plain}/postgres?sslmode=prefer`, "plain"],
  ["ssl=require", `localhost:${named}/postgres?ssl=require`, "tls"],
  ["ssl=true", `localhost:${named}/postgres?ssl=true`, "tls"],
  ["ssl=require, none offered", `localhost:${plain}/postgres?ssl=require`, NO_TLS],
  ["ssl=true, none offered", `localhost:${plain}/postgres?ssl=true`, NO_TLS],
  ["ssl=verify-full, none offered", `localhost:${plain}/postgres?ssl=verify-full`, NO_TLS],
  ["ssl=verify-full, authority unknown to the system", `localhost:${named}/postgres?ssl=verify-full`, DISTRUST],
  ["sslmode=require", `127.0.0.1:${named}/postgres?sslmode=require`, "tls"],
  ["sslmode=require with its CA", `127.0.0.1:${named}/postgres?sslmode=require&${ca}`, "tls"],
  ["sslmode=require with another CA", `127.0.0.1:${named}/postgres?sslmode=require&${wrongCa}`, DISTRUST],
  ["sslmode=verify-ca", `127.0.0.1:${named}/postgres?sslmode=verify-ca&${ca}`, "tls"],
  ["sslmode=verify-ca with another CA", `localhost:${named}/postgres?sslmode=verify-ca&${wrongCa}`, DISTRUST],
  ["SSLMode=Verify_Full", `localhost:${named}/postgres?SSLMode=Verify_Full&${ca}`, "tls"],
  ["verify-full with another CA", `localhost:${named}/postgres?sslmode=verify-full&${wrongCa}`, DISTRUST],
  [
    "verify-full, the certificate has no such name",
    `localhost:${numbered}/postgres?sslmode=verify-full&${ca}`,
    DISTRUST,
  ],
  ["verify-full, an address in the certificate", `127.0.0.1:${numbered}/postgres?sslmode=verify-full&${ca}`, "tls"],
  ["verify-full, an address that is not in it", `127.0.0.1:${named}/postgres?sslmode=verify-full&${ca}`, DISTRUST],
  ["hostaddr, the name in the certificate", `/postgres?host=localhost&hostaddr=127.0.0.1&port=${named}&${ca}`, "tls"],
  ["no mode, but a CA", `127.0.0.1:${named}/postgres?${ca}`, DISTRUST],
  ["several hosts, each by its own name", `localhost:${numbered},127.0.0.1:${numbered}/postgres?${ca}`, "tls"],
  ["sslrootcert=system", `localhost:${named}/postgres?sslrootcert=system`, DISTRUST],
  ["a client's certificate", `${clientName}@localhost:${named}/postgres?sslmode=verify-full&${ca}&${cert}`, "tls"],
  ["a client's certificate, no mode", `${clientName}@localhost:${named}/postgres?${cert}`, "tls"],
  [
    "a locked key",
    `${clientName}@localhost:${named}/postgres?${ca}&sslcert=${client.cert}&sslkey=${lockedKey}&sslpassword=${keyPassword}`,
    "tls",
  ],
  ["no client's certificate", `${clientName}@localhost:${named}/postgres?${ca}`, /refused|log in/],
];

for (const [name, rest, outcome] of CASES) {
  const url = `postgres://${rest.includes("@") ? "" : "postgres@"}${rest}`;
  for (const part of ["lms", "state"] as const) {
    Deno.test({
      name: `${part}.url on PostgreSQL: ${name}`,
      ignore: named === null || numbered === null || plain === null,
      fn: () => expectOutcome(() => part === "lms" ? viaLms(url, POSTGRES_TLS) : viaState(url), outcome),
    });
  }
}

const MARIA_CASES: readonly (readonly [string, string, Outcome])[] = [
  ["no word, loopback", `localhost:${namedMaria}/mysql`, "plain"],
  ["ssl-mode=PREFERRED, none offered", `localhost:${plainMaria}/mysql?ssl-mode=PREFERRED`, "plain"],
  ["ssl-mode=REQUIRED", `127.0.0.1:${namedMaria}/mysql?ssl-mode=REQUIRED`, "tls"],
  ["ssl-mode=REQUIRED, none offered", `127.0.0.1:${plainMaria}/mysql?ssl-mode=REQUIRED`, /TLS|SSL|secure/i],
  ["sslMode=VERIFY_CA", `127.0.0.1:${namedMaria}/mysql?sslMode=VERIFY_CA&sslCa=${authority.file}`, "tls"],
  [
    "sslMode=VERIFY_CA with another CA",
    `127.0.0.1:${namedMaria}/mysql?sslMode=VERIFY_CA&sslCa=${stranger.file}`,
    DISTRUST,
  ],
  ["sslMode=VERIFY_CA, unknown to the system", `127.0.0.1:${namedMaria}/mysql?sslMode=VERIFY_CA`, DISTRUST],
  [
    "ssl_mode=required with another CA",
    `127.0.0.1:${namedMaria}/mysql?ssl_mode=required&ssl_ca=${stranger.file}`,
    DISTRUST,
  ],
  [
    "ssl-mode=VERIFY_IDENTITY",
    `localhost:${namedMaria}/mysql?ssl-mode=VERIFY_IDENTITY&ssl-ca=${authority.file}`,
    "tls",
  ],
  [
    "ssl-mode=VERIFY_IDENTITY, the certificate has no such name",
    `localhost:${otherMaria}/mysql?ssl-mode=VERIFY_IDENTITY&ssl-ca=${authority.file}`,
    DISTRUST,
  ],
  ["tls=true", `localhost:${namedMaria}/mysql?tls=true&ssl-ca=${authority.file}`, "tls"],
  ["tls=skip-verify", `localhost:${namedMaria}/mysql?tls=skip-verify`, "tls"],
  ["ssl={…}", `localhost:${namedMaria}/mysql?ssl={"rejectUnauthorized":false}`, "tls"],
  ["ssl={…} that verifies", `localhost:${namedMaria}/mysql?ssl={"rejectUnauthorized":true}`, DISTRUST],
  [
    "a client's certificate",
    `${clientName}@localhost:${namedMaria}/mysql?ssl-ca=${authority.file}&ssl-cert=${client.cert}&ssl-key=${client.key}`,
    "tls",
  ],
  ["no client's certificate", `${clientName}@localhost:${namedMaria}/mysql?ssl-ca=${authority.file}`, /Cannot log in/],
];

for (const [name, rest, outcome] of MARIA_CASES) {
  const user = rest.includes("@") ? "" : rest.includes(String(plainMaria)) ? "root@" : "reader@";
  Deno.test({
    name: `lms.url on MariaDB: ${name}`,
    ignore: namedMaria === null || otherMaria === null || plainMaria === null,
    fn: () => expectOutcome(() => viaLms(`mysql://${user}${rest}`, MARIA_TLS), outcome),
  });
}

Deno.test({
  name: "lms.url on MariaDB: first reads that begin together find together that no TLS is offered",
  ignore: plainMaria === null,
  fn: async () => {
    const { driver } = await openDriver(lmsConfig(`mysql://root@localhost:${plainMaria}/mysql?ssl-mode=PREFERRED`));
    try {
      const reads = ["1", "2", "3"].map((n) => driver.read((session) => session.rows(`select ${n}`)));
      assert.deepEqual(await Promise.all(reads), [[["1"]], [["2"]], [["3"]]]);
    } finally {
      await driver.close();
    }
  },
});

const POSTGRES_TLS = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
const MARIA_TLS = "select if(variable_value = '', 'false', 'true') from information_schema.session_status" +
  " where variable_name = 'Ssl_cipher'";

function lmsConfig(url: string): LmsConfig {
  return {
    ...{ name: "lms", url, password: null, preset: "testpress", timezone: "UTC", links: {} },
    ...{ statementTimeoutMs: 10_000, examDurationUnit: "auto" },
  };
}

async function viaLms(url: string, question: string): Promise<boolean> {
  const { driver } = await openDriver(lmsConfig(url));
  try {
    const [row] = await driver.read((session) => session.rows(question));
    return row?.[0] === "true";
  } finally {
    await driver.close();
  }
}

async function viaState(url: string): Promise<boolean> {
  await using state = await openState({ url, password: null }, { migrate: "skip" });
  const [row] = await state.sql.unsafe<{ ssl: string }[]>(POSTGRES_TLS);
  return row?.ssl === "true";
}

async function expectOutcome(connect: () => Promise<boolean>, outcome: Outcome): Promise<void> {
  if (outcome === "tls" || outcome === "plain") {
    assert.equal(await connect() ? "tls" : "plain", outcome);
    return;
  }
  await assert.rejects(connect, (error: unknown) => {
    assert.ok(error instanceof LmsmonError, String(error));
    assert.match(error.message, outcome);
    assert.ok(!Deno.inspect(error, { depth: 9 }).includes(keyPassword));
    return true;
  });
}

function portOf(url: string | null): number | null {
  return url === null ? null : Number(new URL(url).port);
}
