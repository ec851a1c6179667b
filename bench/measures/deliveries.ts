import { loadConfig } from "../../lib/config/load_config.ts";
import { createNotifier } from "../../lib/tell/notifier.ts";
import { SENDS_AT_ONCE } from "../../lib/tell/send_chunk.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { openState } from "../../lib/state/open_state.ts";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { runLmsmon } from "../support/child.ts";
import { benchLms, newDatabase, postgresUrl } from "../support/databases.ts";
import { MENTORS } from "../../tests/support/large_lms/lms_shape.ts";
import { interleaved, line, type Measure } from "../support/measure.ts";
import { ZulipProcess } from "../support/zulip_process.ts";
import { emptyState } from "./first_poll.ts";

const EVENTS = 20_000;
const USERS = Array.from({ length: MENTORS }, (_, i) => ({
  id: 1001 + i,
  email: `mentor${i + 1}@inst.example`,
  fullName: `Mentor ${i + 1}`,
}));

export const deliveries: Measure = {
  name: "deliveries",
  about: "messages a second through a stand-in without rate limit, state writes included",
  async run(bench) {
    const lms = await benchLms("postgres", { attempts: EVENTS, contentAttempts: 0, open: false }, bench.say);
    const more = {
      notify: {
        immediate: ["exam_failed", "exam_passed"],
        digest_above: 1_000_000, // every event a message of its own
        gather: 0,
        max_per_mentor: null,
        max_age: null,
        fuse: null,
      },
    };
    const stored = await emptyState("deliveries_stored");
    await using poll = await ConfigFolder.make({ lms, state: stored, more });
    await runLmsmon(poll.path, ["poll-once", "--no-notify", "--notify-history"]);
    let messages = 0;
    const ours = async () => {
      const state = await newDatabase(await postgresUrl(), "deliveries", "deliveries_stored");
      await using zulip = await ZulipProcess.start(USERS);
      await using folder = await ConfigFolder.make({ lms, state, more, zuliprc: zulip.zuliprc });
      const config = await loadConfig({ flag: folder.path, env: {}, cwd: folder.folder, home: null, needs: [] });
      await using db = await openState(config.state);
      const api = connectZulip(config.zulip, { log: logger("zulip") });
      const notifier = createNotifier({
        db,
        zulip: api,
        config,
        clock: systemClock,
        log: logger("notify"),
        source: "testpress",
      });
      try {
        const began = performance.now();
        const round = await notifier.round({ stop: new AbortController().signal });
        const ms = performance.now() - began;
        messages = await zulip.messages();
        if (round.trouble !== null || messages < EVENTS) {
          throw new Error(`Cannot measure: ${messages} messages, ${round.trouble}`);
        }
        return messages / ms * 1000;
      } finally {
        api.close();
      }
    };
    const theirs = async () => {
      await using zulip = await ZulipProcess.start(USERS);
      const began = performance.now();
      await barePosts(zulip, messages);
      return messages / (performance.now() - began) * 1000;
    };
    await ours(); // also tells how many messages the events take: some students have two mentors
    const pairs = await interleaved(bench, "deliveries", ours, theirs);
    return [line({
      name: "deliveries",
      what: `${messages} deliveries, state writes included`,
      yardstick: `as many bare POSTs from Deno, ${SENDS_AT_ONCE} at a time: information only`,
      // A Zulip takes 200 a minute from a bot by default: with 500 a second nobody waits for lmsmon.
      reach: { oursAtLeast: 500 },
      unit: "1/s",
    }, pairs)];
  },
};

/** As long as a real message of lmsmon. */
const CONTENT = "**Student Number 4711** passed *Weekly test 12 (JEE)*: 82 % (148 of 180), needed 40 %. ".repeat(3);

async function barePosts(zulip: ZulipProcess, count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      const body = new URLSearchParams({ type: "direct", to: `[${1001 + i % MENTORS}]`, content: `${CONTENT}${i}` });
      const response = await fetch(`${zulip.site}/api/v1/messages`, {
        method: "POST",
        headers: { Authorization: zulip.authorization },
        body,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`Cannot post: ${response.status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: SENDS_AT_ONCE }, worker));
}
