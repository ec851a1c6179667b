import { getLogger } from "@logtape/logtape";
import type { Config } from "../../lib/config/config.ts";
import { type StandInOptions, UNLIMITED, type ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { type ArmedStandIn, startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import type { EventMetadata } from "../../lib/model/event.ts";
import type { EventType, Kind, Stage } from "../../lib/model/event_types.ts";
import { deliveryMarker } from "../../lib/model/marker.ts";
import { type EpochMicros, fromInstant } from "../../lib/model/time.ts";
import { createNotifier, type Notifier } from "../../lib/tell/notifier.ts";
import type { RoundResult } from "../../lib/tell/notify_types.ts";
import { nextDigestTime } from "../../lib/tell/times_of_day.ts";
import type { Clock } from "../../lib/base/clock.ts";
import type { StateDb } from "../../lib/state/state_db.ts";
import { connectZulip, type ZulipConnection } from "../../lib/bot/connect_zulip.ts";
import { standInConfig } from "../support/zulip.ts";
import { forEachState } from "../support/state/with_state.ts";

export const SOURCE = "testpress";
export const MINUTE_US = 60_000_000;
export const HOUR_US = 60 * MINUTE_US;

/** For an answer of the stand-in, which may wait for a machine that stands still, or for an embedded database in the same thread. */
export const PATIENCE_MS = 60_000;

/** Real time plus what the test adds; sleeping takes no time but moves the clock. */
export class TestClock implements Clock {
  #aheadMs = 0;
  #wall = () => fromInstant(Temporal.Now.instant());
  #monotonic = () => performance.now();
  now(): EpochMicros {
    return this.#wall() + Math.round(this.#aheadMs * 1000);
  }
  monotonicMs(): number {
    return this.#monotonic() + this.#aheadMs;
  }
  /** From now on only what the test adds: for tests of how long something takes, which the machine's own time is no part of. */
  standStill(): void {
    const [wall, monotonic] = [this.#wall(), this.#monotonic()];
    this.#wall = () => wall;
    this.#monotonic = () => monotonic;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (signal?.aborted !== true) this.#aheadMs += ms;
  }
  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** The first attempt under a row id; whose it is does not count in its marker. */
const FIRST = { incarnation: 1, studentId: null, activityId: null };

export function testConfig(standIn: ZulipStandIn, changes: TestChanges = {}): Config {
  const types = {
    immediate: ["exam_completed", "exam_failed", "exam_passed"] as EventType[],
    digest: ["exam_started", "content_started", "content_completed", "content_watched"] as EventType[],
  };
  return {
    enabled: true,
    source: { name: SOURCE, links: changes.links ?? {}, staleAfterMs: null },
    lms: {
      name: SOURCE,
      url: "pglite:x",
      password: null,
      preset: "testpress",
      timezone: "UTC",
      statementTimeoutMs: 30_000,
      examDurationUnit: "auto",
    },
    state: { url: "pglite:memory", password: null },
    poll: { intervalMs: 60_000, fullPassMs: 600_000, eventTypes: [...types.immediate, ...types.digest] },
    notify: {
      enabled: true,
      immediate: types.immediate,
      digest: { events: types.digest, at: [810, 1230] },
      digestAbove: 1,
      gatherMs: 0, // most tests are about the fate of each message; gather_test.ts is about gathering
      quiet: null,
      maxPerMentor: null,
      revisions: "verdict",
      maxAgeMs: null,
      mentorGraceMs: 24 * 3_600_000,
      accountGraceMs: 7 * 24 * 3_600_000,
      fallback: null,
      fuse: null,
      timezone: "Asia/Kolkata",
      maxAttempts: 3,
      ...changes.notify,
    },
    students: { activeOnly: true, excludeUsernames: [], batches: [] },
    export: { schema: 2 },
    admin: { to: changes.adminTo ?? null },
    zulip: { ...standInConfig(standIn), requestTimeoutMs: 2000, settleMs: 90_000, ...changes.zulip },
    users: { overrides: new Map(), placeholderDomains: ["noemail.local"], cacheMs: 3_600_000, ...changes.users },
    log: { level: "info", format: "auto" },
    listen: null,
    privacy: { journal: null },
  };
}

export interface TestChanges {
  readonly notify?: Partial<Config["notify"]>;
  readonly zulip?: Partial<Config["zulip"]>;
  readonly users?: Partial<Config["users"]>;
  readonly links?: Record<string, string>;
  readonly adminTo?: string;
}

/** Log lines that a test looks at. */
export interface Lines {
  readonly level: string;
  readonly message: string;
  readonly properties: Record<string, unknown> | undefined;
}

/** A state database, a Zulip stand-in and notifiers between them. */
export class Outbox {
  readonly clock = new TestClock();
  readonly lines: Lines[] = [];
  readonly stop = new AbortController();
  readonly #opened: { close(): void }[] = [];
  #nextEvent = 1;
  #pollId: string | null = null;
  constructor(readonly db: StateDb, readonly standIn: ArmedStandIn, public changes: TestChanges) {}

  /** It waits for longer than the configuration says, which is seconds of the test's clock, unless `zulip` says how long. */
  zulip(zulip: Partial<Config["zulip"]> = {}): ZulipConnection {
    const config = { ...testConfig(this.standIn, this.changes).zulip, requestTimeoutMs: PATIENCE_MS, ...zulip };
    const connection = connectZulip(config, { log: getLogger(["lmsmon", "zulip"]) });
    this.#opened.push(connection);
    return connection;
  }

  /** A process of its own: with its own memory and circuit. */
  notifier(changes: TestChanges & { readonly takeOver?: boolean } = {}): Notifier {
    const all = { ...this.changes, ...changes };
    const log = (level: string) => (message: string, properties?: Record<string, unknown>) => {
      this.lines.push({ level, message, properties });
    };
    return createNotifier({
      db: this.db,
      zulip: this.zulip(changes.zulip),
      config: testConfig(this.standIn, all),
      clock: this.clock,
      log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
      source: SOURCE,
      takeOver: changes.takeOver ?? false,
    });
  }

  round(notifier: Notifier): Promise<RoundResult> {
    return notifier.round({ stop: this.stop.signal });
  }

  async poll(delivery = "open"): Promise<string> {
    const [row] = await this.db.sql<{ poll_id: string }[]>`
      insert into lmsmon.poll_runs (source, holder, mode, status, delivery)
      values (${SOURCE}, 'test', 'full', ${
      delivery === "undecided" ? "running" : "done"
    }, ${delivery}) returning poll_id`;
    return row?.poll_id ?? "";
  }

  async person(role: "student" | "mentor", id: number, names: { name?: string; email?: string | null } = {}) {
    const name = names.name ?? `${role === "mentor" ? "Mentor" : "Student"} ${id}`;
    const email = names.email === undefined ? `${role}${id}@inst.example` : names.email;
    await this.db.sql`
      insert into lmsmon.people (source, role, id, username, email, name)
      values (${SOURCE}, ${role}, ${id}, ${`${role}${id}`}, ${email}, ${name})
      on conflict (source, role, id) do update set email = excluded.email, name = excluded.name`;
  }

  /** A mentor of the LMS with an account in Zulip; returns the account's id. */
  async mentor(id: number, names: { name?: string; email?: string } = {}): Promise<number> {
    const email = names.email ?? `mentor${id}@inst.example`;
    await this.person("mentor", id, { email, ...(names.name === undefined ? {} : { name: names.name }) });
    const known = this.standIn.realm.userByLogin(email);
    return (known ?? this.standIn.addUser({ email, fullName: names.name ?? `Mentor ${id}` })).id;
  }

  async link(student: number, mentors: number[]): Promise<void> {
    await this.db.sql`
      insert into lmsmon.mentor_links (source, student_id, mentor_ids) values (${SOURCE}, ${student}, ${`{${
      mentors.join(",")
    }}`}::text::bigint[])
      on conflict (source, student_id) do update set mentor_ids = excluded.mentor_ids`;
  }

  /** An event with a delivery for each mentor, as the store records it. */
  async event(event: TestEvent): Promise<string> {
    const { sql } = this.db;
    const pollId = event.pollId ?? (this.#pollId ??= await this.poll());
    const id = this.#nextEvent++;
    const type = event.type ?? "exam_passed";
    const kind: Kind = type.startsWith("exam") ? "exam" : "content";
    const stage: Stage = type.endsWith("started") ? "started" : "finished";
    const revision = event.revision ?? 1;
    const attemptId = String(event.attempt ?? 1000 + id);
    const occurred = event.occurredAt ?? this.clock.now();
    const detected = event.detectedAt ?? this.clock.now();
    const mentors = event.mentors ?? [];
    const metadata: EventMetadata = {
      graded: kind === "exam",
      verdict: type === "exam_passed" ? "pass" : type === "exam_failed" ? "fail" : null,
      score: kind === "exam" ? 41 : null,
      score_max: kind === "exam" ? 180 : null,
      percentage: kind === "exam" ? 23 : null,
      pass_percentage: null,
      correct: null,
      incorrect: null,
      unanswered: null,
      started_at: null,
      time_taken_s: null,
      duration_allowed_s: null,
      watched_percentage: null,
      result: null,
      state: null,
      revision,
      supersedes: event.supersedes ?? null,
      previous: event.supersedes === undefined ? null : { verdict: "fail", score: 41, percentage: 23 },
    };
    await this.person("student", event.student, event.studentName === undefined ? {} : { name: event.studentName });
    await sql`
      insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
        student_username, activity_id, activity_title, attempt_no, activity_metadata, timestamp, timestamp_approximate, origin,
        change, mentor_grace_until, poll_id, created_at)
      values (${id}, ${SOURCE}, ${kind}, ${type}, ${stage}, ${attemptId}, ${revision}, ${event.student},
        ${`student${event.student}`}, 7, ${event.title ?? `Rank Test ${id}`}, 1, ${
      JSON.stringify(metadata)
    }::text::jsonb,
        ${occurred}::timestamptz, false, 'live', ${event.revision === undefined ? null : "verdict"},
        ${
      mentors.length === 0 ? event.graceUntil ?? detected + 24 * HOUR_US : null
    }::timestamptz, ${pollId}, ${detected}::timestamptz)`;
    const due = event.dueAt ?? this.clock.now();
    const status = event.status ?? (mentors.length === 0 ? "waiting" : "pending");
    const reason = event.reason ?? (mentors.length === 0 ? "no_mentor" : null);
    for (const mentor of mentors.length === 0 ? [null] : mentors) {
      const recipient = mentor === null ? null : `mentor:${mentor}`;
      const marker = recipient === null
        ? null
        : deliveryMarker({ source: SOURCE, kind, attemptId, ...FIRST, stage, revision, recipient });
      await sql`
        insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, reason, marker, next_attempt_at, created_at)
        values (${id}, ${SOURCE}, ${pollId}, ${recipient}, ${status}, ${reason}, ${marker}, ${due}::timestamptz, ${detected}::timestamptz)`;
      if (recipient !== null) {
        await sql`
          insert into lmsmon.recipients as r (source, recipient, next_due_at) values (${SOURCE}, ${recipient}, ${due}::timestamptz)
          on conflict (source, recipient) do update set next_due_at = least(r.next_due_at, excluded.next_due_at)`;
      }
    }
    return String(id);
  }

  async logs(): Promise<LogLine[]> {
    return [
      ...await this.db.sql<LogLine[]>`
      select event_id::int as event, recipient, status, reason, attempts, notification_sent as sent,
             notification_message_id::int as zulip, error_message as error, message_id::int as message
        from lmsmon.lms_event_logs order by event_id, recipient nulls first`,
    ];
  }

  /** `event recipient status reason`, one a line: what most tests compare. */
  async states(): Promise<string[]> {
    return (await this.logs()).map((row) =>
      [row.event, row.recipient ?? "-", row.status, ...(row.reason === null ? [] : [row.reason])].join(" ")
    );
  }

  async messages(): Promise<
    { state: string; kind: string; attempts: number; crashes: number; reason: string | null }[]
  > {
    return [
      ...await this.db.sql<
        { state: string; kind: string; attempts: number; crashes: number; reason: string | null }[]
      >`select state, kind, attempts, crashes, reason from lmsmon.messages order by message_id`,
    ];
  }

  /** As if every process that holds a claim had died long ago. */
  async expireClaims(): Promise<void> {
    await this.db.sql`
      update lmsmon.recipients set claim_expires_at = clock_timestamp() - interval '1 second' where claim_expires_at is not null`;
  }

  contents(userId: number): string[] {
    return this.standIn.dmsTo(userId).map((message) => message.content);
  }

  close(): void {
    for (const each of this.#opened) each.close();
  }
}

export interface TestEvent {
  readonly type?: EventType;
  readonly student: number;
  readonly studentName?: string;
  readonly mentors?: number[];
  readonly attempt?: number;
  readonly revision?: number;
  readonly supersedes?: number;
  readonly title?: string;
  readonly occurredAt?: EpochMicros;
  readonly detectedAt?: EpochMicros;
  readonly dueAt?: EpochMicros;
  readonly graceUntil?: EpochMicros;
  readonly status?: string;
  readonly reason?: string;
  readonly pollId?: string;
}

export interface LogLine {
  event: number;
  recipient: string | null;
  status: string;
  reason: string | null;
  attempts: number;
  sent: boolean;
  zulip: number | null;
  error: string | null;
  message: number | null;
}

/** On to the next time that the wall clock of `zone` shows so many minutes after midnight. */
export function goTo({ clock }: Outbox, minute: number, zone: string): void {
  clock.advance(((nextDigestTime(clock.now(), [minute], zone) ?? 0) - clock.now()) / 1000 + 1);
}

/** On to a time that is not near the end of a day: what is said once a day would be said twice if one ended meanwhile. */
export const goToNoon = (box: Outbox) => goTo(box, 12 * 60, "Asia/Kolkata");

/** Registers a test on every kind of state, with a Zulip stand-in without rate limit. */
export function outboxTest(
  name: string,
  work: (box: Outbox) => Promise<void>,
  changes: TestChanges & { readonly standIn?: StandInOptions } = {},
): void {
  forEachState(name, async (db) => {
    const boxes: Outbox[] = [];
    await using standIn = await startArmedStandIn({
      rateLimit: UNLIMITED,
      nowMs: () => (boxes[0]?.clock.now() ?? fromInstant(Temporal.Now.instant())) / 1000,
      ...changes.standIn,
    });
    const box = new Outbox(db, standIn, changes);
    boxes.push(box);
    try {
      await work(box);
    } finally {
      box.close();
    }
  });
}
