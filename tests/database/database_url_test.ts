import assert from "node:assert/strict";
import { BadUrl } from "../../lib/database/bad_url.ts";
import { isLocalHost } from "../../lib/database/database_address.ts";
import { isSameDatabase, parseDatabaseUrl, schemasOf } from "../../lib/database/database_url.ts";
import { redact } from "../../lib/base/secrets.ts";

type Part = "lms" | "state";
const PLACE = { base: "/etc/lmsmon", home: "/home/me" };
const read = (url: string, part: Part = "lms") => parseDatabaseUrl(url, { part, ...PLACE });

function target(url: string, part: Part = "lms") {
  const { target } = read(url, part);
  assert.ok(target !== null);
  return target;
}

function problemsOf(url: string, part: Part = "lms"): string {
  try {
    read(url, part);
  } catch (error) {
    assert.ok(error instanceof BadUrl, String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: `${url} was accepted` });
}

Deno.test("a URL says where its database is", () => {
  const places: readonly (readonly [string, string, string])[] = [
    ["postgresql://lms%40ro:p%3Aw@db.example.org/l%20ms", "db.example.org:5432", "l ms"],
    ["postgres://u@h1:1,h2,[::1]:7/db", "h1:1 h2:5432 ::1:7", "db"],
    ["postgres://u@[fe80::1%25eth0]/db", "fe80::1%eth0:5432", "db"],
    ["postgres:///db", "127.0.0.1:5432", "db"],
    ["postgres://,h:7/db", "127.0.0.1:5432 h:7", "db"],
    ["postgres:u@h/db", "h:5432", "db"],
    ["postgres://%2Fvar%2Frun%2Fpostgresql:6000/db", "/var/run/postgresql:6000", "db"],
    ["postgres:///db?host=/var/run/postgresql/", "/var/run/postgresql:5432", "db"],
    ["postgres://u@localhost:6000/db?host=/run", "/run:6000", "db"],
    ["postgres:///?host=h&port=7&dbname=db&user=me", "h:7", "db"],
    ["postgres:///db?host=a,b&port=1,2", "a:1 b:2", "db"],
    ["postgres:///db?host=a,b&port=7", "a:7 b:7", "db"],
    ["postgres:///db?HOST=h", "h:5432", "db"],
    ["postgres://h/db?host=H&port=5432", "H:5432", "db"],
    ["postgres:///db?hostaddr=10.0.0.1", "10.0.0.1:5432", "db"],
    ["mariadb://root@[::1]:3307/lms", "::1:3307", "lms"],
    ["mysql://u@localhost:3306/db?socket=/run/x.sock", "/run/x.sock:3306", "db"],
    ["mysql://u@/db?unix_socket=/run/x.sock", "/run/x.sock:3306", "db"],
  ];
  for (const [url, hosts, database] of places) {
    const { address } = target(url);
    assert.deepEqual([address.hosts.map(({ host, port }) => `${host}:${port}`).join(" "), address.database], [
      hosts,
      database,
    ], url);
  }
  assert.equal(target("postgres:///db", "state").address.hosts[0]?.host, "localhost");
  assert.deepEqual(target("mysql://u@h/db").address, {
    dialect: "mysql",
    hosts: [{ host: "h", port: 3306 }],
    database: "db",
  });
  assert.equal(target("postgres://u@h1:1,[::1]/db").label, "h1:1,[::1]:5432/db");
});

Deno.test("a URL says who comes in and how", () => {
  const { user, schemas, sessionAttrs, loadBalance, connectTimeoutS, applicationName, options } = target(
    "postgres://a%40b@h/db?Schema=Eins,zwei&Target_Session_Attrs=READ-ONLY&load_balance_hosts=random&connect_timeout=7" +
      "&application_name=a+b%20c&options=-c%20a%3Db",
  );
  assert.deepEqual(
    [user, schemas, sessionAttrs, loadBalance, connectTimeoutS, applicationName, options],
    ["a@b", ["Eins", "zwei"], "read-only", true, 7, "a+b c", "-c a=b"],
  );
  assert.equal(target("postgres://u@h/db").sessionAttrs, "any");
  assert.equal(target("postgres://u@h/db", "state").sessionAttrs, "any");
  assert.equal(target("postgres://u@h,i/db").sessionAttrs, "any");
  assert.equal(target("postgres://u@h,i/db", "state").sessionAttrs, "read-write");
  assert.equal(target("postgres://u@h,i/db?target_session_attrs=any", "state").sessionAttrs, "any");
  assert.equal(target("postgres://u@h/db?prepare=False", "state").prepare, false);
  assert.equal(target("postgres://u@h/db", "state").prepare, true);
  target("postgres://u@h/db?channel_binding=prefer&gssencmode=disable&client_encoding=UTF-8&sslsni=1&keepalives=1");
  target("mysql://u@h/db?charset=utf8mb4");
});

