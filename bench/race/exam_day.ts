import { getLogger } from "@logtape/logtape";
import { pollSettings } from "../../lib/app/open_parts.ts";
import type { Clock } from "../../lib/base/clock.ts";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import type { Config } from "../../lib/config/config.ts";
import { defaultConfig } from "../../tests/support/default_config.ts";
import { Random } from "../../lib/demo/random.ts";
import { type EpochMicros, formatUtc, fromInstant } from "../../lib/model/time.ts";
import { runPoll } from "../../lib/poll/run_poll.ts";
import { startZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { acquireLease, releaseLease } from "../../lib/state/leases.ts";
import { openMemory } from "../../lib/state/open_state.ts";
import { createNotifier } from "../../lib/tell/notifier.ts";
import { makeLms } from "../../tests/support/lms/lms_database.ts";
import { standInConfig } from "../../tests/support/zulip.ts";

const STUDENTS = 50;
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const BEGINS = "2026-11-20T09:00+05:30[Asia/Kolkata]";
/** Until the last digest of the day was told. */
const HOURS = 12;

/** What a mentor goes through on such a day. */
export interface ExamDay {
  readonly results: number;
  readonly failed: number;
  readonly starts: number;
  /** Direct messages to the mentor, in all and those that have a result in them. */
  readonly messages: number;
  readonly withResults: number;
  /** The longest time from a result's commit in the LMS until it was told, and the one of a failure, microseconds. */
  readonly longestResult: number;
  readonly longestFailure: number;
  readonly longestStart: number;
  /** What was never told (a start that ended before its digest is none of that). */
  readonly untold: number;
  readonly suppressed: number;
}

/** Time that the simulation moves. */
class DayClock implements Clock {
  constructor(public at: EpochMicros) {}
  now(): EpochMicros {
    return this.at;
  }
  monotonicMs(): number {
    return this.at / 1000;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted !== true) this.at += Math.round(ms * 1000);
    return Promise.resolve();
  }
}

/**
 * A day on which fifty students of one mentor sit an exam, on the defaults: real polls and deliveries over an embedded LMS and
 * state, every 60 s and whenever something falls due, while a clock of its own goes from 9:00 to 21:00.
 */
export async function playExamDay(seed: number): Promise<ExamDay> {
  const clock = new DayClock(fromInstant(Temporal.ZonedDateTime.from(BEGINS).toInstant()));
  const began = clock.at;
  await using lms = await makeLms(null);
  await using db = await openMemory();
  const { writer } = lms;
  await writer.mentor();
  await writer.exam();
  for (let i = 0; i < STUDENTS; i++) await writer.link(1, await writer.student());
  await using zulip = await startZulipStandIn({
    users: [{ email: "mentor1@institute.example", fullName: "Mentor 1" }],
    nowMs: () => clock.at / 1000,
  });
  const config = await defaults(zulip);
  const connection = connectZulip(config.zulip, { log: getLogger(["race", "zulip"]), clock });
  using _closed = { [Symbol.dispose]: () => connection.close() };
  const source = await lms.open();
  const quiet = () => {};
  const notifier = createNotifier({
    db,
    zulip: connection,
    config,
    clock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    source: source.name,
  });
  const stop = new AbortController().signal;
  const poll = async () => {
    const { lease } = await acquireLease(db, source.name, "host:1:exam-day", 600_000);
    if (lease === null) throw new Error("Cannot play an exam day: somebody else polls");
    const options = { mode: "full", notifyHistory: false, signal: stop } as const;
    await runPoll({ db, lms: source, clock, settings: pollSettings(config) }, lease, options);
    await releaseLease(db, lease);
  };
  await poll(); // first contact

  const steps = timeline(new Random(seed), began);
  const written = new Map<string, EpochMicros>();
  const end = began + HOURS * 60 * MINUTE;
  let nextPoll = began;
  while (clock.at < end) {
    const due = await notifier.nextDueAt();
    const next = due === null ? nextPoll : Math.min(nextPoll, Math.max(due, clock.at));
    for (; steps[0] !== undefined && steps[0].at <= next; steps.shift()) {
      const { at, student, score } = steps[0];
      const time = formatUtc(at).replace("T", " ").replace("Z", "");
      const values = score === null ? { state: "Running", date: time, last_started_time: time } : {
        state: "Completed",
        result: score >= 72 ? "Pass" : "Fail",
        score,
        percentage: Math.round(score / 1.8),
        last_started_time: time,
      };
      if (score === null) await writer.attempt({ id: student, user_id: student, exam_id: 1, ...values });
      else await writer.updateAttempt(student, values);
      written.set(`${student} ${score === null ? "started" : "finished"}`, at);
    }
    clock.at = Math.max(clock.at, next);
    if (clock.at >= nextPoll) {
      await poll();
      nextPoll += config.poll.intervalMs * 1000;
    }
    await notifier.round({ stop });
    if (due !== null && due <= clock.at) clock.at += SECOND; // what could not leave yet is looked at again
  }

  const rows = await db.sql<{ what: string; stage: string; type: string; status: string; told_us: number | null }[]>`
    select e.attempt_id::text || ' ' || e.stage as what, e.stage, e.event_type as type, l.status,
           (extract(epoch from m.finished_at) * 1000000)::float8 as told_us
      from lmsmon.lms_activity_events e join lmsmon.lms_event_logs l using (event_id)
      left join lmsmon.messages m on m.message_id = l.message_id and m.state = 'sent'`;
  const told = rows.flatMap(({ what, stage, type, told_us }) =>
    told_us === null ? [] : [{ stage, type, at: told_us, waited: told_us - (written.get(what) ?? told_us) }]
  );
  const longest = (of: typeof told) => Math.max(0, ...of.map(({ waited }) => waited));
  const results = told.filter(({ stage }) => stage === "finished");
  return {
    results: results.length,
    failed: results.filter(({ type }) => type === "exam_failed").length,
    starts: told.length - results.length,
    messages: zulip.messages.length,
    withResults: new Set(results.map(({ at }) => at)).size,
    longestResult: longest(results),
    longestFailure: longest(results.filter(({ type }) => type === "exam_failed")),
    longestStart: longest(told.filter(({ stage }) => stage === "started")),
    untold: rows.filter(({ status, told_us }) => told_us === null && status !== "suppressed").length,
    suppressed: rows.filter(({ status }) => status === "suppressed").length,
  };
}

/** All begin within ten minutes; results come one by one, over three hours. */
function timeline(random: Random, began: EpochMicros) {
  const steps = Array.from({ length: STUDENTS }, (_, i) => [
    { at: began + random.int(30 * 60, 40 * 60) * SECOND, student: i + 1, score: null },
    { at: began + random.int(90 * 60, 270 * 60) * SECOND, student: i + 1, score: random.int(20, 180) },
  ]).flat();
  return steps.sort((a, b) => a.at - b.at);
}

async function defaults(zulip: Parameters<typeof standInConfig>[0]): Promise<Config> {
  const config = await defaultConfig();
  const { requestTimeoutMs, settleMs } = config.zulip;
  return { ...config, zulip: standInConfig(zulip, { requestTimeoutMs, settleMs }) };
}
