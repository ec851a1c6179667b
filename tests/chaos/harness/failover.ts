import { openState } from "../../../lib/state/open_state.ts";
import { withPostgres } from "../../support/databases.ts";
import type { Random } from "../../../lib/demo/random.ts";
import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice, until } from "./chaos_run.ts";
import { startCluster } from "./cluster.ts";
import { type EventRow, readEvents } from "./judge_attempts.ts";
import { lmsShows, reports } from "./lost_events.ts";
import { ownersKilled } from "./owners_killed.ts";
import { makePlace, type Place } from "./place.ts";
import { StatePair } from "./state_pair.ts";
import { markersIn, markersOf } from "./told_markers.ts";
import type { Watcher } from "./watcher.ts";

/**
 * The state's primary dies again and again with what its asynchronous standby had not got, under a running watch. What the LMS
 * still shows is found again and told once; what it shows no more is counted. An embedded state has no standby: there its
 * owner is killed, and nothing may be lost.
 */
export async function failoverScenario(
  run: ChaosRun,
  state: StateChoice,
  minutes: number,
  atLeast = 0,
): Promise<void> {
  if (state === "embedded") return await ownersKilled(run, minutes, atLeast);
  const pair = await StatePair.make();
  if (typeof pair === "string") return run.skip("failover of the state", pair);
  await using _pair = pair;
  // A cluster of its own for the LMS: there, a quiet hour is one in which nothing at all is committed.
  const cluster = await startCluster();
  if (typeof cluster === "string") return run.skip("failover of the state", cluster);
  await using _cluster = cluster;
  await (await openState({ url: pair.url, password: null }, { migrate: "auto" })).close();
  await using place = await makePlace(run, {
    state,
    stateUrl: pair.url,
    lmsServer: await cluster.createDatabase("lms"),
    notify: "  digest_above: 4",
  });
  const failover = new Failover(run, place, pair);
  await failover.play(minutes, atLeast);
}

class Failover {
  readonly #random: Random;
  /** Everything that only a dead primary knew when its successor opened. */
  readonly #lost: EventRow[] = [];
  #watcher: Watcher;
  #gone = 0;
  #asked = 0;

  constructor(private readonly run: ChaosRun, private readonly place: Place, private readonly pair: StatePair) {
    this.#random = run.random("failover");
    this.#watcher = place.watch();
  }