Deno.test("the words of both databases for TLS mean what they say, in any case of letters", () => {
  const modes: readonly (readonly [string, string])[] = [
    ["sslmode=disable", "disable"],
    ["sslmode=allow", "prefer"],
    ["sslmode=prefer", "prefer"],
    ["sslmode=require", "require"],
    ["sslmode=Verify-CA", "verify-ca"],
    ["sslmode=verify-full", "verify-full"],
    ["ssl=require", "require"],
    ["ssl=verify-full", "verify-full"],
    ["ssl=true", "require"],
    ["ssl=1", "require"],
    ["ssl=false", "disable"],
    ["ssl=no-verify", "require"],
    ["ssl=true&sslmode=verify-full", "verify-full"],
    ["ssl=require&sslmode=require", "require"],
    ["sslMode=VERIFY_CA", "verify-ca"],
    ["ssl-mode=VERIFY_IDENTITY", "verify-full"],
    ["ssl_mode=REQUIRED", "require"],
    ["SSL_MODE=preferred", "prefer"],
    ["sslmode=require&sslrootcert=/ca", "verify-ca"],
    ["sslrootcert=/ca", "verify-full"],
    ["sslrootcert=system", "verify-full"],
    ["sslcert=/c&sslkey=/k", "require"],
    ['ssl={"rejectUnauthorized":true}', "verify-full"],
    ['ssl={"rejectUnauthorized":false}', "require"],
    ["ssl=%7B%22verifyIdentity%22%3Afalse%7D", "verify-ca"],
    ["", "prefer"],
  ];
  for (const [words, mode] of modes) {
    for (const part of ["lms", "state"] as const) {
      assert.equal(target(`postgres://u@h/db?${words}`, part).tls.mode, mode, words);
    }
    assert.equal(target(`mysql://u@h/db?${words}`).tls.mode, mode, words);
  }
  assert.equal(target("mysql://u@h/db?tls=true").tls.mode, "verify-full");
  assert.equal(target("mysql://u@h/db?tls=skip-verify").tls.mode, "require");
  assert.equal(target("mysql://u@h/db?tls=false").tls.mode, "disable");
  for (
    const [host, part, mode] of [
      ["127.0.0.1", "lms", "disable"],
      ["localhost", "lms", "disable"],
      ["[::1]", "lms", "disable"],
      ["%2Frun", "lms", "disable"],
      ["%2Frun", "state", "disable"],
      ["localhost", "state", "prefer"],
      ["127.example.org", "lms", "prefer"],
      ["localhost,db", "lms", "prefer"],
    ] as const
  ) assert.equal(target(`postgres://u@${host}/db`, part).tls.mode, mode, host);
});

Deno.test("paths of certificates begin at home or where the configuration is, also in the URL that is printed", () => {
  const { target, url } = read("postgres://u@h/db?sslrootcert=~/ca.pem&sslCert=c%20d.pem&sslkey=/k.pem");
  assert.deepEqual([target?.tls.ca, target?.tls.cert, target?.tls.key], [
    "/home/me/ca.pem",
    "/etc/lmsmon/c d.pem",
    "/k.pem",
  ]);
  assert.equal(url, "postgres://u@h/db?sslrootcert=/home/me/ca.pem&sslCert=/etc/lmsmon/c%20d.pem&sslkey=/k.pem");
  assert.deepEqual(parseDatabaseUrl(url, { part: "lms" }).target, target);
});

