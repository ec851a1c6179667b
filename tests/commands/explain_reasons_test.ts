import assert from "node:assert/strict";
import { REASONS } from "../../lib/tell/reasons.ts";
import { absent, account, hindered } from "./reasons/around.ts";
import { type Case, type Cases, CHANNEL } from "./reasons/cases.ts";
import { atReasonDesk, type ReasonDesk } from "./reasons/desk.ts";
import { dead, held, suppressed, under_way } from "./reasons/ended.ts";
import { event, exclusion, waiting } from "./reasons/not_yet.ts";

/** About no event; tests/tell/letters_test.ts brings it about. */
const OF_WEEKLY_MESSAGES = "nobody_named";

/** In this order, since nothing leaves any more once the guard holds. */
const CASES: Cases = { event, exclusion, waiting, suppressed, account, absent, held, under_way, dead, hindered };

Deno.test("explain names every reason that there is, in sentences and as JSON, and says what would change it", async (t) => {
  assert.deepEqual(Object.keys(CASES).toSorted(), Object.keys(REASONS).toSorted());
  await atReasonDesk({ channels: [{ name: CHANNEL.channel }] }, async (desk) => {
    for (const [place, cases] of Object.entries<Readonly<Record<string, Case>>>(CASES)) {
      assert.deepEqual(
        Object.keys(cases).toSorted(),
        Object.keys(REASONS[place as keyof Cases]).filter((reason) => reason !== OF_WEEKLY_MESSAGES).toSorted(),
        place,
      );
      for (const [reason, each] of Object.entries(cases)) {
        await t.step(`${place}: ${reason}`, () => shows(desk, place, reason, each));
      }
    }
  });
});

async function shows(desk: ReasonDesk, place: string, reason: string, { bring, says, change }: Case) {
  const answer = await desk.ask(await bring(desk));
  await desk.hangUp();
  desk.hangUp = () => Promise.resolve();
  const rule = place === "exclusion" ? `student_excluded: ${reason}` : reason;
  assert.equal(answer.rule.replace(/(?<=^student_excluded):.*/, place === "event" ? "" : "$&"), rule, answer.text);
  assert.match(answer.says, says);
  if (change === null) assert.equal(answer.change, null);
  else assert.match(answer.change ?? "", change);
  for (const part of [answer.says, answer.change ?? ""]) {
    if (reason !== "sent") assert.ok(answer.text.includes(part), `${answer.text}\ndoes not say: ${part}`);
  }
  assert.doesNotMatch(answer.text, /\b(undefined|NaN)\b|\[object|mentor:\d|\S {2}/);
}
