import { createNotifier } from "../../lib/tell/notifier.ts";
import type { Config } from "../../lib/config/config.ts";
import {
  type StandInOptions,
  startZulipStandIn,
  UNLIMITED,
  type ZulipStandIn,
} from "../../lib/stand_in/zulip_stand_in.ts";
import type { LmsWriter } from "../../lib/demo/lms_writer.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import type { RoundResult } from "../../lib/tell/notify_types.ts";
import type { Notifier } from "../../lib/tell/notifier.ts";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { logger } from "../../lib/base/log.ts";
import { pollSettings } from "../../lib/app/open_parts.ts";
import { type PollDeps, type PollResult, runPoll } from "../../lib/poll/run_poll.ts";
import { takeLease } from "../../lib/poll/take_lease.ts";
import type { Lease } from "../../lib/state/leases.ts";
import { releaseLease } from "../../lib/state/leases.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import { PATIENCE_MS, SOURCE, type TestChanges, testConfig } from "../tell/outbox_fixture.ts";
import { realMariaDb, realPostgres, type TestServer } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";
import { type StateKind, withState } from "../support/state/with_state.ts";

export interface Place {
  readonly name: string;
  /** `null`: embedded. */
  readonly lms: TestServer | null;
  readonly state: StateKind;
}

const postgres = await realPostgres();
const mariaDb = await realMariaDb();

/** PostgreSQL on both sides, and MariaDB with an embedded state: each dialect and each state is met once. */
export const PLACES: readonly Place[] = [
  postgres === null
    ? { name: "embedded LMS and state", lms: null, state: "embedded" }
    : { name: "PostgreSQL LMS, server state", lms: postgres, state: "server" },
  ...(mariaDb === null ? [] : [{ name: "MariaDB LMS, embedded state", lms: mariaDb, state: "embedded" } as const]),
];

export interface BenchOptions extends TestChanges {
  readonly students?: Partial<Config["students"]>;
  readonly eventTypes?: Config["poll"]["eventTypes"];
  readonly zulipOptions?: StandInOptions;
  readonly clock?: Clock;
}

export interface StoredEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly attempt_id: string;
  readonly revision: number;
  readonly origin: string;
  readonly suppressed: string | null;
}

/** An LMS, a state, a Zulip stand-in and what polls and delivers between them. */
export class PollBench {
  readonly #closers: (() => void)[] = [];
  #source: LmsSource | null = null;
  #notifier: Notifier | null = null;
  readonly config: Config;
  readonly clock: Clock;

  constructor(
    readonly place: Place,
    readonly lms: TestLms,
    readonly db: StateDb,
    readonly stateUrl: string,
    readonly standIn: ZulipStandIn,
    options: BenchOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    const config = testConfig(standIn, {
      ...options,
      notify: {
        digest: { events: ["exam_started", "content_started", "content_completed", "content_watched"], at: [] },
        ...options.notify,
      },
    });
    this.config = {
      ...config,
      poll: { ...config.poll, eventTypes: options.eventTypes ?? config.poll.eventTypes },
      students: { ...config.students, ...options.students },
    };
  }

  get writer(): LmsWriter {
    return this.lms.writer;
  }

  async source(): Promise<LmsSource> {
    return this.#source ??= await this.lms.open();
  }

  /** A student with a mentor who has a Zulip account; ids as the LMS has them. */
  async pair(): Promise<{ student: number; mentor: number; zulipId: number }> {
    const student = Number(await this.writer.student());
    const mentor = Number(await this.writer.mentor());
    await this.writer.link(mentor, student);
    const { id } = this.standIn.addUser({ email: `mentor${mentor}@institute.example`, fullName: `Mentor ${mentor}` });
    return { student, mentor, zulipId: id };
  }

  /** Stores what there is as the past. */
  async firstContact(): Promise<void> {
    await this.poll();
  }

  async lease(holder = "test-host|1|?|a"): Promise<Lease> {
    const { lease } = await takeLease(this.db, SOURCE, holder, 60_000);
    if (lease === null) throw new Error("The lease is taken");
    return lease;
  }

