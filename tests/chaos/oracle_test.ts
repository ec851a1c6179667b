/** The oracle of the chaos harness finds what it is there to find: each kind of damage, done on purpose to a run that was good. */
import assert from "node:assert/strict";
import { ChaosRun } from "../../bench/chaos/chaos_run.ts";
import { makePlace, type Place } from "../../bench/chaos/place.ts";
import { runLmsmon } from "../../bench/chaos/watcher.ts";
import type { StateDb } from "../../lib/store/state_db.ts";
import { realPostgres } from "../support/databases.ts";

interface Damage {
  readonly name: string;
  readonly shows: "lost" | "duplicated" | "problems";
  readonly do: (place: Place, db: StateDb) => Promise<unknown> | void;
}

const DAMAGES: readonly Damage[] = [
  {
    name: "a message that is gone from Zulip",
    shows: "lost",
    do: ({ zulip }) => {
      const at = zulip.messages.findIndex(({ content }) => content.includes("#n="));
      zulip.realm.messages.splice(at, 1);
    },
  },
  {
    name: "a message that was sent twice",
    shows: "duplicated",
    do: ({ zulip }) => {
      const message = zulip.messages.findLast(({ content }) => content.includes("#n="));
      if (message !== undefined) zulip.realm.messages.push({ ...message, id: message.id + 1_000 });
    },
  },
  {
    name: "a delivery that ended without a reason that holds",
    shows: "lost",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_event_logs set status = 'suppressed', reason = 'dropped', message_id = null, zulip_user_id = null
         where log_id = (select min(log_id) from lmsmon.lms_event_logs where status = 'sent')`,
  },
  {
    name: "a delivery that was forgotten",
    shows: "lost",
    do: (_place, { sql }) =>
      sql`
        delete from lmsmon.lms_event_logs
         where log_id = (select max(log_id) from lmsmon.lms_event_logs where status = 'sent')`,
  },
  {
    name: "a change of a row that no event tells of",
    shows: "lost",
    do: ({ load }) => {
      const row = load.rows.exam.values().find((row) => row.present && row.versions.at(-1)?.verdict === "pass");
      row?.versions.push({ stage: "finished", verdict: "fail", score: 1 });
    },
  },
  {
    name: "a row that no event tells of",
    shows: "lost",
    do: ({ load }) => {
      const row = load.rows.exam.values().find((row) => row.present && row.versions.length > 0);
      if (row !== undefined) load.rows.exam.set(999_999, { ...row, id: 999_999 });
    },
  },
  {
    name: "an event of a row that was never committed",
    shows: "problems",
    do: ({ load }) => {
      const row = load.rows.content.values().find((row) => row.present && !row.mirror);
      load.rows.content.delete(row?.id ?? 0);
    },
  },
  {
    name: "an event that tells another score than was committed",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set activity_metadata = jsonb_set(activity_metadata, '{score}', '1234')
         where event_id = (select min(event_id) from lmsmon.lms_activity_events
                            where kind = 'exam' and stage = 'finished' and suppressed_reason is null)`,
  },
  {
    name: "history that was told",
    shows: "problems",
    do: (_place, { sql }) =>
      sql`
        update lmsmon.lms_activity_events set suppressed_reason = null
         where event_id = (select min(event_id) from lmsmon.lms_activity_events where suppressed_reason = 'first_contact')`,
  },
];

Deno.test({
  name: "consult() finds each kind of damage (chaos, seed 16)",
  ignore: await realPostgres() === null,
  fn: async (t) => {
    const run = new ChaosRun(16, () => {});
    await using place = await makePlace(run, { state: "server", notify: "  digest_above: 4" });
    const poll = async () => assert.equal((await runLmsmon("poll-once", place.config)).code, 0);
    await poll();
    await place.load.some(80);
    await poll();
    await place.load.finishedExams(20);
    await poll();
    await using db = await place.openState();
    // The mentor without an account has still a second to get one.
    const consult = () => place.consult({ sql: db.sql });
    const good = await consult();
    assert.deepEqual([good.problems, good.lost, good.duplicated], [[], 0, 0]);
    assert.ok(good.messages > 5 && good.rows > 50, JSON.stringify(good));
    for (const damage of DAMAGES) {
      await t.step(damage.name, async () => {
        const before = await consult();
        await damage.do(place, db);
        const after = await consult();
        const more = damage.shows === "problems"
          ? after.problems.length - before.problems.length
          : after[damage.shows] - before[damage.shows];
        assert.ok(more > 0, `${damage.shows}: ${more}\n${after.problems.join("\n")}`);
      });
    }
  },
});
