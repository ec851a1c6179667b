import assert from "node:assert/strict";
import { createAccounts } from "../../lib/tell/accounts.ts";
import { Circuit } from "../../lib/bot/circuit.ts";
import { takeClaim } from "../../lib/tell/claim.ts";
import { ClaimLost, composeChunk } from "../../lib/tell/compose_chunk.ts";
import { decide } from "../../lib/tell/decide.ts";
import { loadDue } from "../../lib/tell/load_due.ts";
import type { NotifierDeps } from "../../lib/tell/notify_types.ts";
import { type Mark, writeMarks } from "../../lib/tell/outcome_recorder.ts";
import { sendChunk, type SendContext } from "../../lib/tell/send_chunk.ts";
import { createPacer } from "../../lib/bot/rate_limiter.ts";
import { type Outbox, outboxTest, SOURCE, testConfig } from "./outbox_fixture.ts";

// Each stage by itself. That they hold together is seen in state_set_back_test.ts, where the guard would also mend what one of
// them lets through.

function depsOf(box: Outbox): NotifierDeps {
  const silent = () => {};
  return {
    db: box.db,
    zulip: box.zulip(),
    config: testConfig(box.standIn, box.changes),
    clock: box.clock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    source: SOURCE,
  };
}

/** What is due, up to the point where it is composed; `losses` is what the state is said to have had when it was read. */
async function compose(deps: NotifierDeps, losses: number) {
  const cutoff = deps.clock.now();
  const claim = await takeClaim(deps, "this", { cutoff, limit: 8, only: null });
  assert.ok(claim !== null);
  const due = await loadDue(deps, createAccounts(deps), {
    recipients: [...claim.tokens.keys()],
    cutoff,
    goesOn: new Set(),
  });
  const decision = decide(due, 8, { ...deps.config, notify: { ...deps.config.notify, digestAbove: 9 } });
  return {
    claim,
    cutoff,
    outgoing: await composeChunk(deps, claim, decision, {
      room: 8,
      cutoff,
      losses,
      redirect: null,
      mentors: new Map(),
    }),
  };
}

function sending(deps: NotifierDeps, cutoff: number, stateIsSure: () => boolean): SendContext {
  const nothing = () => {};
  return {
    deps,
    pacer: createPacer(deps.clock),
    circuit: new Circuit(),
    stateIsSure,
    options: { stop: new AbortController().signal },
    counts: { sent: 0, messages: 0, dead: 0, suppressed: 0, putOff: new Map() },
    cutoff,
    onTrouble: nothing,
    onWorking: nothing,
    onRefused: nothing,
  };
}

const stateOf = async (box: Outbox) =>
  (await box.db.sql<{ state: string }[]>`select state from lmsmon.messages order by message_id`).map((row) =>
    row.state
  );

outboxTest("composing writes nothing when the connection was lost since the due rows were read", async (box) => {
  await box.mentor(3);
  await box.event({ student: 17, mentors: [3], attempt: 700 });
  const deps = depsOf(box);
  await assert.rejects(compose(deps, deps.db.losses - 1), ClaimLost);
  assert.deepEqual(await stateOf(box), []);
  assert.deepEqual((await box.logs()).map((row) => row.status), ["pending"]);
});

outboxTest("no POST follows a lost connection: what was marked as being sent is given back", async (box) => {
  const three = await box.mentor(3);
  for (const attempt of [700, 701]) await box.event({ student: 17, mentors: [3], attempt });
  const deps = depsOf(box);
  const { claim, cutoff, outgoing } = await compose(deps, deps.db.losses);
  assert.equal(outgoing.length, 2);
  const marks: Mark[] = [];
  const isSure = () => box.contents(three).length === 0; // lost while the first one was on its way
  await sendChunk(sending(deps, cutoff, isSure), outgoing, claim, (mark) => marks.push(mark));
  assert.deepEqual(marks.map((mark) => mark.mark), ["sent", "given_back"]);
  assert.equal(box.contents(three).length, 1);
});

outboxTest(
  "after a lost connection sent is written only to messages that are still in the hand that sent them",
  async (box) => {
    await box.mentor(3);
    await box.event({ student: 17, mentors: [3], attempt: 700 });
    const deps = depsOf(box);
    const { claim, outgoing: [message] } = await compose(deps, deps.db.losses);
    const sent: Mark = { mark: "sent", messageId: message?.messageId ?? "", zulipMessageId: "41" };
    await writeMarks(deps, [sent], "another", false);
    assert.deepEqual(await stateOf(box), ["sending"]);
    await writeMarks(deps, [sent], claim.holder, false);
    assert.deepEqual(await stateOf(box), ["sent"]);
  },
);