  async play(minutes: number, atLeast: number): Promise<void> {
    const { run, place } = this;
    try {
      await this.#watcher.untilSays("Polling testpress");
      const end = performance.now() + minutes * 60_000;
      for (let round = 1; performance.now() < end || round <= atLeast; round++) {
        if (!await this.#round(round)) break;
      }
      await place.load.stop();
      await place.settle({ running: this.#watcher, oracle: { lost: this.#lost, mayEnd: ["poison"] } });
      run.tally.lostWithOldPrimary += this.#gone;
      run.tally.takeOversAsked += this.#asked;
      run.say(
        `  ${this.#lost.length} events only dead primaries knew; lost with the old primary: ${this.#gone}, which the LMS ` +
          `showed no more; --take-over was asked for ${this.#asked} times`,
      );
      await this.#watcher.end("SIGTERM");
    } finally {
      await this.#watcher[Symbol.asyncDispose]();
    }
  }

  /** False when going on makes no sense. */
  async #round(round: number): Promise<boolean> {
    const { run, place, pair } = this;
    place.load.start(15);
    await pair.follow();
    await sleep(this.#random.int(200, 1_200));
    pair.holdBack();
    await sleep(this.#random.int(1_200, 3_000));
    // In a quiet LMS nothing says that there is anything to find again.
    const quiet = this.#random.chance(0.5);
    if (quiet) {
      await place.load.stop();
      await sleep(this.#random.int(0, 3_500));
    }
    // Rows vanish and ids are used again by chance; a machine that writes little goes on until some did.
    const { tally } = run;
    while (tally.vanished === 0 || tally.reusedIds === 0) await place.load.some(1);
    pair.close();
    const old = await eventsOf(pair.primaryUrl);
    await pair.failOver();
    await place.load.stop();
    const kept = await eventsOf(pair.primaryUrl);
    const lost = onlyIn(old, kept);
    this.#lost.push(...lost);
    tally.failovers++;
    run.did(`failover ${round}${quiet ? " of a quiet LMS" : ""}: ${lost.length} of ${old.length} events are lost`);
    // From here until the pass has ended the LMS stands still: what it shows now is what the successor can find.
    const opened = performance.now();
    pair.open();
    if (!await this.#passEnds()) {
      run.fail(
        `no full pass ended within ${PATIENCE_MS / 1000} s after failover ${round}\n${
          this.#watcher.log.slice(-15).join("\n")
        }`,
      );
      return false;
    }
    const found = await eventsOf(pair.primaryUrl);
    for (const event of lost) {
      if (found.some((each) => reports(each, event))) continue;
      if (!lmsShows(place.load, event)) {
        this.#gone++;
        continue;
      }
      run.tally.lost++;
      run.fail(`lost with the old primary, though the LMS shows it: ${JSON.stringify(event)}`);
    }
    return await this.#tellsAgain(round, opened);
  }

  /** A full pass that began after the successor opened. */
  async #passEnds(): Promise<boolean> {
    const [row] = await withPostgres(
      this.pair.primaryUrl,
      (sql) => sql.unsafe<{ now: string }[]>("select clock_timestamp()::text as now"),
    );
    const since = row?.now ?? "";
    return await until(async () => {
      const [passes] = await withPostgres(
        this.pair.primaryUrl,
        (sql) =>
          sql.unsafe<{ n: number }[]>(
            `select count(*)::int as n from lmsmon.poll_runs where mode = 'full' and status = 'done' and started_at > $1`,
            [since],
          ),
      );
      return (passes?.n ?? 0) > 0;
    }, PATIENCE_MS);
  }

  /** News arrive again: by itself, or after somebody said --take-over. */
  async #tellsAgain(round: number, opened: number): Promise<boolean> {
    const { run, place } = this;
    const before = place.zulip.messages.length;
    await place.load.finishedExams(3);
    place.load.start(15);
    const told = () => place.zulip.messages.slice(before).some(({ content }) => markersIn(content).length > 0);
    const refused = () => this.#watcher.lastAt("Cannot send") > opened;
    await until(() => told() || refused() || this.#watcher.ended !== null, PATIENCE_MS, 50);
    if (this.#watcher.ended !== null) {
      run.fail(`watch ended by itself\n${this.#watcher.log.slice(-20).join("\n")}`);
      return false;
    }
    if (refused()) {
      const unknown = await this.#unknownMarkers();
      if (unknown === 0) {
        run.fail(`--take-over is asked for after failover ${round}, although every event was found again`);
      }
      this.#asked++;
      run.did(`failover ${round}: --take-over because of ${unknown} markers`);
      await this.#watcher.end("SIGTERM");
      this.#watcher = place.watch({ args: ["--take-over"] });
    }
    if (!await until(told, PATIENCE_MS, 50)) {
      run.fail(`nothing is told after failover ${round}\n${this.#watcher.log.slice(-15).join("\n")}`);
      return false;
    }
    return true;
  }

  /** How many markers in Zulip the state does not know. */
  async #unknownMarkers(): Promise<number> {
    const markers = [...markersOf(this.place.zulip).keys()];
    const [row] = await withPostgres(this.pair.primaryUrl, (sql) =>
      sql.unsafe<{ n: number }[]>(
        `select count(*)::int as n from unnest($1::text[]) m
          where not exists (select from lmsmon.lms_event_logs l where l.marker >= m and l.marker < m || '~')`,
        [`{${markers.join(",")}}`],
      ));
    return row?.n ?? 0;
  }
}

async function eventsOf(url: string): Promise<readonly EventRow[]> {
  const db = await openState({ url, password: null }, { connections: 1 });
  try {
    return await readEvents(db.sql, "testpress");
  } finally {
    await db.close();
  }
}

function onlyIn(old: readonly EventRow[], kept: readonly EventRow[]): readonly EventRow[] {
  const known = new Set(kept.map((event) => event.event_id));
  return old.filter((event) => !known.has(event.event_id));
}
