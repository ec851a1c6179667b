import assert from "node:assert/strict";
import { openEmbeddedLms } from "../../lib/demo/embedded_lms.ts";
import { LmsWriter } from "../../lib/demo/lms_writer.ts";
import { openLms } from "../../lib/source/open_lms.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { startZulipStandIn, UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { realPostgres } from "../support/databases.ts";
import type { TestLms } from "../support/lms/lms_database.ts";
import { testLmsConfig } from "../support/lms/test_lms_config.ts";
import { moodleTruth } from "../support/moodle/moodle_truth.ts";
import { restoreEmbeddedMoodle, restoreMoodle } from "../support/moodle/restore_moodle.ts";
import { testData } from "../support/shared_data.ts";
import { embeddedImage } from "../support/state/embedded_state.ts";
import { withState } from "../support/state/with_state.ts";
import { PollBench } from "../poll/poll_bench.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
import { MOODLE, storedEvents } from "./moodle_bench.ts";

const folder = await testData("moodle", "polls of a real Moodle");
const server = await realPostgres();

Deno.test({
  name: "a real Moodle in an embedded database becomes the same events as on a server, once",
  ignore: folder === null || server === null,
  fn: async () => {
    if (folder === null || server === null) return;
    const original = await restoreMoodle(server, folder);
    const truth = await moodleTruth(server, original.url).finally(() => original.drop());
    const { sql, close } = await openEmbeddedLms(null, (await embeddedImage("empty")).pglite);
    const execute = (statement: string) => sql.unsafe(statement);
    const opened: LmsSource[] = [];
    try {
      await restoreEmbeddedMoodle(execute, folder);
      await sql.unsafe("set search_path to public"); // the dump's own setting leaves none
      const config = testLmsConfig("pglite:memory", { name: SOURCE, preset: "moodle", moodle: MOODLE });
      const lms: TestLms = {
        config,
        deps: { sql },
        writer: new LmsWriter({ dialect: "postgres", execute }),
        execute,
        open: async (changes = {}) => {
          const source = await openLms({ ...config, ...changes }, { sql });
          opened.push(source);
          return source;
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      await withState("embedded", async (db, url) => {
        await using standIn = await startZulipStandIn({ rateLimit: UNLIMITED });
        const bench = new PollBench({ name: "embedded", lms: null, state: "embedded" }, lms, db, url, standIn, {});
        try {
          await bench.poll();
          assert.equal(truth.length, 100);
          assert.deepEqual(await storedEvents(bench), truth);
          assert.equal((await bench.poll()).tally.events, 0);
          await execute("update mdl_grade_items set gradepass = 13 where itemmodule = 'quiz' and iteminstance = 1");
          assert.deepEqual((await bench.poll()).tally.events, 4, "what failed by another pass mark");
        } finally {
          bench.close();
        }
      });
    } finally {
      for (const source of opened) await source.close();
      await close();
    }
  },
});
