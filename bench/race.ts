/**
 * `deno task race`: what an LMS does to its rows, in front of lmsmon, of the predicates that polling tools send and of Node-RED: what
 * each reported once, late, twice, wrongly or not at all. Exit 1 when lmsmon lost, doubled or invented something, or was late.
 *
 * --dialect postgres,mariadb  --rows N (default 10,100000 and 10,30000)  --only SCENARIO,…
 * --contender watch,poll-once  on few cores each slows the other down: a poll-once every 2 s is a start and a full pass each time
 * --no-node-red  without Node-RED, which npm installs otherwise; where it cannot, that is said
 * --exam-day  only the exam day, which otherwise follows  --seed N  of the exam day; all else is the same in every run
 */
import Table from "cli-table3";
import { parseArgs } from "node:util";
import { type Fact, type Score, scoreOf } from "./race/claims.ts";
import { playExamDay } from "./race/exam_day.ts";
import { inTime, LmsmonContender } from "./race/lmsmon_contender.ts";
import { installNodeRed, NodeRed } from "./race/node_red.ts";
import { type Contender, type PredicateName, PredicatePoller, PREDICATES } from "./race/predicates.ts";
import { FIRST_ID, makeRaceLms, type RaceDialect } from "./race/race_lms.ts";
import { type RaceWorld, type Scenario, SCENARIOS } from "./race/scenarios.ts";

const INTERVAL_MS = 2_000;
/** Whatever a contender has not reported by then, after everything else is quiet, is lost. */
const PATIENCE_MS = 300_000;
/** What 100 ms allow for a full pass in every poll. */
const ROWS: Readonly<Record<RaceDialect, readonly number[]>> = { postgres: [10, 100_000], mariadb: [10, 30_000] };

