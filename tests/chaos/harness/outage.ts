import type { Config } from "../../../lib/config/config.ts";
import { loadConfig } from "../../../lib/config/load_config.ts";
import { openLms } from "../../../lib/source/open_lms.ts";
import type { LmsSource } from "../../../lib/source/lms_source.ts";
import { type EpochMicros, formatUtc, fromInstant } from "../../../lib/model/time.ts";
import { createNotifier, type Notifier } from "../../../lib/tell/notifier.ts";
import type { Clock } from "../../../lib/base/clock.ts";
import { LmsError } from "../../../lib/base/errors.ts";
import { logger } from "../../../lib/base/log.ts";
import { runPoll } from "../../../lib/poll/run_poll.ts";
import { acquireLease } from "../../../lib/state/leases.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { connectZulip } from "../../../lib/bot/connect_zulip.ts";
import { TcpProxy } from "../../support/lms/tcp_proxy.ts";
import type { ChaosRun, StateChoice } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { markersIn } from "./told_markers.ts";

const HOUR_MS = 3_600_000;
const PER_HALF_HOUR = 2_500;
/** Memory is bounded: of more events than this for one mentor the first ones are composed, and then the others. */
const ROWS_AT_ONCE = 2_000;

/** Exam day on a fake clock: Zulip is gone for six hours and 30,000 events; then the LMS for a night; then clocks step. */
export function outageScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  return outages(run, state, PER_HALF_HOUR);
}

export async function outages(run: ChaosRun, state: StateChoice, perHalfHour: number): Promise<void> {
  const clock = new DayClock();
  await using stack = new AsyncDisposableStack();
  let lms: TcpProxy | null = null;
  const through = (url: string) => {
    const address = new URL(url);
    lms = stack.use(new TcpProxy({ hostname: address.hostname, port: Number(address.port || 5432) }));
    address.port = String(lms.port);
    return address.href;
  };
  await using place = await makePlace(run, {
    state,
    lmsUrl: through,
    fuse: "{messages_per_poll: 2000, revisions_per_poll: 500}",
    zulip: "request_timeout: 3s, settle: 30s",
    nowMs: () => clock.trueMs(),
  });
  await using day = await openDay(place, clock);
  await day.poll(); // first contact
  await day.round();

  run.did("outage: Zulip is gone");
  run.tally.faults++;
  await place.zulip.stop();
  for (let half = 0; half < 12; half++) {
    await results(place, perHalfHour, day.clock);
    await day.poll();
    for (let i = 0; i < 3; i++) {
      const round = await day.round();
      if (round.dead > 0) run.fail(`${round.dead} deliveries died in an outage`);
      day.clock.advance(HOUR_MS / 6);
    }
  }
  place.zulip.restart();
  const before = place.zulip.messages.length;
  await day.untilDelivered();
  judge(run, place, before, "Zulip was gone for 6 h", 5);

  run.did("outage: the LMS is gone for a night");
  run.tally.faults++;
  await lmsGoneForANight(run, day, lms);
  await results(place, perHalfHour * 4, day.clock, 9);
  const morning = place.zulip.messages.length;
  await day.poll();
  await day.untilDelivered();
  judge(run, place, morning, "the LMS was gone for a night", 9);

  await clockSteps(run, place, day);
  const verdict = await place.consult({ sql: day.db.sql });
  const open = verdict.open > 0
    ? [`${verdict.open} deliveries are still under way`, ...verdict.underWay.slice(0, 5)]
    : [];
  run.failAll([...verdict.problems, ...open]);
  run.tally.rows += verdict.rows;
  run.tally.events += verdict.events;
  run.tally.deliveries += verdict.deliveries;
  run.tally.messages += verdict.messages;
  run.tally.lost += verdict.lost;
  run.tally.duplicated += verdict.duplicated;
  run.say(
    `  ${verdict.events} events, ${verdict.deliveries} deliveries, ${verdict.messages} messages; ` +
      `${verdict.lost} lost, ${verdict.duplicated} duplicated`,
  );
}

/** Polls fail for ten hours. The state database has no clock of ours: what it noted moves into the past instead. */
async function lmsGoneForANight(run: ChaosRun, day: Day, lms: TcpProxy | null): Promise<void> {
  lms?.refuse();
  for (let hour = 0; hour < 10; hour++) {
    const error = await day.poll().then(() => null, (error) => error);
    if (!(error instanceof LmsError)) run.fail(`a poll without its LMS ended with ${error ?? "success"}`);
    await day.db.sql`
      update lmsmon.poll_runs
         set started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour'`;
    day.clock.advance(HOUR_MS);
  }
  lms?.listen();
}

/** The wall clock jumps in both directions between and within rounds; what was sent stays sent, what is due goes out. */
async function clockSteps(run: ChaosRun, place: Place, day: Day): Promise<void> {
  for (const step of [-2 * HOUR_MS, 5 * HOUR_MS, -24 * HOUR_MS, 26 * HOUR_MS]) {
    run.did(`outage: the clock steps by ${step / HOUR_MS} h`);
    run.tally.faults++;
    day.clock.step(step);
    place.zulip.fault({ kind: "500_after_commit", times: 2 });
    place.zulip.fault({ kind: "late_answer", times: 1, delayMs: 3_500 });
    await place.load.finishedExams(40);
    await day.poll();
    await day.round();
    day.clock.step(-step / 2);
    await day.untilDelivered();
  }
}

