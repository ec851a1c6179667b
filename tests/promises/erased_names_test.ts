import assert from "node:assert/strict";
import { actsNaming } from "../../sql/state/erase_acts.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { NamesInTexts } from "../../lib/privacy/names_in_texts.ts";
import { dropPoll } from "../../lib/poll/record/release.ts";
import { recordAct } from "../../lib/state/acts.ts";
import { forEachState } from "../support/state/with_state.ts";
import { outboxTest, SOURCE } from "../tell/outbox_fixture.ts";

/** What texts say, and whether it goes with her. */
const TEXTS: readonly (readonly [content: string, isHers: boolean])[] = [
  ["🎓 Anna passed Rank Test: 119/180 (66%)", true],
  ["🎓 **Anna**, Bela and Chris started Optics", true],
  ["[Anna](https://inst.example/7) (anna.k) failed", true],
  ["write to anna@inst.example", true],
  ["anna.k finished", true],
  ["🎓 Annabel passed Rank Test: 119/180 (66%)", false],
  ["Susanna and Hanna passed", false],
  ["annabel and Annä started", false],
  ["joanna@inst.example", false],
  ["annaxk finished", false],
  ["Anna7 started", false],
];

forEachState("P15: who is called like a piece of another name takes no text of the other along", async (db) => {
  await db.sql`
    insert into lmsmon.people (source, role, id, username, email, name) values
      ('lms', 'student', 1, 'anna.k', 'anna@inst.example', 'Anna'), ('lms', 'student', 2, 'annabel', null, 'Annabel'),
      ('lms', 'student', 3, 'su', null, 'Nna'), ('lms', 'student', 4, 'w', null, '王小明'), ('lms', 'student', 5, 'r', null, 'R.(x)*[y]\\+?^{2}$|z')`;
  const contents = [
    ...TEXTS.map(([content]) => content),
    "王小明通过了考试",
    "R.(x)*[y]\\+?^{2}$|z passed",
    "Rx(x)*[y] passed",
  ];
  await db.sql`
    insert into lmsmon.messages (message_id, source, recipient, kind, zulip_user_id, content, state, zulip_message_id)
    overriding system value
    select i, 'lms', 'mentor:3', 'single', 8, x.content, 'sent', 500 + i
      from unnest(${contents}::text[]) with ordinality as x (content, i)`;
  for (const reason of ["Anna is on leave", "Annabel is on leave"]) {
    await recordAct(db.sql, { source: "lms", command: "pause", reason, effect: "everything paused" });
  }
  const of = { role: "student", source: "lms", id: "1", reasons: ["Anna is on leave"] };
  const [acts] = await actsNaming(db.sql, of);
  assert.equal(acts?.acts, "1");
  const reason = { reasonCode: "art17", dryRun: false };
  const left = async () =>
    (await db.sql<{ content: string }[]>`select content from lmsmon.messages order by message_id`).map((row) =>
      row.content
    );
  const erased = await erase(db, { role: "student", source: "lms", id: "1" }, reason);
  const expected = contents.map((content, i) => TEXTS[i]?.[1] ? "(erased)" : content);
  assert.deepEqual(await left(), expected);
  // No other name stands in these; in the second one nobody knows who Bela is.
  assert.deepEqual(erased.alone, erased.zulipMessageIds);
  assert.deepEqual(
    (await db.sql<{ reason: string }[]>`select reason from lmsmon.audit order by audit_id`).map((row) => row.reason),
    ["(erased)", "Annabel is on leave", "art17"],
  );
  await erase(db, { role: "student", source: "lms", id: "5" }, reason);
  assert.deepEqual((await left()).slice(-3), ["王小明通过了考试", "(erased)", "Rx(x)*[y] passed"]);
  // Words are not divided here, and two signs are a name; three letters are none.
  await erase(db, { role: "student", source: "lms", id: "4" }, reason);
  assert.equal((await left()).at(-3), "(erased)");
  await erase(db, { role: "student", source: "lms", id: "3" }, reason);
  assert.deepEqual((await left()).slice(0, TEXTS.length), expected.slice(0, TEXTS.length));
});

/** What colleagues wrote of Zoéline Qüxley, whose name the LMS has with marks of their own. */
const REASONS: readonly (readonly [reason: string, isHers: boolean])[] = [
  ["waits for Zo\u00e9line", true],
  ["zo\u00e9line is ill", true],
  ["ZOE\u0301LINE QU\u0308XLEY is ill", true],
  ["called zeb@quux.example", true],
  ["Zo\u00e9lines Kurs", false],
  ["a strike", false],
];