  async poll(
    options: {
      readonly mode?: "quick" | "full";
      readonly notifyHistory?: boolean;
      readonly signal?: AbortSignal;
      readonly source?: LmsSource;
      readonly config?: Config;
      readonly onHeld?: PollDeps["onHeld"];
      readonly skippedFullPass?: boolean;
    } = {},
  ): Promise<PollResult> {
    const lease = await this.lease();
    try {
      return await runPoll(
        {
          db: this.db,
          lms: options.source ?? await this.source(),
          clock: this.clock,
          settings: pollSettings(options.config ?? this.config),
          ...(options.onHeld && { onHeld: options.onHeld }),
        },
        lease,
        {
          mode: options.mode ?? "full",
          notifyHistory: options.notifyHistory ?? false,
          signal: options.signal ?? new AbortController().signal,
          skippedFullPass: options.skippedFullPass ?? false,
        },
      );
    } finally {
      await releaseLease(this.db, lease);
    }
  }

  notifier(config: Config = this.config): Notifier {
    if (config === this.config && this.#notifier) return this.#notifier;
    const zulip = connectZulip({ ...config.zulip, requestTimeoutMs: PATIENCE_MS }, { log: logger("zulip") });
    this.#closers.push(() => zulip.close());
    const notifier = createNotifier({
      db: this.db,
      zulip,
      config,
      clock: this.clock,
      log: logger("notify"),
      source: SOURCE,
    });
    if (config === this.config) this.#notifier = notifier;
    return notifier;
  }

  async deliver(): Promise<RoundResult> {
    return await this.notifier().round({ stop: new AbortController().signal });
  }

  /** Oldest first. */
  async events(): Promise<StoredEvent[]> {
    return [
      ...await this.db.sql<StoredEvent[]>`
        select event_id, event_type, attempt_id, revision, origin, suppressed_reason as suppressed
        from lmsmon.lms_activity_events order by event_id`,
    ].map((row) => ({ ...row }));
  }

  /** `attempt type revision`, sorted. */
  async told(): Promise<string[]> {
    return (await this.events()).map((e) => `${e.attempt_id} ${e.event_type} ${e.revision}`).sort();
  }

  /** `status reason` -> how many log rows. */
  async logs(): Promise<Record<string, number>> {
    const rows = await this.db.sql<{ what: string; n: number }[]>`
      select status || coalesce(' ' || reason, '') as what, count(*)::int as n from lmsmon.lms_event_logs group by 1 order by 1`;
    return Object.fromEntries(rows.map(({ what, n }) => [what, n]));
  }

  async quarantine(): Promise<Record<string, string>> {
    const rows = await this.db.sql<{ row_key: string; reason: string }[]>`
      select row_key, reason from lmsmon.quarantine order by row_key`;
    return Object.fromEntries(rows.map(({ row_key, reason }) => [row_key, reason]));
  }

  /** Everything that the state holds, as text: equal texts, equal states. */
  async dump(): Promise<string> {
    const tables = await this.db.sql<{ name: string }[]>`
      select tablename as name from pg_tables where schemaname = 'lmsmon' and tablename <> 'leases' order by 1`;
    const parts: string[] = [];
    for (const { name } of tables) {
      const rows = await this.db.sql.unsafe<{ t: string }[]>(`select x::text as t from lmsmon.${name} x order by 1`);
      parts.push(`${name}\n${rows.map(({ t }) => t).join("\n")}`);
    }
    return parts.join("\n");
  }

  close(): void {
    for (const close of this.#closers) close();
  }
}

export async function withBench<T>(
  place: Place,
  options: BenchOptions,
  work: (bench: PollBench, t?: Deno.TestContext) => Promise<T>,
): Promise<T> {
  return await withState(place.state, async (db, url) => {
    await using lms = await makeLms(place.lms, "poll");
    await using standIn = await startZulipStandIn({ rateLimit: UNLIMITED, ...options.zulipOptions });
    const bench = new PollBench(place, lms, db, url, standIn, options);
    try {
      return await work(bench);
    } finally {
      bench.close();
    }
  });
}

/** Registers a test at every place. */
export function atEveryPlace(name: string, options: BenchOptions, work: (bench: PollBench) => Promise<void>): void {
  for (const place of PLACES) Deno.test(`${name} [${place.name}]`, () => withBench(place, options, work));
}

/** Registers a test at the first place only: what it shows does not depend on the databases. */
export function atOnePlace(name: string, options: BenchOptions, work: (bench: PollBench) => Promise<void>): void {
  const [place] = PLACES;
  if (place) Deno.test(`${name} [${place.name}]`, () => withBench(place, options, work));
}
