import assert from "node:assert/strict";
import { TcpProxy } from "../support/lms/tcp_proxy.ts";
import { onServer } from "../support/state/server_state.ts";
import { makePlace, postgresServer, through } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");

Deno.test(
  {
    ignore,
    name:
      "watch over a state restored under it: a full pass finds the lost events again, nobody is told twice or asked",
  },
  async () => {
    await using place = await makePlace({ state: "server" });
    const address = new URL(place.stateUrl);
    await using state = new TcpProxy({ hostname: address.hostname, port: Number(address.port || 5432) });
    await place.configure({
      state: { url: through(place.stateUrl, state.port) },
      zulip: { settle: "1s", request_timeout: "2s" },
    });
    const { student } = await place.pair();
    const exam = await place.lms.writer.exam();
    const news = (id: number) =>
      place.lms.writer.attempt({
        ...{ id, user_id: student, exam_id: exam, date: utcNow() },
        ...{ state: "Completed", result: "Pass", score: id, percentage: 50 },
      });
    const tells = (id: number) => (message: { readonly content: string }) => message.content.includes(` ${id}/`);
    await using watcher = place.home.start("watch", "--interval", "1s");
    await watcher.said(/First contact/);
    await news(51);
    await place.zulip.next(tells(51));
    await watcher.said(/Found 1 event\b/);
    // A backup, as of now; then more is told; then the backup takes the state's place.
    const name = address.pathname.slice(1);
    state.refuse();
    await onServer(async (sql) => {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
      await sql.unsafe(`create database ${name}_backup template ${name}`);
    });
    state.listen();
    await news(52);
    await place.zulip.next(tells(52));
    await news(53);
    await place.zulip.next(tells(53));
    state.refuse();
    await onServer(async (sql) => {
      await sql.unsafe(`drop database ${name} with (force)`);
      await sql.unsafe(`alter database ${name}_backup rename to ${name}`);
    });
    state.listen();
    await news(54);
    await place.zulip.next(tells(54), 90_000);
    const { code, err } = await watcher.stop();
    assert.equal(code, 0, err);
    for (const id of [51, 52, 53, 54]) assert.equal(place.zulip.messages.filter(tells(id)).length, 1, `${id}\n${err}`);
    assert.match(err, /The state database lost its connection: reading what the bot sent before the next message/);
    assert.match(err, /Read what the bot sent: \d+ deliver(?:y|ies) marked as sent, 0 unknown/);
    assert.doesNotMatch(err, /Cannot send/);
    assert.deepEqual(place.zulip.dmsTo(place.zulip.owner.id), []);
  },
);
