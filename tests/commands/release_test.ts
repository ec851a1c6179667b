import { getLogger } from "@logtape/logtape";
import assert from "node:assert/strict";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { ReleaseOptions } from "../../lib/app/command_options.ts";
import { runRelease } from "../../lib/app/release.ts";
import type { Config } from "../../lib/config/config.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { CommandError } from "../../lib/base/errors.ts";
import { createOutput } from "../../lib/base/output.ts";
import { openState } from "../../lib/state/open_state.ts";
import { beginPoll, finishPoll } from "../../lib/poll/record/poll_runs.ts";
import { recordBatch } from "../../lib/poll/record/record_batch.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { attempt, batch, change, options, told } from "../poll/record/batches.ts";
import { startPolling } from "../poll/record/start_polling.ts";
import { withState } from "../support/state/with_state.ts";

const OPTIONS: ReleaseOptions = {
  poll: null,
  drop: false,
  reason: null,
  list: false,
  yes: false,
  dryRun: false,
  json: false,
};

/** Runs the command; what it printed. */
async function release(url: string, chosen: Partial<ReleaseOptions>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const writeSync = (chunk: Uint8Array) => {
    text += decoder.decode(chunk);
    return chunk.length;
  };
  const config = {
    source: { name: "testpress" },
    state: { url, password: null },
    notify: { digestAbove: 1, timezone: "Asia/Kolkata" },
  } as unknown as Config;
  const context: CommandContext = {
    config,
    stop: { soft: new AbortController().signal, hard: new AbortController().signal },
    clock: systemClock,
    out: createOutput({ writeSync, write: (c) => Promise.resolve(writeSync(c)), isTerminal: () => false }),
    log: getLogger(["lmsmon", "test"]),
  };
  await runRelease(context, { ...OPTIONS, ...chosen });
  return text;
}

/** Two polls that the fuse holds: one event, and two, each for two mentors. Returns their ids. */
async function holdTwoPolls(db: StateDb): Promise<[string, string]> {
  const { lease, stream, pollId } = await startPolling(db);
  const next = async (poll: string, ids: readonly string[]) => {
    const changes = ids.map((id) => change(attempt(id), told(attempt(id))));
    await recordBatch(db, lease, batch(stream, poll, changes), options);
    const counts = { rowsRead: 0, rowsMissing: 0, regressions: 0, skippedFullPass: false, unreadableTexts: 0 };
    const fuse = { messagesPerPoll: 1, revisionsPerPoll: 1 };
    await finishPoll(db, lease, poll, counts, { fuse, digestAbove: 1 });
  };
  await next(pollId, ["1"]);
  const second = await beginPoll(db, lease, "full");
  await next(second, ["2", "3"]);
  return [pollId, second];
}

const logs = async (db: StateDb) =>
  (await db.sql`
    select poll_id, status, reason, count(*)::int as n from lmsmon.lms_event_logs group by 1, 2, 3 order by 1`)
    .map((r) => `${r.poll_id} ${r.status} ${r.reason} ${r.n}`);

Deno.test("P11: release lists held polls, lets one go and drops the other", async () => {
  await withState("server", async (db, url) => {
    const [first, second] = await holdTwoPolls(db);
    const { held } = JSON.parse(await release(url, { list: true, json: true }));
    assert.deepEqual(Object.keys(held[0]), [
      "poll_id",
      "started_at",
      "reason",
      "messages",
      "recipients",
      "events",
      "revisions",
      "without_mentor",
    ]);
    assert.deepEqual(held.map((h: { poll_id: number; messages: number }) => [h.poll_id, h.messages]), [
      [Number(first), 2],
      [Number(second), 2],
    ]);
    const table = await release(url, { list: true });
    assert.match(table, /poll +started +messages/);
    assert.match(table, /2 messages in one poll, more than 1/);

    assert.equal(
      await release(url, { poll: first, dryRun: true }),
      `Would be released: poll ${first}: 2 messages about 1 event\n`,
    );
    assert.deepEqual(await logs(db), [`${first} held fuse 2`, `${second} held fuse 4`]);

    assert.match(await release(url, { poll: first }), /^Released: poll \d+: 2 messages about 1 event\nThey leave/);
    assert.deepEqual(await logs(db), [`${first} pending null 2`, `${second} held fuse 4`]);
    await assert.rejects(release(url, { poll: first }), (error) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.message, `Cannot release poll ${first}: it holds no messages`);
      assert.match(error.hint ?? "", /release --list/);
      return true;
    });

    const dropped = JSON.parse(await release(url, { drop: true, reason: "restored LMS", json: true }));
    assert.deepEqual([dropped.action, dropped.dry_run, dropped.reason, dropped.polls.length], [
      "dropped",
      false,
      "restored LMS",
      1,
    ]);
    assert.deepEqual(await logs(db), [`${first} pending null 2`, `${second} suppressed dropped: restored LMS 4`]);
    assert.equal(await release(url, { list: true }), "No messages are held.\n");
    assert.equal(await release(url, { drop: true, reason: "x" }), "No messages are held.\n");
  });
});

Deno.test("release works on an embedded state, and a dry run creates none", async () => {
  const directory = await Deno.makeTempDir({ prefix: "lmsmon-release-" });
  try {
    const url = `pglite:${directory}/state`;
    assert.equal(await release(url, { list: true }), "No messages are held.\n");
    assert.deepEqual([...Deno.readDirSync(directory)], []);
    {
      await using db = await openState({ url, password: null });
      await holdTwoPolls(db);
    }
    assert.match(await release(url, { drop: true, reason: "x" }), /Dropped: poll 1: 2 messages.*\nDropped: poll 2/);
    assert.equal(await release(url, { list: true }), "No messages are held.\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
