import { z } from "zod";
import { describePeriod } from "../../lib/poll/pass_policy.ts";
import { openState } from "../../lib/state/open_state.ts";
import { markersIn } from "../../lib/model/marker.ts";
import { startZulipStandIn, UNLIMITED, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { realPostgres, type TestDatabase, withPostgres } from "../../tests/support/databases.ts";
import { LmsmonHome, type LmsmonProcess } from "../../tests/support/lmsmon_process.ts";
import type { Claim, Fact } from "./claims.ts";
import { MENTOR_EMAILS, type RaceLms } from "./race_lms.ts";

const StoredClaim = z.object({
  attempt: z.number(),
  student: z.number(),
  score: z.number(),
  known_ms: z.number(),
  told_ms: z.number().nullable(),
});
const Poll = z.object({ started_ms: z.number() });
const MeasuredPass = z.object({ period_ms: z.number() });

/** Both clocks are of this machine: what to add to an epoch's milliseconds. */
const MONOTONIC = performance.now() - Temporal.Now.instant().epochMilliseconds;

/** lmsmon with a state and a Zulip of its own. */
export class LmsmonContender implements AsyncDisposable {
  #process: LmsmonProcess | null = null;
  #stop = false;
  #repeating: Promise<void> = Promise.resolve();
  #repeatedBefore = 0;

  private constructor(
    readonly name: "watch" | "poll-once",
    private readonly lms: RaceLms,
    private state: TestDatabase,
    private readonly zulip: ZulipStandIn,
    private readonly home: LmsmonHome,
    private readonly intervalMs: number,
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async make(name: "watch" | "poll-once", lms: RaceLms, intervalMs: number): Promise<LmsmonContender> {
    await using stack = new AsyncDisposableStack();
    const zulip = await startZulipStandIn({
      rateLimit: UNLIMITED,
      users: MENTOR_EMAILS.map((email) => ({ email, fullName: email.slice(0, email.indexOf("@")) })),
    });
    stack.defer(() => zulip.close());
    const home = stack.use(await LmsmonHome.make({}));
    const state = await emptyState();
    await (await openState({ url: state.url, password: null }, { migrate: "auto" })).close();
    const contender = new LmsmonContender(name, lms, state, zulip, home, intervalMs, stack.move());
    await contender.#configure();
    const { code, err } = await home.run("poll-once"); // what is there is the past
    if (code !== 0) throw new Error(`Cannot race: the first poll ended with ${code}\n${err}`);
    return contender;
  }

  async #configure(): Promise<void> {
    await this.home.configure({
      lms: { url: this.lms.url },
      state: { url: this.state.url },
      poll: { interval: `${this.intervalMs / 1000}s` },
      notify: { digest: { at: [] }, max_per_mentor: null, max_age: null, fuse: null, revisions: "score", gather: 0 },
      zulip: { site: this.zulip.site, email: this.zulip.bot.email, api_key: this.zulip.bot.apiKey },
    });
  }

  /** A scenario begins: what stands in Zulip more than once from now on is its own. */
  begin(): void {
    this.#repeatedBefore = this.#repetitions();
  }

  async start(): Promise<void> {
    this.#stop = false;
    if (this.name === "poll-once") this.#repeating = this.#repeat();
    else {
      this.#process = this.home.start("watch");
      await this.#process.said(/Polling testpress/);
    }
  }

  /** Runs again and again, one run an interval where a run is that short. */
  async #repeat(): Promise<void> {
    while (!this.#stop) {
      const began = performance.now();
      this.#process = this.home.start("poll-once");
      await this.#process.finished;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + this.intervalMs - performance.now())));
    }
  }

  /** As the machine would; the next start is another process. */
  async kill(): Promise<void> {
    if (this.name === "poll-once") {
      try {
        this.#process?.kill("SIGKILL");
      } catch {
        // between two runs there is none
      }
    } else {
      this.#process?.kill("SIGKILL");
      await this.#process?.finished;
      await this.start();
    }
  }

  async stop(): Promise<void> {
    this.#stop = true;
    if (this.name === "watch") await this.#process?.stop();
    await this.#repeating;
    this.#process = null;
  }

  /** The state as it is now, to come back to. */
  async copyState(): Promise<TestDatabase> {
    return await emptyState(this.state.name);
  }

  async useState(copy: TestDatabase): Promise<void> {
    this.state = copy;
    this.stack.defer(() => copy.drop());
    await this.#configure();
  }

  /** Whether everything that it knows is told, and nothing is under way. */
  async isIdle(): Promise<boolean> {
    return await withPostgres(
      this.state.url,
      async (sql) =>
        (await sql`select from lmsmon.lms_event_logs where status in ('waiting', 'pending', 'sending', 'unknown') limit 1`)
          .length === 0,
    );
  }

  /** What it stored and told since `sinceMs`; a marker that stands in Zulip more than once is one more claim each. */
  async claims(sinceMs: number): Promise<readonly Claim[]> {
    const rows = await withPostgres(
      this.state.url,
      (sql) =>
        sql`select e.attempt_id::float8 as attempt, e.student_id::float8 as student,
                 coalesce((e.activity_metadata->>'score')::float8, -1) as score,
                 (extract(epoch from e.created_at) * 1000)::float8 as known_ms,
                 (extract(epoch from min(l.processed_at) filter (where l.status = 'sent')) * 1000)::float8 as told_ms
            from lmsmon.lms_activity_events e left join lmsmon.lms_event_logs l using (event_id)
           where e.kind = 'exam' and e.stage = 'finished' and e.origin = 'live'
           group by e.event_id`,
    );
    const claims = rows.map((row) => {
      const { known_ms, told_ms, ...what } = StoredClaim.parse(row);
      return { ...what, knownMs: known_ms + MONOTONIC, toldMs: told_ms === null ? null : told_ms + MONOTONIC };
    }).filter(({ knownMs }) => knownMs >= sinceMs);
    const [some] = claims;
    const again = this.#repetitions() - this.#repeatedBefore;
    return some === undefined ? [] : [...claims, ...Array.from({ length: again }, () => some)];
  }

  #repetitions(): number {
    const counts = new Map<string, number>();
    for (const { content, participants } of this.zulip.messages) {
      // The first signs of a marker are one mentor's own, not everybody's.
      for (const marker of markersIn(content)) {
        const key = `${participants.join()} ${marker}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    return [...counts.values()].reduce((sum, n) => sum + n - 1, 0);
  }

  /** How often it compares every row by now, as `lmsmon stats` says it; nothing for `poll-once`, which always does. */
  async passPeriod(): Promise<string> {
    const [row] = await withPostgres(
      this.state.url,
      (sql) => sql`select value from lmsmon.facts where name = 'full_pass_cost'`,
    );
    const measured = MeasuredPass.safeParse(row?.["value"]);
    return measured.success ? describePeriod(measured.data.period_ms) : "";
  }

  /** When its polls began that ended well. */
  async pollStarts(): Promise<readonly number[]> {
    const rows = await withPostgres(
      this.state.url,
      (sql) =>
        sql`select (extract(epoch from started_at) * 1000)::float8 as started_ms, status
            from lmsmon.poll_runs where status = 'done' order by started_at`,
    );
    return rows.map((row) => Poll.parse(row).started_ms + MONOTONIC);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.state.drop();
    await this.stack.disposeAsync();
  }
}

async function emptyState(template?: string): Promise<TestDatabase> {
  const server = await realPostgres();
  if (server === null) throw new Error("Cannot race: no PostgreSQL for the state");
  const database = await server.createDatabase("race_state");
  if (template === undefined) return database;
  await withPostgres(server.url, async (sql) => {
    await sql.unsafe(`drop database "${database.name}"`);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${template}`;
    await sql.unsafe(`create database "${database.name}" template "${template}"`);
  });
  return database;
}

/** Known by the first poll that began after it could be seen, or by one before. Pure. */
export function inTime(fact: Fact, knownMs: number, pollStarts: readonly number[]): boolean {
  const first = pollStarts.find((start) => start >= fact.visibleMs);
  const next = pollStarts.find((start) => first !== undefined && start > first);
  return next === undefined || knownMs <= next;
}
