import assert from "node:assert/strict";
import { testLmsConfig } from "../support/lms/test_lms_config.ts";
import { openDriver } from "../../lib/source/open_lms.ts";
import { LmsError, StateError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import { withPostgres } from "../support/databases.ts";
import { spawnMariaDb, spawnPostgres } from "../support/spawned_servers.ts";

/** Two servers that tell themselves apart by a setting; the second takes no writes. */
const [writable, readOnly] = [
  await spawnPostgres({ args: () => ["-c", "cluster_name=writable"] }),
  await spawnPostgres({ args: () => ["-c", "cluster_name=readonly", "-c", "default_transaction_read_only=on"] }),
];
const ignore = writable === null || readOnly === null;
const a = `127.0.0.1:${portOf(writable)}`;
const b = `127.0.0.1:${portOf(readOnly)}`;
const nobody = "127.0.0.1:1";
const NAME = "select current_setting('cluster_name')";

const CASES: readonly (readonly [string, string])[] = [
  [`${a},${b}/postgres`, "writable"],
  [`${nobody},${b}/postgres?target_session_attrs=any`, "readonly"],
  [`${b},${nobody},${a}/postgres?target_session_attrs=read-write`, "writable"],
  [`${a},${b}/postgres?target_session_attrs=read-only`, "readonly"],
  [`${b},${a}/postgres?target_session_attrs=primary`, "readonly"],
  [`${a},${b}/postgres?target_session_attrs=prefer-standby`, "writable"],
  [`${nobody},${a}/postgres?load_balance_hosts=random`, "writable"],
  [`/postgres?host=127.0.0.1,127.0.0.1&port=1,${portOf(readOnly)}&target_session_attrs=any`, "readonly"],
];

for (const [rest, expected] of CASES) {
  for (const part of ["lms", "state"] as const) {
    Deno.test({
      name: `${part}.url reaches the ${expected} of ${masked(rest)}`,
      ignore,
      fn: async () => {
        const url = `postgres://postgres@${rest}`;
        assert.equal(part === "lms" ? await viaLms(url, NAME) : await viaState(url), expected);
      },
    });
  }
}

Deno.test({
  name: "state.url with several hosts and no word looks for one that can be written",
  ignore,
  fn: async () => assert.equal(await viaState(`postgres://postgres@${b},${a}/postgres`), "writable"),
});

Deno.test({
  name: "several hosts of which none will do are one error that says what each is, and it ends",
  ignore,
  fn: async () => {
    const url = `postgres://postgres@${nobody},${a}/postgres?target_session_attrs=standby`;
    const expected = new RegExp(
      `no server is there for target_session_attrs=standby: ${nobody}: .*ECONNREFUSED.*; ${a} is a primary`,
    );
    await assert.rejects(viaLms(url, NAME), (error: unknown) => {
      assert.ok(error instanceof LmsError && error.reason === "unreachable", String(error));
      assert.match(error.message, expected);
      return true;
    });
    await assert.rejects(
      viaState(url),
      (error: unknown) => error instanceof StateError && expected.test(error.message),
    );
  },
});

Deno.test({
  name: "a login that one of several hosts refuses is tried at no other",
  ignore,
  fn: () =>
    assert.rejects(viaLms(`postgres://lmsmon_nobody@${a},${b}/postgres`, NAME), /Cannot log in .*lmsmon_nobody/),
});

Deno.test({
  name: "?host= names a Unix socket, and that server is read and no other",
  ignore,
  fn: async () => {
    const folder = await withPostgres(readOnly ?? "", async (sql) => {
      const [row] = await sql.unsafe<{ unix_socket_directories: string }[]>("show unix_socket_directories");
      return row?.unix_socket_directories ?? "";
    });
    const port = portOf(readOnly);
    for (
      const url of [
        `postgres://postgres@localhost/postgres?host=${folder}&port=${port}`,
        `postgres://postgres@localhost:${port}/postgres?host=${encodeURIComponent(folder)}`,
        `postgres://postgres@${encodeURIComponent(folder)}:${port}/postgres`,
        `postgres:///postgres?user=postgres&host=${folder}&port=${port}`,
      ]
    ) {
      assert.equal(await viaLms(url, NAME), "readonly", url);
      assert.equal(await viaState(url), "readonly", url);
    }
  },
});

const maria = await spawnMariaDb();

Deno.test({
  name: "?socket= names the MariaDB that is read and no other, also with localhost in front",
  ignore: maria === null,
  fn: async () => {
    const socket = await viaLms(maria ?? "", "select @@socket");
    assert.match(socket, /^\/(tmp|dev\/shm)\//, "one of its own, wherever tests keep servers");
    for (const front of ["root@localhost", "root@localhost:3306", "root@"]) {
      for (const name of ["socket", "socketPath", "unix_socket"]) {
        const url = `mysql://${front}/mysql?${name}=${socket}`;
        assert.equal(await viaLms(url, "select @@socket"), socket, url);
      }
    }
  },
});

Deno.test({
  name: "several schemas stay several, in their order, and with their letters",
  ignore,
  fn: async () => {
    await withPostgres(
      writable ?? "",
      (sql) =>
        sql.unsafe(
          'create schema "Eins"; create schema "zw,ei"; create table "zw,ei".here (n int); create table "Eins".both (n int);' +
            'create table "zw,ei".both (n int)',
        ),
    );
    const seen =
      "select current_schemas(false)::text, to_regclass('here')::text, (to_regclass('both') = '\"Eins\".both'::regclass)::text";
    for (const word of ["schema", "search_path"]) {
      const url = `postgres://postgres@${a}/postgres?${word}=Eins,"zw,ei"`;
      const { driver } = await openDriver(testLmsConfig(url));
      try {
        const [row] = await driver.read((session) => session.rows(seen));
        assert.deepEqual(row, ['{pg_catalog,Eins,"zw,ei"}', "here", "true"]); // nothing of theirs stands before what is the server's own
      } finally {
        await driver.close();
      }
    }
  },
});

Deno.test({
  name: "application_name and options reach the server, and no option makes a session writable",
  ignore,
  fn: async () => {
    const url =
      `postgres://postgres@${a}/postgres?application_name=my+mon&options=-c%20default_transaction_read_only%3Doff%20-c%20work_mem%3D5MB`;
    const question = "select concat_ws(' ', current_setting('application_name'), current_setting('work_mem')," +
      " current_setting('transaction_read_only'), current_setting('default_transaction_read_only'))";
    assert.equal(await viaLms(url, question), "my+mon 5MB on on");
  },
});

async function viaLms(url: string, question: string): Promise<string> {
  const { driver } = await openDriver(testLmsConfig(url));
  try {
    const [row] = await driver.read((session) => session.rows(question));
    return String(row?.[0]);
  } finally {
    await driver.close();
  }
}

async function viaState(url: string): Promise<string> {
  await using state = await openState({ url, password: null }, { migrate: "skip" });
  const [row] = await state.sql.unsafe<{ current_setting: string }[]>(NAME);
  return String(row?.current_setting);
}

function portOf(url: string | null): number {
  return url === null ? 0 : Number(new URL(url).port);
}

/** Ports change with each run; a test's name does not. */
function masked(rest: string): string {
  return rest.replaceAll(a, "A").replaceAll(b, "B").replaceAll(nobody, "NOBODY").replace(String(portOf(readOnly)), "B");
}
