import assert from "node:assert/strict";
import { decideFuse } from "../../../lib/poll/record/poll_runs.ts";

const FUSE = { messagesPerPoll: 2000, revisionsPerPoll: 500 };
const weight = (messages: number, rewrittenToTell: number, reusedToTell = 0) => ({
  ...{ messages, rewrittenToTell, reusedToTell, recipients: 1, eventsToTell: 1 },
});

Deno.test("P11: decideFuse() lets a poll pass up to both limits", () => {
  assert.deepEqual(decideFuse(weight(2000, 500), FUSE), { held: false, reason: null });
});

Deno.test("P11: decideFuse() holds a poll beyond either limit, and names the number and the limit", () => {
  assert.match(decideFuse(weight(2001, 0), FUSE).reason ?? "", /\b2001\b.*\b2000\b/);
  assert.match(decideFuse(weight(501, 501), FUSE).reason ?? "", /\b501\b.*\b500\b/);
  assert.equal(decideFuse(weight(501, 501), FUSE).held, true);
});

Deno.test("P12: decideFuse() counts row ids that were used again among the revisions, and says how many", () => {
  assert.equal(
    decideFuse(weight(501, 501, 499), FUSE).reason,
    "501 corrected results and row ids used again (499) in one poll, more than 500",
  );
});

Deno.test("P11: decideFuse() never holds when the fuse is off", () => {
  assert.equal(decideFuse(weight(1e9, 1e9), null).held, false);
});

Deno.test("P11: decideFuse() takes 0 as a limit, not as off", () => {
  const none = { messagesPerPoll: 0, revisionsPerPoll: 0 };
  assert.equal(decideFuse(weight(1, 0), none).held, true);
  assert.equal(decideFuse(weight(0, 0), none).held, false);
});