Deno.test("P14: what is unknown, contradicts itself or is given twice is named, with what is known", () => {
  const wrong: readonly (readonly [string, RegExp, Part?])[] = [
    [
      "postgres://u@h/db?sslmod=require",
      /the parameter "sslmod" \(did you mean "sslmode"\?\), which .* known are host, hostaddr, .*sslmode/,
    ],
    [
      "postgres://u@h/db?channel_binding=require",
      /channel_binding that is not implemented; lmsmon takes disable, prefer/,
    ],
    ["postgres://u@h/db?sslcrl=x", /the parameter "sslcrl"/],
    ["postgres://u@h/db?krbsrvname=x", /the parameter "krbsrvname"/],
    ["postgres://u@h/db?prepare=false", /the parameter "prepare"/],
    ["postgres://u@h/db?socket=/x", /the parameter "socket"/],
    ["mysql://u@h/db?target_session_attrs=any", /the parameter "target_session_attrs"/],
    ["postgres://u@h/db?wholly-different=x", /has a parameter, the 1st behind the "\?"/],
    ["postgres://u@h/db?sslmode=x&hunter2hunter2", /has a parameter, the 2nd behind the "\?"/],
    ["postgres://u@h/db?ssl=require&sslmode=disable", /different things about TLS in sslmode and ssl/],
    ["postgres://u@h/db?ssl=true&sslmode=prefer", /different things about TLS/],
    ["postgres://u@h/db?sslmode=sometimes", /a value of sslmode that is unknown; known are disable, allow/],
    ["postgres://u@h/db?ssl={}x", /a value of ssl that is unknown/],
    ['postgres://u@h/db?ssl={"ca":"x"}', /a value of ssl that is unknown/],
    ["postgres://u@h/db?sslmode=require&SSLMODE=require", /sslmode twice/],
    ["mysql://u@h/db?ssl-mode=required&sslmode=required", /sslmode twice \(sslmode, ssl-mode are the same\)/],
    ["postgres://u@h/db?sslmode", /sslmode without a value/],
    ["postgres://u@h/db?sslmode=", /sslmode without a value/],
    ["postgres://u@h/db?sslmode=prefer&sslrootcert=/ca", /a sslmode that checks no certificate/],
    ["postgres://u@h/db?sslmode=require&sslrootcert=system", /write verify-full/],
    ["postgres://u@h/db?sslmode=disable&sslcert=/c&sslkey=/k", /turns TLS off/],
    ["postgres://u@h/db?sslcert=/c", /sslcert without sslkey/],
    ["postgres://u@h/db?sslpassword=x", /without sslkey/],
    ["postgres://u@h/db?host=g", /one server in front of the "\?" and another behind it \(host\)/],
    ["postgres://127.0.0.1/db?host=/run", /one server in front/],
    ["mysql://u@h/db?socket=/run/x", /one server in front of the "\?" and another behind it \(socket\)/],
    ["mysql://u@/db?socket=/run/x&host=h", /a host and a socket/],
    ["mysql://u@localhost:3307/db?socket=/run/x", /a port and a socket/],
    ["mysql://u@/db?socket=run/x", /no absolute path/],
    ["mysql://u@h,i/db", /several hosts/],
    ["postgres://u@h:5432/db?port=5433", /one port in front/],
    ["postgres://u@h/db?port=1,2", /another number of ports/],
    ["postgres://u@h/db?port=0", /no number between 1 and 65535/],
    ["postgres://u@h/db?hostaddr=db", /no IP address/],
    ["postgres://u@h,i/db?hostaddr=10.0.0.1", /another number of addresses/],
    ["postgres://u@h/db?dbname=other", /one database in front/],
    ["postgres://u@h/db?user=v", /one user in front/],
    ["postgres://u:a@h/db?password=b", /two passwords/],
    ["postgres://u@h/db?pwd=a&password=b", /password twice/],
    ["postgres://u@h/db?schema=a&search_path=b", /others in search_path/],
    ["postgres://u@h/db?schema=a,,b", /list of schemas/],
    ["postgres://u@h/db?target_session_attrs=writable", /known are any, read-write/],
    ["postgres://u@h/db?connect_timeout=0", /connect_timeout that is no whole number/],
    ["postgres://u@h/db?prepare=maybe", /a value of prepare that is unknown/, "state"],
    ["postgres://u@%2Frun/db?sslmode=require", /TLS over a Unix socket/],
    ["mysql://u@10.0.0.1/db?ssl-mode=VERIFY_IDENTITY", /needs a host name/],
    ["postgres://u@h/", /names no database/],
    ["postgres://u@h/a/b", /is no valid URL/],
    ["postgres://u@ho%20st/db", /a host that is no name/],
    ["postgres://u@::1/db", /stands in \[ \]/],
    ["mysql://u@h/db", /must begin with postgres:\/\/ or pglite:/, "state"],
    ["pglite: ", /names no directory/, "state"],
    ["pglite:./state?sslmode=disable", /takes none/, "state"],
    ["pglite:///var/lib/x?prepare=false&schema=a", /takes none/, "state"],
  ];
  for (const [url, message, part] of wrong) assert.match(problemsOf(url, part), message, url);
  const both = problemsOf("postgres://u@h/?sslmod=x&connect_timeout=y");
  assert.match(both, /sslmod/);
  assert.match(both, /connect_timeout/);
  assert.match(both, /no database/);
});

