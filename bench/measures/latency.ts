import { setTimeout as sleep } from "node:timers/promises";
import { startZulipStandIn, UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { withPostgres } from "../../tests/support/databases.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { Daemon, runLmsmon } from "../support/child.ts";
import { benchLms, newDatabase, postgresUrl } from "../support/databases.ts";
import { LmsChanges } from "../support/lms_changes.ts";
import { MENTORS } from "../../tests/support/large_lms/lms_shape.ts";
import { line, type Measure } from "../support/measure.ts";
import { quantile } from "../support/spread.ts";
import { emptyState } from "./first_poll.ts";

const INTERVAL_MS = 1000;
const EVENTS = 60;
const ROWS = 10_000;

export const latency: Measure = {
  name: "latency",
  about: "from commit in the LMS to the POST that Zulip receives, interval 1 s",
  async run(bench) {
    const shape = { attempts: ROWS, contentAttempts: ROWS / 10, open: true };
    await benchLms("postgres", shape, bench.say);
    const lms = await newDatabase(await postgresUrl(), "latency_lms", `lms_${ROWS}_${ROWS / 10}_open`);
    const state = await emptyState("latency");
    await using zulip = await startZulipStandIn({
      rateLimit: UNLIMITED,
      users: Array.from({ length: MENTORS }, (_, i) => ({
        id: 1001 + i,
        email: `mentor${i + 1}@inst.example`,
        fullName: `Mentor ${i + 1}`,
      })),
    });
    await using config = await ConfigFolder.make({ lms, state, interval: "1s", zuliprc: zulip.zuliprc() });
    await runLmsmon(config.path, ["poll-once"]);
    await using _watch = Daemon.lmsmon(config.path, ["watch"]);
    await using changes = await LmsChanges.open({ kind: "postgres", lmsUrl: lms, rows: ROWS });
    const runs: { p50: number; p99: number }[] = [];
    for (let run = -1; run < bench.options.runs; run++) {
      const waits: Promise<number>[] = [];
      for (let i = 0; i < (run < 0 ? 3 : EVENTS); i++) {
        // One mentor an event, so that a message tells which one it is. Every fifth student has two.
        const student = 5 * (i + 1) + 1;
        const user = 1001 + student % MENTORS;
        const seen = zulip.dmsTo(user).length;
        await sleep(100 + Math.random() * 300); // over all phases of the interval
        await changes.finish(student);
        const committed = performance.now();
        waits.push(received(zulip, user, seen).then(() => performance.now() - committed));
      }
      const sorted = (await Promise.all(waits)).sort((a, b) => a - b);
      if (run < 0) continue;
      runs.push({ p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) });
      bench.say(
        `  latency ${run + 1}/${bench.options.runs}: p50 ${runs.at(-1)?.p50.toFixed(0)} p99 ${
          runs.at(-1)?.p99.toFixed(0)
        }`,
      );
    }
    const of = (name: "p50" | "p99", atMost: number) =>
      line({
        name: `latency ${name}`,
        what: `commit in the LMS to POST received, ${name} of ${EVENTS} events`,
        yardstick: "the interval of 1 s",
        reach: { atMost },
        unit: "interval",
      }, runs.map((run) => ({ ours: run[name], theirs: INTERVAL_MS })));
    await withPostgres(state, (sql) => sql.unsafe("select 1")); // the watch still has its state: nothing ended early
    return [of("p50", 0.6), of("p99", 1.2)];
  },
};

async function received(
  zulip: Awaited<ReturnType<typeof startZulipStandIn>>,
  user: number,
  seen: number,
): Promise<void> {
  await zulip.next(() => zulip.dmsTo(user).length > seen, 60_000);
}
