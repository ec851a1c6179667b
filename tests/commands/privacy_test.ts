import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { InsightsOptions, McpOptions, PrivacyOptions } from "../../lib/app/command_options.ts";
import { runExplain } from "../../lib/app/explain.ts";
import { runHistory } from "../../lib/app/history.ts";
import { runInsights } from "../../lib/app/insights.ts";
import { openMcpState } from "../../lib/app/mcp_state.ts";
import { runPreview } from "../../lib/app/preview.ts";
import { runPrivacy, runReapply } from "../../lib/app/privacy.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { unsaidErasures } from "../../lib/privacy/unsaid_erasures.ts";
import { hideErased } from "../../lib/app/keep_erased.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { createOutput } from "../../lib/base/output.ts";
import { findPerson } from "../../lib/people/find_person.ts";
import { recordAct } from "../../lib/state/acts.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { stateEpoch } from "../../lib/state/state_epoch.ts";
import { keyMark } from "../../sql/state/erasures.ts";
import { newestLine } from "../../sql/state/export.ts";
import { dumpOf } from "../support/state/dump_of.ts";
import { atDesk } from "./desk.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
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
    for (const students of [[17], [18], [17, 18], [17, 17], [17]]) {
      for (const student of students) await box.event({ student, mentors: [3] });
      await box.round(box.notifier());
    }
    assert.equal(box.contents(mentor).length, 5);
    // Of the last one retention took the text: nobody can say any more whether it named somebody else, too.
    await box.db.sql`
      update lmsmon.messages set content = '' where message_id = (select max(message_id) from lmsmon.messages)`;
    const said = await run(runPrivacy, { ...ERASE, person: "17", deleteMessages: true });
    assert.match(said, /4 message texts gone\nStill in Zulip: messages \d+, \d+\nDeleted there: \d+, \d+\n/);
    assert.match(said, /Not kept for a restored backup, .*privacy\.journal is not set\n$/);
    assert.equal(box.contents(mentor).length, 3, "the other student's, that of both, and that without a text");

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

Deno.test("an erasure that was killed after its commit is told of, and ends in Zulip, by the next one; then its ids are forgotten", () =>
  atDesk(async ({ box, run }) => {
    const mentor = await box.mentor(3);
    for (const students of [[17], [17, 18], [19]]) {
      for (const student of students) await box.event({ student, mentors: [3] });
      await box.round(box.notifier());
    }
    const { zulipMessageIds: [alone, shared] } = await erase(box.db, { role: "student", source: SOURCE, id: "17" }, {
      reasonCode: "art17",
      dryRun: false,
    });
    assert.ok(alone !== undefined && shared !== undefined);
    const said = run(runPrivacy, { ...ERASE, person: "17", deleteMessages: true });
    await assert.rejects(said, /erased/);
    assert.equal(box.contents(mentor).length, 2, "what named nobody else is gone");
    assert.deepEqual(await unsaidErasures(box.db.sql), []);

    await erase(box.db, { role: "student", source: SOURCE, id: "18" }, { reasonCode: "art17", dryRun: false });
    assert.match(
      await run(runPrivacy, { ...ERASE, person: "19" }),
      new RegExp(
        `^Erased before, and cut short: student [0-9a-f]{32} of ${SOURCE}. Still in Zulip: messages ${shared}\\n`,
      ),
    );
    assert.deepEqual(await unsaidErasures(box.db.sql), []);
  }));

Deno.test("privacy shows and counts what a mentor was told of as the second one, and reapply is written down", () =>
  atDesk(async ({ box, run }) => {
    const { sql } = box.db;
    for (const mentor of [3, 4]) await box.person("mentor", mentor);
    await sql`
      insert into lmsmon.mentor_sets (mentor_set_id, source, mentor_ids, export_json)
      overriding system value values (1, ${SOURCE}, '{3,4}', '[]')`;
    await sql`insert into lmsmon.lms_activity_event_mentors values (1, 0, ${SOURCE}, 3), (1, 1, ${SOURCE}, 4)`;
    for (const student of [17, 18]) await box.event({ student, mentors: [] });
    await sql`update lmsmon.lms_activity_events set mentor_id = 3, mentor_set_id = 1 where student_id = 17`;
    for (const reason of ["mentor 4 is ill", "a strike"]) {
      await recordAct(sql, { source: SOURCE, command: "pause", reason, effect: "everything paused" });
    }
    const shown = JSON.parse(await run(runPrivacy, { ...ERASE, action: "show", person: "4", role: "mentor" }));
    assert.deepEqual(shown.acts.map((act: { reason: string }) => act.reason), ["mentor 4 is ill"]);
    assert.deepEqual(shown.events.map((event: { student_id: number }) => event.student_id), [17]);
    assert.match(await run(runPrivacy, { ...ERASE, person: "4", role: "mentor" }), /: 1 event without a name/);
    assert.match(await run(runPrivacy, { ...ERASE, person: "3", role: "mentor" }), /: 1 event without a name/);

    const [key] = await keyMark(sql);
    const journal = await Deno.makeTempFile();
    const line = {
      key: key?.mark,
      role: "student",
      source: SOURCE,
      pseudonym: "ab".repeat(16),
      reason_code: "art17",
      erased_at: "2026-11-20T10:00:00.000000Z",
    };
    await Deno.writeTextFile(journal, `${JSON.stringify(line)}\n`);
    for (let i = 0; i < 2; i++) await run(runReapply, { journal, dryRun: false, yes: true, json: false });
    await Deno.remove(journal);
    const acts = await sql<
      { act: string }[]
    >`select command || ': ' || effect as act from lmsmon.audit order by audit_id`;
    assert.deepEqual(acts.map(({ act }) => act.replace(/[0-9a-f]{32}/, "…")), [
      "pause: everything paused",
      "pause: everything paused",
      "privacy erase: mentor … erased",
      "privacy erase: mentor … erased",
      "privacy reapply: 1 erasure of the journal applied",
    ]);
  }));

