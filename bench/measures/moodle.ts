import type { LmsConfig } from "../../lib/config/config.ts";
import { openLms } from "../../lib/source/open_lms.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import type { MoodleShape } from "../../tests/support/large_lms/fill_moodle.ts";
import { testLmsConfig } from "../../tests/support/lms/test_lms_config.ts";
import { ConfigFolder } from "../support/bench_config.ts";
import { runLmsmon } from "../support/child.ts";
import { benchLms, benchMoodle, type LmsKind } from "../support/databases.ts";
import { type Bench, interleaved, line, type Measure } from "../support/measure.ts";
import { oneRound } from "../support/rounds.ts";
import { emptyState } from "./first_poll.ts";

const SMALL = 10_000;
/** Whatever statement of a poll takes longer than this fails it, and the measure with it. */
const LONGEST_STATEMENT = "2s";

export const moodlePostgres: Measure = {
  name: "moodle-postgres",
  about: "polls of a large Moodle on PostgreSQL beside those of a Testpress of its size; no statement over 2 s",
  run: (bench) => measure(bench, "postgres"),
};

export const moodleMariaDb: Measure = {
  name: "moodle-mariadb",
  about: "polls of a large Moodle on MariaDB beside those of a Testpress of its size; no statement over 2 s",
  run: (bench) => measure(bench, "mariadb"),
};

async function measure(bench: Bench, kind: LmsKind) {
  const { rows } = bench.options;
  const quizzes = await moodle(bench, kind, { attempts: rows, completions: 0, logLines: 0 });
  const yard = {
    preset: "testpress",
    url: await benchLms(kind, { attempts: rows, contentAttempts: 0, open: true }, bench.say),
  };
  let states = { ours: "", theirs: "" };
  const firsts = await interleaved(bench, `moodle-first-${kind}`, async () => {
    states = { ...states, ours: await emptyState("moodle_first") };
    return await firstPoll(quizzes, states.ours);
  }, async () => {
    states = { ...states, theirs: await emptyState("moodle_yard") };
    return await firstPoll(yard, states.theirs);
  });
  await using ours = await Known.open(quizzes, states.ours);
  await using theirs = await Known.open(yard, states.theirs);
  const passes = await interleaved(
    bench,
    `moodle-pass-${kind}`,
    async () => (await oneRound(ours, "full")).ms,
    async () => (await oneRound(theirs, "full")).ms,
  );
  await using many = await known(
    bench,
    kind,
    { attempts: rows, completions: rows, logLines: 2 * rows },
    "moodle_large",
  );
  await using few = await known(
    bench,
    kind,
    { attempts: SMALL, completions: SMALL, logLines: 2 * SMALL },
    "moodle_few",
  );
  const rounds = await interleaved(
    bench,
    `moodle-idle-${kind}`,
    async () => (await oneRound(many, "quick")).ms,
    async () => (await oneRound(few, "quick")).ms,
  );
  return [
    line({
      name: `moodle first ${kind}`,
      what: `first poll of ${rows} quiz attempts of Moodle, ${kind}`,
      yardstick: "the same of Testpress",
      reach: { atMost: 1.5 },
      unit: "ms",
    }, firsts),
    line({
      name: `moodle pass ${kind}`,
      what: `full pass without news over ${rows} quiz attempts of Moodle, ${kind}`,
      yardstick: "the same of Testpress",
      reach: { atMost: 2.5 },
      unit: "ms",
    }, passes),
    line({
      name: `moodle idle ${kind}`,
      what: `idle quick pass, ${rows} attempts, ${rows} completions and ${2 * rows} lines of the log, ${kind}`,
      yardstick: `itself at ${SMALL}`,
      reach: { atMost: 2 },
      unit: "ms",
    }, rounds),
  ];
}

interface Place {
  readonly preset: string;
  readonly url: string;
}

async function moodle(bench: Bench, kind: LmsKind, shape: MoodleShape): Promise<Place> {
  return { preset: "moodle", url: await benchMoodle(kind, shape, bench.say) };
}

async function firstPoll(lms: Place, state: string): Promise<number> {
  const more = { lms: { name: "testpress", statement_timeout: LONGEST_STATEMENT, ...lms } };
  await using config = await ConfigFolder.make({ lms: lms.url, state, more });
  return (await runLmsmon(config.path, ["poll-once", "--no-notify", "--json"])).ms;
}

/** A Moodle and a state that knows all of it. */
async function known(bench: Bench, kind: LmsKind, shape: MoodleShape, name: string): Promise<Known> {
  const place = await moodle(bench, kind, shape);
  const state = await emptyState(name);
  bench.say(`  first poll of ${JSON.stringify(shape)}`);
  await firstPoll(place, state);
  return await Known.open(place, state);
}

class Known implements AsyncDisposable {
  private constructor(readonly lms: LmsSource, readonly db: StateDb) {}

  static async open({ preset, url }: Place, state: string): Promise<Known> {
    const changes: Partial<LmsConfig> = { preset, statementTimeoutMs: 2000 };
    const lms = await openLms(testLmsConfig(url, changes));
    await lms.check();
    return new Known(lms, await openState({ url: state, password: null }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lms.close();
    await this.db.close();
  }
}