forEachState(
  "P15: a name that a colleague typed goes, in large letters or small, also with a dropped poll",
  async (db) => {
    await db.sql`
    insert into lmsmon.people (source, role, id, username, email, name) values
      ('lms', 'student', 1, 'zoe.q', 'Zeb@Quux.Example', ${"Zoe\u0301line Qu\u0308xley"})`;
    for (const [reason] of REASONS) {
      await recordAct(db.sql, { source: "lms", command: "pause", reason, effect: "everything paused" });
      await db.sql`insert into lmsmon.pauses (source, scope, reason, ended_at) values ('lms', 'all', ${reason}, now())`;
      const [poll] = await db.sql<{ poll_id: string }[]>`
      insert into lmsmon.poll_runs (source, holder, mode, status, delivery)
      values ('lms', 'test', 'full', 'done', 'held') returning poll_id`;
      const pollId = poll?.poll_id ?? "";
      await db.sql`
      insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, marker, status, reason, created_at)
      values (${pollId}, 'lms', ${pollId}, 'mentor:3', ${pollId.padStart(16, "a")}, 'held', 'fuse', now())`;
      assert.equal(await dropPoll(db, "lms", pollId, reason), true);
    }
    await erase(db, { role: "student", source: "lms", id: "1" }, { reasonCode: "art17", dryRun: false });
    const expected = REASONS.map(([reason, isHers]) => isHers ? "(erased)" : reason);
    const dropped = expected.map((reason) => `dropped: ${reason}`);
    const { sql } = db;
    const texts = async (rows: PromiseLike<readonly { text: string | null }[]>) => (await rows).map(({ text }) => text);
    assert.deepEqual(await texts(sql`select reason as text from lmsmon.pauses order by pause_id`), expected);
    assert.deepEqual(await texts(sql`select delivery_reason as text from lmsmon.poll_runs order by poll_id`), dropped);
    assert.deepEqual(await texts(sql`select reason as text from lmsmon.lms_event_logs order by log_id`), dropped);
    assert.deepEqual(
      await texts(sql`select reason as text from lmsmon.audit where command like 'pause%' order by audit_id`),
      expected,
    );
    assert.deepEqual(
      await texts(sql`select reason as text from lmsmon.audit where command like 'release%' order by audit_id`),
      expected,
    );
  },
);

outboxTest(
  "P15: an erased mentor goes from what others were told, the name cut short or changed since",
  async (box) => {
    const long = "Thiruvananthapuram Venkataraman Krishnamurthy";
    const three = await box.mentor(3);
    await box.mentor(4, { name: long });
    await box.mentor(5, { name: "Old Name" });
    const notifier = box.notifier();
    for (const [student, mentor] of [[17, 4], [18, 5], [19, null]] as const) {
      const mentors = mentor === null ? [3] : [3, mentor];
      await box.link(student, mentors);
      await box.event({ student, mentors });
      await box.round(notifier);
    }
    const [first = "", second = ""] = box.contents(three);
    assert.match(first, /also told: Thiruvananthapuram Venkataraman Krishn.*…/);
    assert.match(second, /also told: Old Name/);
    await box.person("mentor", 5, { name: "New Name" });
    // As if nothing said any more that it went to both: the name is found all the same, as it was written.
    await box.db.sql`delete from lmsmon.lms_event_logs where recipient = 'mentor:4'`;
    const toThree = async () =>
      (await box.db.sql<{ content: string }[]>`
      select content from lmsmon.messages where recipient = 'mentor:3' order by message_id`).map((row) => row.content);
    for (const id of ["4", "5"]) {
      await erase(box.db, { role: "mentor", source: SOURCE, id }, { reasonCode: "art17", dryRun: false });
    }
    const [of4, of5, of19 = ""] = await toThree();
    assert.deepEqual([of4, of5], ["(erased)", "(erased)"]);
    assert.match(of19, /Student 19/);
  },
);

Deno.test("NamesInTexts finds names in texts as the database does", () => {
  const hers = new NamesInTexts(["Anna", "anna.k", "anna@inst.example"]);
  for (const [content, isHers] of TEXTS) assert.equal(hers.isOneIn(content), isHers, content);
  assert.ok(new NamesInTexts(["", "Nobody", "王小明"]).isOneIn("王小明通过了考试"));
  assert.deepEqual(["Li passed", "Lip passed", "a Li", ""].map((text) => new NamesInTexts(["Li"]).isOneIn(text)), [
    true,
    false,
    true,
    false,
  ]);
});