const INSIGHTS: InsightsOptions = {
  at: null,
  course: null,
  mentor: null,
  list: "all",
  explain: null,
  json: true,
  csv: false,
  dryRun: false,
};

Deno.test("P15: no command shows whom the journal says was erased, and a state that is older than it has another epoch", () =>
  atDesk(async ({ box, run }) => {
    const { sql } = box.db;
    const folder = await Deno.makeTempDir();
    const withJournal = <O>(command: (context: CommandContext, options: O) => Promise<unknown>) => {
      return (context: CommandContext, options: O) =>
        command({
          ...context,
          config: { ...context.config, privacy: { journal: join(folder, "journal.jsonl") } },
        }, options);
    };
    await box.person("mentor", 3);
    const shows: readonly (readonly [name: string, () => Promise<string>])[] = [
      ["show", () => run(withJournal(runPrivacy), { ...ERASE, action: "show", person: "17" })],
      ["history", () =>
        run(withJournal(runHistory), {
          student: "17",
          since: null,
          cursor: null,
          format: "text",
          maxTokens: null,
        })],
      ["explain", () =>
        run(withJournal(runExplain), {
          about: { kind: "student", who: "17", mentor: null, exam: null },
          since: null,
          limit: 10,
          json: false,
        })],
      ["mcp", async () => {
        await run(
          withJournal(async (context: CommandContext, options: McpOptions) => {
            await using opened = await openMcpState(context, options);
            await findPerson(opened.db.sql, SOURCE, "student", "17");
          }),
          { identified: true, mentor: null },
        );
        return "17";
      }],
      ["insights", async () => {
        await run(withJournal(runInsights), INSIGHTS);
        await findPerson(sql, SOURCE, "student", "17");
        return "17";
      }],
      ["preview", async () => {
        await run(withJournal(runPreview), { since: 0, until: 1, json: true });
        await findPerson(sql, SOURCE, "student", "17");
        return "17";
      }],
    ];
    try {
      for (const [name, shown] of shows) {
        await box.event({ student: 17, mentors: [3] });
        assert.match(await shown(), /17/, name);
        const before = await stateEpoch(box.db);
        await run(withJournal(runPrivacy), { ...ERASE, person: "17" });
        const erased = await newestLine(sql);
        // As a backup has it that is older than the erasure.
        await sql`delete from lmsmon.tombstones`;
        await sql`update lmsmon.lms_activity_events set student_id = 17`;
        await sql`update lmsmon.facts set value = value || '{"newest_event": 1}' where name = 'state_epoch'`;
        await assert.rejects(shown(), /this student was erased/, name);
        // The id of the erasure is another one's now, and not below any that was seen.
        assert.ok(BigInt((await newestLine(sql))[0]?.newest ?? 0) > BigInt(erased[0]?.newest ?? 0));
        assert.notEqual(await stateEpoch(box.db), before, name);
        // The next one begins anew.
        await sql`delete from lmsmon.tombstones`;
        await Deno.remove(join(folder, "journal.jsonl"));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }));

Deno.test("P15: where nobody can say or mend who of a journal is in the state, people are not shown", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const journal = join(folder, "journal.jsonl");
    const context = {
      config: { state: { url: "postgres://ro@127.0.0.1:1/x", password: null }, privacy: { journal } },
      clock: systemClock,
      log: getLogger(["lmsmon", "test"]),
    } as unknown as CommandContext;
    const db = { sql: () => Promise.reject(new Error("permission denied for table tombstones")) } as unknown as StateDb;
    await hideErased(context, db); // no journal, nothing to ask
    const line = { key: "k", role: "student", source: SOURCE, pseudonym: "ab".repeat(16), reason_code: "x" };
    await Deno.writeTextFile(journal, `${JSON.stringify({ ...line, erased_at: "2026-11-20T10:00:00.000000Z" })}\n`);
    await assert.rejects(hideErased(context, db), {
      name: "StateError",
      message: /^Cannot show people of a state that is older than erasures in .*: permission denied/,
    });
    await Deno.writeTextFile(journal, "{");
    await hideErased(context, db); // a spoilt journal is a warning, as at every start
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

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
