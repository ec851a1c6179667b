import assert from "node:assert/strict";
import { actsNaming } from "../../sql/state/erase_acts.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { NamesInTexts } from "../../lib/privacy/names_in_texts.ts";
import { recordAct } from "../../lib/state/acts.ts";
import { forEachState } from "../support/state/with_state.ts";

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
  const [acts] = await actsNaming(db.sql, { role: "student", source: "lms", id: "1", names: ["Anna"] });
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
    ["(erased)", "Annabel is on leave"],
  );
  await erase(db, { role: "student", source: "lms", id: "5" }, reason);
  assert.deepEqual((await left()).slice(-3), ["王小明通过了考试", "(erased)", "Rx(x)*[y] passed"]);
  // Words are not divided here, and two signs are a name; three letters are none.
  await erase(db, { role: "student", source: "lms", id: "4" }, reason);
  assert.equal((await left()).at(-3), "(erased)");
  await erase(db, { role: "student", source: "lms", id: "3" }, reason);
  assert.deepEqual((await left()).slice(0, TEXTS.length), expected.slice(0, TEXTS.length));
});

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
