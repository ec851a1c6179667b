import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { PrivacyOptions } from "../../lib/app/command_options.ts";
import { runPrivacy } from "../../lib/app/privacy.ts";
import { createOutput } from "../../lib/base/output.ts";
import { dumpOf } from "../support/state/dump_of.ts";
import { atDesk } from "./desk.ts";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ERASE: PrivacyOptions = {
  action: "erase",
  person: "",
  role: "student",
  source: null,
  reasonCode: "art17",
  dryRun: false,
  yes: true,
  deleteMessages: false,
  json: false,
};

Deno.test("privacy erase deletes in Zulip what names nobody else, and reports whatever fails after the erasure", () =>
  atDesk(async ({ box, run }) => {
    const mentor = await box.mentor(3);
    for (const students of [[17], [18], [17, 18]]) {
      for (const student of students) await box.event({ student, mentors: [3] });
      await box.round(box.notifier());
    }
    assert.equal(box.contents(mentor).length, 3);
    const said = await run(runPrivacy, { ...ERASE, person: "17", deleteMessages: true });
    assert.match(said, /2 message texts gone\nStill in Zulip: messages \d+\nDeleted there: \d+\n/);
    assert.equal(box.contents(mentor).length, 2, "the other student's, and that of both");

    // The journal's folder goes away between the look at it and the writing.
    const folder = await Deno.makeTempDir();
    let text = "";
    const writeSync = (chunk: Uint8Array) => {
      text += new TextDecoder().decode(chunk);
      return chunk.length;
    };
    const out = createOutput({ writeSync, write: (c) => Promise.resolve(writeSync(c)), isTerminal: () => false });
    const journalled = (context: CommandContext, options: PrivacyOptions) => {
      const privacy = { journal: join(folder, "journal.jsonl") };
      return runPrivacy({ ...context, out, config: { ...context.config, privacy } }, options);
    };
    const erasing = box.db.sql.begin(async (hold) => {
      await hold`select from lmsmon.recipients for update`;
      const begun = run(journalled, { ...ERASE, person: "18" });
      let ended = false;
      begun.then(() => ended = true, () => ended = true);
      for (let waits = 0; waits === 0;) {
        assert.ok(!ended, "it waits for whoever holds the recipients");
        await hold`select pg_stat_clear_snapshot()`;
        const [row] = await hold<{ n: number }[]>`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        waits = row?.n ?? 0;
      }
      // Whoever delivers holds recipients and goes on to messages: an erasure that waits for it does not hold those.
      await hold`select from lmsmon.messages for update nowait`;
      await Deno.remove(folder, { recursive: true });
      return { begun };
    });
    await assert.rejects((await erasing).begun, /Cannot write the journal of erasures/);
    assert.match(text, /^Erased student [0-9a-f]{32} of testpress: .*\nStill in Zulip: messages \d+, \d+\n$/);
  }));

const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };

Deno.test({
  name:
    "P15: a person is erased under a running watch that has something to tell of them: nobody hears of it, and watch goes on",
  ignore: postgresServer === null,
}, async () => {
  await using place = await makePlace();
  await place.configure({ zulip: { settle: "1s", request_timeout: "3s" } });
  const { lms: { writer }, zulip, home } = place;
  const { mentor } = await place.pair();
  const exam = await writer.exam();
  const news = async (id: number, name: string) => {
    await writer.student({ id, display_name: name, username: `${name.replace(" ", ".")}`, email: null });
    await writer.link(mentor, id);
    const date = Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");
    await writer.attempt({ id: id % 1000, user_id: id, exam_id: exam, date, ...PASSED });
  };
  await using watcher = home.start("watch", "--interval", "1s");
  await watcher.said(/First contact/);
  zulip.fault({ kind: "503_html", times: 1_000_000, match: ({ method }) => method === "POST" });
  await news(76543210, "Zebulon Quuxley");
  await watcher.said(/Delivery pauses/);
  const erased = await home.run("privacy", "erase", "76543210", "--reason-code", "art17", "--yes");
  assert.equal(erased.code, 0, erased.err);
  await news(76543211, "Hortensia Wimbledorf");
  const told = zulip.next(({ content }) => content.includes("Hortensia"));
  zulip.clearFaults();
  await told;
  await watcher.said(/Delivery goes on/);
  const { code, err } = await watcher.stop();
  assert.deepEqual([code, /Quuxley/.test(err)], [0, false]);
  assert.ok(zulip.messages.every(({ content }) => !content.includes("Quuxley")));
  const dump = await dumpOf(place.stateUrl) ?? "Hortensia";
  assert.match(dump, /Hortensia/);
  assert.deepEqual(dump.split("\n").filter((line) => /Quuxley|76543210/.test(line)), []);
});