/** Real time plus what the scenario adds; a sleep moves the clock instead of waiting. */
class DayClock implements Clock {
  #aheadMs = 0;
  #wallMs = 0;
  now(): EpochMicros {
    return fromInstant(Temporal.Now.instant()) + Math.round((this.#aheadMs + this.#wallMs) * 1000);
  }
  monotonicMs(): number {
    return performance.now() + this.#aheadMs;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (signal?.aborted !== true) this.#aheadMs += ms;
  }
  advance(ms: number): void {
    this.#aheadMs += ms;
  }
  /** What the rest of the world calls now: Zulip's clock. */
  trueMs(): number {
    return Temporal.Now.instant().epochMilliseconds + this.#aheadMs;
  }
  /** The wall clock alone: somebody set it. */
  step(ms: number): void {
    this.#wallMs += ms;
  }
}

interface Day extends AsyncDisposable {
  readonly db: StateDb;
  readonly clock: DayClock;
  poll(): Promise<void>;
  round(): ReturnType<Notifier["round"]>;
  untilDelivered(): Promise<void>;
}

async function openDay(place: Place, clock: DayClock): Promise<Day> {
  const stack = new AsyncDisposableStack();
  const config: Config = await loadConfig({ flag: place.config, env: {}, cwd: place.folder, home: null, needs: [] });
  const db = stack.use(await place.openState());
  const lms: LmsSource = await openLms(config.lms, {});
  stack.defer(() => lms.close());
  const zulip = connectZulip(config.zulip, { log: logger("zulip"), clock });
  stack.defer(() => zulip.close());
  const notifier = createNotifier({ db, zulip, config, clock, log: logger("notify"), source: "testpress" });
  const stop = new AbortController();
  const settings = { notify: config.notify, students: config.students, eventTypes: new Set(config.poll.eventTypes) };
  return {
    db,
    clock,
    poll: async () => {
      const { lease } = await acquireLease(db, "testpress", "chaos", 600_000, "chaos");
      if (lease === null) throw new Error("Cannot poll: somebody else has the lease");
      const result = await runPoll({ db, lms, clock, settings }, lease, {
        mode: "full",
        notifyHistory: false,
        signal: stop.signal,
      });
      if (result.verdict.delivery === "held") throw new Error(`The fuse held a backlog: ${result.verdict.reason}`);
    },
    round: () => notifier.round({ stop: stop.signal }),
    untilDelivered: async () => {
      for (let i = 0; i < 200; i++) {
        await notifier.round({ stop: stop.signal });
        const due = await notifier.nextDueAt();
        if (due === null) return;
        clock.advance(Math.min(HOUR_MS, Math.max(1_000, (due - clock.now()) / 1000)));
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Results as exam day brings them: most of them exams, some content between. */
async function results(place: Place, n: number, clock: Clock, hoursAgo = 0): Promise<void> {
  const when = formatUtc(clock.now() - hoursAgo * HOUR_MS * 1000).replace("T", " ").replace("Z", "");
  await place.load.finishedAt(Math.round(n * 0.7), "exam", when);
  await place.load.finishedAt(Math.round(n * 0.3), "content", when);
}

const EXAM_LINE = /^(?:[-*] )?(?:❗|🎓|📝|✏️|▶️)/u;
const CONTENT_LINE = /^(?:[-*] )?(?:📖|📚|🎬)/u;

/** One message a mentor, or a few where one cannot hold them; exams first; the delay in the head, in hours. */
function judge(run: ChaosRun, place: Place, before: number, what: string, hours: number): void {
  // What the administrator hears is no news of a student.
  const fresh = place.zulip.messages.slice(before).filter(({ participants }) =>
    !participants.includes(place.zulip.owner.id)
  );
  const byMentor = Map.groupBy(fresh, (message) => message.participants.join());
  let most = 0;
  let both = 0;
  let latest = 0;
  for (const messages of byMentor.values()) {
    most = Math.max(most, messages.length);
    const lengths = messages.map((message) => [...message.content].length);
    // A second message is there only because the first was full, or ends what is composed for one recipient at a time.
    let told = 0;
    const ends = messages.map((message) => (told += markersIn(message.content).length) % ROWS_AT_ONCE === 0);
    if (lengths.slice(0, -1).some((length, i) => length < 5_000 && !ends[i])) {
      run.fail(`${what}: a mentor got ${messages.length} messages of ${lengths} code points`);
    }
    const [head = "", ...lines] = messages.flatMap((message) => message.content.split("\n"));
    const late = /, told (\d+) h\b.* late after an outage$/.exec(head);
    if (late === null) run.fail(`${what}: the head of a message does not say so: ${head}`);
    latest = Math.max(latest, Number(late?.[1] ?? 0));
    const [lastExam, firstContent] = [
      lines.findLastIndex((line) => EXAM_LINE.test(line)),
      lines.findIndex((line) => CONTENT_LINE.test(line)),
    ];
    if (lastExam >= 0 && firstContent >= 0) {
      both++;
      if (lastExam > firstContent) run.fail(`${what}: content stands before exams`);
    }
  }
  if (both === 0) run.fail(`${what}: nobody was told of both exams and content`);
  if (latest < hours) run.fail(`${what}: the longest delay that a head names is ${latest} h`);
  run.say(`  ${what}: ${fresh.length} messages for ${byMentor.size} mentors, at most ${most} each`);
}