Deno.test("P7: no secret of a URL is in the URL that is printed, in a problem, or in a log afterwards", () => {
  for (const name of ["password", "passwd", "PASS", "pwd", "sslpassword"]) {
    const secret = `hunter2-${name}`;
    const rest = name === "sslpassword" ? "&sslcert=/c&sslkey=/k" : "";
    const parsed = read(`postgres://u@h/db?${name}=${secret}${rest}`);
    assert.equal((name === "sslpassword" ? parsed.keyPassword : parsed.password)?.reveal(), secret);
    assert.ok(!`${parsed.url} ${JSON.stringify(parsed)} ${Deno.inspect(parsed, { depth: 9 })}`.includes(secret), name);
    assert.equal(redact(`login ${secret}`), "login ***");
  }
  const secrets = [
    "postgres://u:hun/ter2@h/db",
    "postgres://u:hun?ter2@h/db",
    "postgres://u:12/ter2@h/db",
    "postgres://u:12?port=ter2@h/db",
    "postgres://u:12/?dbname=ter2@h/db",
    "postgres://u@h/db?password=hun&ter2=hun&post=ter2",
    "postgres://u:hun#ter2@h/db",
    "postgres://u:hun%ter2@h/db",
    "postgres://u@h/db?sslmode=hunter2",
    "postgres://u@h/db?sslkey=hunter2",
    "postgres://u@hun^ter2/db",
  ];
  for (const url of secrets) assert.doesNotMatch(problemsOf(url), /hun|ter2/, url);
});

Deno.test("the state never goes into the LMS: any host of one URL that is a host of the other", () => {
  const same: readonly (readonly [string, string, boolean])[] = [
    ["postgres://ro@DB.example./lms", "postgres://w@db.example:5432/lms", true],
    ["postgres://h1,h2/lms", "postgres://h2/lms", true],
    ["postgres://h1,h2/lms", "postgres://h3/lms", false],
    ["postgres://localhost/lms", "postgres://127.0.0.1/lms", true],
    ["postgres://[::1]/lms", "postgres://%2Frun/lms", true],
    ["postgres:///lms?host=/run&port=7", "postgres://localhost:7/lms", true],
    ["postgres://localhost:5433/lms", "postgres://localhost/lms", false],
    ["postgres://h/lms?hostaddr=10.0.0.1", "postgres://10.0.0.1/lms", true],
    ["postgres://h/lms", "postgres://h/state", false],
    ["mysql://h:5432/lms", "postgres://h/lms", false],
    ["pglite:./a", "pglite:/etc/lmsmon/a/", true],
    ["pglite:./a", "pglite:./b", false],
    ["pglite:./a", "postgres://h/a", false],
  ];
  for (const [lms, state, expected] of same) {
    assert.equal(isSameDatabase(read(lms), read(state, "state")), expected, `${lms} ${state}`);
  }
});

Deno.test("schemasOf() keeps names apart, and quotes around commas", () => {
  assert.deepEqual(schemasOf("public"), ["public"]);
  assert.deepEqual(schemasOf(' a , "b,""c" ,$user'), ["a", 'b,"c', "$user"]);
  for (const text of ["", ",", "a,", 'a"b', '"a', '"a"b', "a,,b"]) assert.equal(schemasOf(text), null, text);
});

Deno.test("isLocalHost() knows this machine, and takes no other for it", () => {
  for (const host of ["localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "::1", "/run"]) {
    assert.ok(isLocalHost(host), host);
  }
  for (const host of ["127.example.org", "localhost.example.org", "10.0.0.1", "::2", "db"]) {
    assert.ok(!isLocalHost(host), host);
  }
});
