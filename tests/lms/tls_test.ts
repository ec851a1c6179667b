import assert from "node:assert/strict";
import { lmsAddress } from "../../lib/lms/lms_address.ts";
import type { LmsConfig } from "../../lib/config/config.ts";

function address(url: string, password: string | null = null) {
  const config: LmsConfig = {
    name: "testpress",
    url,
    password: password === null ? null : { reveal: () => password },
    preset: "testpress",
    timezone: "UTC",
    links: {},
    statementTimeoutMs: 1000,
    examDurationUnit: "auto",
  };
  return lmsAddress(config);
}

Deno.test("lmsAddress() reads hosts, ports, names and passwords out of URLs", () => {
  const plain = address("postgresql://lms%40ro:p%3Aw@db.example.org/lms?schema=prod");
  assert.deepEqual(
    [plain.dialect, plain.host, plain.port, plain.user, plain.password, plain.database, plain.schema, plain.label],
    ["postgres", "db.example.org", 5432, "lms@ro", "p:w", "lms", "prod", "db.example.org:5432/lms"],
  );
  assert.equal(address("postgres://u:a@h/lms", "b").password, "b", "lms.password wins");
  const six = address("mariadb://root@[::1]:3307/lms");
  assert.deepEqual([six.dialect, six.host, six.port, six.label], ["mysql", "::1", 3307, "[::1]:3307/lms"]);
  const socket = address("postgres:///lms?host=/var/run/postgresql");
  assert.deepEqual([socket.host, socket.label], ["/var/run/postgresql", "/var/run/postgresql/lms"]);
});

Deno.test("lmsAddress() knows both databases' words for TLS, and asks for it anywhere but on this machine", () => {
  const mode = (url: string) => address(url).tls.mode;
  for (const word of ["disable", "prefer", "require", "verify-ca", "verify-full"]) {
    assert.equal(mode(`postgres://u@h/lms?sslmode=${word}`), word);
    assert.equal(mode(`mysql://u@h/lms?sslmode=${word}`), word);
  }
  assert.equal(mode("mysql://u@h/lms?ssl-mode=VERIFY_IDENTITY"), "verify-full");
  assert.equal(mode("mysql://u@h/lms?ssl=true"), "require");
  assert.equal(mode("mysql://u@h/lms?ssl=false"), "disable");
  assert.equal(mode('mysql://u@h/lms?ssl={"rejectUnauthorized":true}'), "verify-full");
  assert.equal(mode("postgres://u@db.example.org/lms"), "prefer");
  assert.equal(mode("postgres://u@127.0.0.1/lms"), "disable");
  assert.equal(mode("mysql://u@localhost/lms"), "disable");
});