const { values } = parseArgs({
  options: {
    dialect: { type: "string", default: "postgres,mariadb" },
    rows: { type: "string" },
    only: { type: "string" },
    "exam-day": { type: "boolean", default: false },
    contender: { type: "string", default: "watch,poll-once" },
    "no-node-red": { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
  },
});
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const progress = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

// A comma before a digit belongs to a name: "20,000 in a second".
const only = values.only?.split(/,(?!\d)/);
for (const name of only ?? []) {
  if (SCENARIOS.some((scenario) => scenario.name === name)) continue;
  progress(`There is no scenario "${name}"; there are ${SCENARIOS.map((scenario) => scenario.name).join("; ")}`);
  Deno.exit(2);
}
const contenders = values.contender.split(",");
if (contenders.some((name) => name !== "watch" && name !== "poll-once")) {
  progress(`Cannot use --contender "${values.contender}": it is watch, poll-once or both`);
  Deno.exit(2);
}
const chosen = SCENARIOS.filter(({ name }) => only === undefined || only.includes(name));
let bad = 0;
const dialects = values["exam-day"] ? [] : values.dialect.split(",") as RaceDialect[];
const nodeRed = dialects.length === 0 || values["no-node-red"] ? null : await installNodeRed();
if (nodeRed !== null && "missing" in nodeRed) say(`Without Node-RED: ${nodeRed.missing}`);
try {
  for (const dialect of dialects) {
    for (const rows of values.rows?.split(",").map(Number) ?? ROWS[dialect]) bad += await race(dialect, rows);
  }
} finally {
  if (nodeRed !== null && "folder" in nodeRed) await Deno.remove(nodeRed.folder, { recursive: true });
}
if (values.only === undefined) await examDay(Number(values.seed));
say(bad === 0 ? "\nlmsmon: nothing lost, doubled, false or late" : `\nlmsmon: ${bad} LOST, DOUBLED, FALSE OR LATE`);
Deno.exit(bad === 0 ? 0 : 1);

async function race(dialect: RaceDialect, rows: number): Promise<number> {
  say(`\n${dialect}, ${rows} rows, a poll every ${INTERVAL_MS / 1000} s`);
  await using lms = await makeRaceLms(dialect, rows);
  await using made = new AsyncDisposableStack();
  const make = async (name: "watch" | "poll-once") =>
    contenders.includes(name) ? made.use(await LmsmonContender.make(name, lms, INTERVAL_MS)) : null;
  const [watch, once] = [await make("watch"), await make("poll-once")];
  const ours = [watch, once].filter((one) => one !== null);
  const others: Contender[] = (Object.keys(PREDICATES) as PredicateName[])
    .map((name) => new PredicatePoller(lms, name, INTERVAL_MS));
  await using _others = {
    [Symbol.asyncDispose]: async () => void await Promise.all(others.map((other) => other.stop())),
  };
  for (const other of others) await other.start();
  if (nodeRed !== null && "folder" in nodeRed) {
    const flow = new NodeRed(nodeRed.folder, lms, INTERVAL_MS);
    try {
      await flow.start();
      others.push(flow);
    } catch (error) {
      await flow.stop();
      say(`Without Node-RED: ${error instanceof Error ? error.message : error}`);
    }
  }
  for (const contender of ours) await contender.start();
  let high = FIRST_ID + 2 * rows, low = FIRST_ID + 2 * rows - 1;
  const table = new Table({
    head: [
      "scenario",
      "facts",
      ...[...ours, ...others].map(({ name }) => name),
      "watch: known, told after (s)",
      "its full pass",
    ],
    style: { head: [], border: [] },
  });
  let failures = 0;
  for (const scenario of chosen) {
    const sinceMs = performance.now();
    const facts: Fact[] = [];
    for (const { claims } of others) claims.length = 0;
    for (const contender of ours) contender.begin();
    await play(scenario, {
      lms,
      rows,
      news: (attempt, student, score) => facts.push({ attempt, student, score, visibleMs: performance.now() }),
      highId: () => high++,
      lowId: () => low -= 2,
      polls: () => sleep(2.5 * INTERVAL_MS),
      killAll: async () => {
        for (const other of others) other.kill();
        for (const contender of ours) await contender.kill();
      },
      told: () => everybodyIsDone(ours, facts, sinceMs),
      restoreStates: async (work) => {
        const copies = new Map<LmsmonContender, Awaited<ReturnType<LmsmonContender["copyState"]>>>();
        for (const contender of ours) {
          await contender.stop();
          copies.set(contender, await contender.copyState());
          await contender.start();
        }
        await work();
        for (const [contender, copy] of copies) {
          await contender.stop();
          await contender.useState(copy);
          await contender.start();
        }
      },
    });
    await everybodyIsDone(ours, facts, sinceMs);
    await sleep(1.5 * INTERVAL_MS); // nothing more may come
    const scores: Score[] = [];
    for (const contender of ours) {
      const starts = await contender.pollStarts();
      const score = scoreOf(facts, await contender.claims(sinceMs), (fact, knownMs) => inTime(fact, knownMs, starts));
      failures += score.late + score.lost + score.doubled + score.wrong;
      scores.push(score);
    }
    for (const other of others) scores.push(scoreOf(facts, other.claims, (fact, ms) => other.inTime(fact, ms)));
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    const [first] = scores;
    const row = [
      scenario.name,
      String(facts.length),
      ...scores.map(describe),
      first === undefined ? "" : `${seconds(first.knownMs)}, ${seconds(first.toldMs)}`,
      await watch?.passPeriod() ?? "",
    ];
    table.push(row);
    progress(row.map((cell) => cell.replaceAll("\n", " ")).join(" | ")); // a size takes minutes
  }
  say(table.toString());
  return failures;
}

async function examDay(seed: number): Promise<void> {
  say(`\nAn exam day on defaults, seed ${seed}: 50 students, one mentor, a simulated clock`);
  const day = await playExamDay(seed);
  const minutes = (us: number) => `${(us / 60_000_000).toFixed(1)} min`;
  say(`${day.messages} messages, ${day.withResults} of them with results`);
  say(`${day.results} results told (${day.failed} failed), ${day.starts} starts, ${day.suppressed} suppressed`);
  say(
    `longest wait from the LMS to the mentor: a result ${minutes(day.longestResult)}, ` +
      `a failure ${minutes(day.longestFailure)}, a start ${minutes(day.longestStart)}`,
  );
  // A poll's interval, and `notify.gather`.
  if (day.untold > 0 || day.results !== 50 || day.longestResult > 11.5 * 60_000_000) {
    say(`${day.untold} never told, or too late`);
    bad++;
  }
}

async function play({ name, play }: Scenario, world: RaceWorld): Promise<void> {
  try {
    await play(world);
  } catch (error) {
    throw new Error(`Cannot play "${name}"`, { cause: error });
  }
}

/** Until lmsmon has reported every fact and has nothing under way, or `PATIENCE_MS`. */
async function everybodyIsDone(
  ours: readonly LmsmonContender[],
  facts: readonly Fact[],
  sinceMs: number,
): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (const contender of ours) {
    while (performance.now() < until) {
      const { lost } = scoreOf(facts, await contender.claims(sinceMs), () => true);
      if (lost === 0 && await contender.isIdle()) break;
      await sleep(INTERVAL_MS / 4);
    }
  }
}

/** `5 once`, or what was not. */
function describe({ once, late, lost, doubled, wrong }: Score): string {
  const parts = [[once, "once"], [late, "late"], [lost, "lost"], [doubled, "doubled"], [wrong, "false"]] as const;
  return parts.filter(([n, word]) => n > 0 || word === "once").map(([n, word]) => `${n} ${word}`).join("\n");
}
