import assert from "node:assert/strict";
import { Secret } from "../../lib/base/secrets.ts";
import { ConfigError, StateError } from "../../lib/base/errors.ts";
import { openState } from "../../lib/state/open_state.ts";
import { databaseUrl, onServer, serverUrl } from "../support/state/server_state.ts";
import { serverTest, withState } from "../support/state/with_state.ts";

Deno.test("openState() says which server cannot be reached", async () => {
  await assert.rejects(openState({ url: "postgres://lmsmon@127.0.0.1:1/lms", password: null }), (error: Error) => {
    assert.ok(error instanceof StateError);
    assert.equal(error.exitCode, 1);
    assert.match(
      error.message,
      /^Cannot reach the state database postgres:\/\/lmsmon@127\.0\.0\.1:1\/lms: .*ECONNREFUSED/,
    );
    assert.match(error.hint ?? "", /state\.url/);
    return true;
  });
});

Deno.test("openState() gives up on a server that accepts and never answers", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) connections.push(connection);
  })();
  try {
    const opening = openState({ url: `postgres://u@127.0.0.1:${port}/d?sslmode=disable`, password: null }, {
      connectTimeoutS: 1,
    });
    await assert.rejects(opening, /Cannot reach the state database .*CONNECT_TIMEOUT/);
  } finally {
    silent.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
});

serverTest("P7: openState() names user and database when the server refuses, and never the password", async () => {
  const password = new Secret("hunter2-very-secret");
  const missing = openState({ url: databaseUrl("lmsmon_no_such_database"), password });
  await assert.rejects(missing, (error: Error) => {
    assert.ok(error instanceof StateError);
    assert.match(error.message, /refused: database "lmsmon_no_such_database" does not exist/);
    assert.ok(!Deno.inspect(error, { depth: 20, showHidden: true }).includes("hunter2"));
    return true;
  });
  const stranger = new URL(serverUrl);
  stranger.username = "lmsmon_nobody";
  const nobody = openState({ url: stranger.href, password });
  await assert.rejects(nobody, (error: Error) => {
    assert.ok(error instanceof StateError);
    assert.match(error.message, /refused: .*lmsmon_nobody/);
    assert.match(error.hint ?? "", /state\.password_file/);
    return true;
  });
});

serverTest(
  "openState() of a server: COPY works, names its session, cannot write in a dry run",
  () =>
    withState("server", async (state, url) => {
      assert.equal(state.mode, "server");
      assert.equal(state.copy, true);
      const [session] = await state.sql`
      select current_setting('application_name') as name, current_setting('TimeZone') as zone,
             current_setting('idle_in_transaction_session_timeout') as idle`;
      assert.deepEqual(session, { name: "lmsmon", zone: "UTC", idle: "1min" });
      await using dry = await openState({ url, password: null }, { dryRun: true });
      await assert.rejects(dry.sql`insert into lmsmon.sources (source) values ('x')`, { code: "25006" });
    }),
);

serverTest(
  "openState() reads times right whatever the database's own settings",
  () =>
    withState("server", async (_state, url) => {
      const name = new URL(url).pathname.slice(1);
      await onServer((sql) =>
        sql.unsafe(
          `alter database ${name} set DateStyle = 'German'; alter database ${name} set TimeZone = 'Asia/Kolkata'`,
        )
      );
      await using state = await openState({ url, password: null });
      const [row] = await state.sql`select timestamptz '2026-11-20T09:15:00.5Z' as at`;
      assert.equal(String(row?.["at"]), "2026-11-20T09:15:00.5Z");
    }),
);

serverTest(
  "close() is idempotent and ends the process's connections",
  () =>
    withState("server", async (_state, url) => {
      const state = await openState({ url, password: null });
      await state.sql`select 1`;
      await Promise.all([state.close(), state.close()]);
      await state.close();
      await assert.rejects(async () => await state.sql`select 1`, { code: "CONNECTION_ENDED" });
    }),
);

Deno.test("openState() refuses a URL that it cannot follow to the letter, before it connects", async () => {
  for (
    const [query, message] of [
      ["sslmode=sometimes", /a value of sslmode that is unknown/],
      ["sslmode=verify-full&sslrootcert=/nowhere.pem", /a sslrootcert that does not exist/],
      ["channel_binding=require", /channel_binding that is not implemented/],
      ["ssl=require&sslmode=disable", /different things about TLS/],
    ] as const
  ) {
    const opening = openState({ url: `postgres://u@127.0.0.1:1/d?${query}`, password: null });
    await assert.rejects(opening, (error: unknown) => error instanceof ConfigError && message.test(error.message));
  }
});
