import type { LmsKind } from "../support/databases.ts";
import { type Bench, interleaved, line, type Measure, type Pair } from "../support/measure.ts";
import { IdleWatch, oneRound } from "../support/rounds.ts";
import { spread } from "../support/spread.ts";
import { hashPass, openWatched, type Watched } from "../support/watched.ts";
import { LmsChanges } from "../support/lms_changes.ts";

const SMALL = 10_000;
const CHANGES = 100;
const IDLE_INTERVAL_MS = 1000;
/**
 * What the interval of each watch is longer than the one before. With equal intervals they would stay in step, and one that always wakes
 * just after another would wait for it in every round.
 */
const OUT_OF_STEP_MS = 37;
/** Rounds that make one sample. */
const ROUNDS = 15;

export const idle: Measure = {
  name: "idle",
  about: "idle rounds of watch on PostgreSQL, large tables beside small ones",
  async run(bench) {
    const { rowsLarge, runs } = bench.options;
    const sizes = [SMALL, ...new Set([Math.min(1_000_000, rowsLarge), rowsLarge])];
    await using stack = new AsyncDisposableStack();
    const watches: IdleWatch[] = [];
    for (const [i, rows] of sizes.entries()) {
      const watched = stack.use(await openWatched(bench, "postgres", rows));
      await oneRound(watched, "full"); // what an interrupted run left behind is not idle
      // Nor is what the measures of changes left to tell: each round reads again who its students' mentors are.
      await watched.db.sql`delete from lmsmon.lms_event_logs`;
      await watched.db.sql`delete from lmsmon.recipients`;
      // A full pass is due in every round, so each asks whether anything was committed: the dearest kind of idle round.
      watches.push(stack.use(new IdleWatch(watched, IDLE_INTERVAL_MS + i * OUT_OF_STEP_MS, 1)));
    }
    await until(() => watches.every(({ idle }) => idle.length >= ROUNDS * (runs + 1)), watches);
    // Rounds of all sizes ran in the same minutes, by turns; the first few are left out.
    const samples = watches.map(({ idle }) =>
      Array.from({ length: runs }, (_, run) => spread(idle.slice(ROUNDS * (run + 1), ROUNDS * (run + 2))).median)
    );
    const small = samples[0] ?? [];
    return samples.slice(1).map((large, i) =>
      line({
        name: `idle ${sizes[i + 1]}`,
        what: `idle round of watch, ${sizes[i + 1]} rows, PostgreSQL`,
        yardstick: `itself at ${SMALL} rows`,
        reach: { atMost: 1.3 },
        unit: "ms",
      }, large.map((ours, run): Pair => ({ ours, theirs: small[run] ?? NaN })))
    );
  },
};

async function until(done: () => boolean, watches: readonly IdleWatch[]): Promise<void> {
  const patience = AbortSignal.timeout(600_000);
  while (!done()) {
    const failure = watches.flatMap(({ failures }) => failures)[0];
    if (failure) throw failure;
    if (patience.aborted) throw new Error("Cannot measure idle rounds: something is written to the LMS all the time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const idleMariaDb: Measure = {
  name: "idle-mariadb",
  about: "rounds of watch between two full passes on MariaDB, and a full pass without news beside a hash pass in SQL",
  async run(bench) {
    const { rowsLarge } = bench.options;
    await using small = await openWatched(bench, "mariadb", SMALL);
    await using large = await openWatched(bench, "mariadb", rowsLarge);
    await oneRound(small, "full");
    await oneRound(large, "full");
    await using changes = await LmsChanges.open(large);
    const quick = async (watched: Watched) => (await oneRound(watched, "quick")).ms;
    const pairs = await interleaved(bench, "idle-mariadb", () => quick(large), () => quick(small));
    const passes = await interleaved(
      bench,
      "pass-mariadb",
      async () => (await oneRound(large, "full")).ms,
      () => changes.time(hashPass("mariadb")),
    );
    return [
      line({
        name: "idle mariadb",
        what: `idle round between full passes, ${rowsLarge} rows, MariaDB`,
        yardstick: `itself at ${SMALL} rows`,
        reach: { atMost: 1.3 },
        unit: "ms",
      }, pairs),
      line({
        name: "pass mariadb",
        what: `full pass without news, ${rowsLarge} rows, MariaDB`,
        yardstick: "one hash pass in SQL",
        reach: { atMost: 1.3 },
        unit: "ms",
        note: "bounds an idle round whose full pass is due: MariaDB has no proof that nothing was written",
      }, passes),
    ];
  },
};

export const changesPostgres: Measure = {
  name: "changes",
  about: "rounds that find 100 changes beside a hash pass in SQL, PostgreSQL",
  run: (bench) => measureChanges(bench, "postgres"),
};

export const changesMariaDb: Measure = {
  name: "changes-mariadb",
  about: "rounds that find 100 changes beside a hash pass in SQL, MariaDB",
  run: (bench) => measureChanges(bench, "mariadb"),
};

async function measureChanges(bench: Bench, kind: LmsKind) {
  const { rowsLarge } = bench.options;
  await using watched = await openWatched(bench, kind, rowsLarge);
  await oneRound(watched, "full");
  await using changes = await LmsChanges.open(watched);
  const round = async (mode: "quick" | "full", expected: number) => {
    const { ms, result } = await oneRound(watched, mode);
    if (result.tally.events !== expected) {
      throw new Error(`Cannot measure: the round found ${result.tally.events} of ${expected} changes`);
    }
    return ms;
  };
  const pass = () => changes.time(hashPass(kind));
  const finished = await interleaved(bench, `changes finished ${kind}`, async () => {
    await changes.correctFinished(CHANGES);
    return await round("full", CHANGES);
  }, pass);
  const open = await interleaved(bench, `changes open ${kind}`, async () => {
    await changes.finishAndStart(CHANGES / 2);
    return await round("quick", CHANGES);
  }, pass);
  return [
    line({
      name: `changes finished ${kind}`,
      what: `round that finds ${CHANGES} changes of finished rows in ${rowsLarge}, ${kind}`,
      yardstick: "a full hash pass in SQL",
      reach: { atMost: 1.3 },
      unit: "ms",
    }, finished),
    line({
      name: `changes open ${kind}`,
      what: `round that finds ${CHANGES / 2} new and ${CHANGES / 2} finishing rows in ${rowsLarge}, ${kind}`,
      yardstick: "a full hash pass in SQL",
      reach: { atMost: 0.1 },
      unit: "ms",
    }, open),
  ];
}
