import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import type { CommandContext } from "../../../lib/app/command_context.ts";
import type { ExplainOptions } from "../../../lib/app/command_options.ts";
import { runExplain } from "../../../lib/app/explain.ts";
import { mapUsers } from "../../../lib/app/map_users.ts";
import { createOutput } from "../../../lib/base/output.ts";
import { connectZulip } from "../../../lib/bot/connect_zulip.ts";
import type { Config } from "../../../lib/config/config.ts";
import { createUserLinkStore } from "../../../lib/people/user_links.ts";
import type { StandInOptions } from "../../../lib/stand_in/zulip_stand_in.ts";
import { UNLIMITED } from "../../../lib/stand_in/zulip_stand_in.ts";
import { PLACES, PollBench } from "../../poll/poll_bench.ts";
import { makeLms } from "../../support/lms/lms_database.ts";
import { type ArmedStandIn, startArmedStandIn } from "../../support/stand_in/armed_stand_in.ts";
import { withState } from "../../support/state/with_state.ts";
import { SOURCE, TestClock } from "../../tell/outbox_fixture.ts";

/** What `explain` is asked of an injected reason. */
export type Question =
  /** The newest event of an attempt, or the one of that type; `recipient`: the delivery to them. */
  | {
    readonly attempt: number;
    readonly type?: string;
    readonly recipient?: string | number | null;
    readonly config?: Config;
  }
  | { readonly student: number; readonly mentor: number }
  | { readonly mentor: number };

/** What `explain` answers: the rule that said no, its sentence, and what would change it. */
export interface Answer {
  readonly rule: string;
  readonly says: string;
  readonly change: string | null;
  /** Everything, as a person reads it. */
  readonly text: string;
}

const DAY_MINUTES = 24 * 60;

interface Told {
  readonly rule: string;
  readonly recipient: string | null;
  readonly reason: string;
  readonly what_would_change_it: string | null;
}

/** The operators' commands over polls and rounds of a real LMS, and rows that bring a reason about. */
export class ReasonDesk {
  /** An attempt from before the first contact. */
  history = 0;
  /** Ends what the last injected reason left running. */
  hangUp: () => Promise<void> = () => Promise.resolve();

  constructor(readonly bench: PollBench, readonly clock: TestClock, readonly standIn: ArmedStandIn) {}

  async text<O>(command: (context: CommandContext, options: O) => Promise<unknown>, options: O, config?: Config) {
    let text = "";
    const writeSync = (chunk: Uint8Array) => {
      text += new TextDecoder().decode(chunk);
      return chunk.length;
    };
    const signal = new AbortController().signal;
    await command({
      config: { ...config ?? this.bench.config, state: { url: this.bench.stateUrl, password: null } },
      stop: { soft: signal, hard: signal },
      clock: this.clock,
      out: createOutput({ writeSync, write: (c) => Promise.resolve(writeSync(c)), isTerminal: () => false }),
      log: getLogger(["lmsmon", "test"]),
    }, options);
    return text;
  }

  notify(changes: Partial<Config["notify"]>): Config {
    return { ...this.bench.config, notify: { ...this.bench.config.notify, ...changes } };
  }

  students(changes: Partial<Config["students"]>): Config {
    return { ...this.bench.config, students: { ...this.bench.config.students, ...changes } };
  }

  /** A student of a mentor with an account, unless the mentors are given. */
  async student(values: Record<string, string | boolean> = {}, mentors?: readonly number[]): Promise<number> {
    const id = Number(await this.bench.writer.student(values));
    for (const mentor of mentors ?? [await this.mentor()]) await this.bench.writer.link(mentor, id);
    return id;
  }

  async mentor(values: Record<string, string> = {}, hasAccount = true): Promise<number> {
    const id = Number(await this.bench.writer.mentor(values));
    const email = values["email"] ?? addressOf(id);
    if (hasAccount && !this.standIn.realm.userByLogin(email)) this.standIn.addUser({ email });
    return id;
  }

  utc(agoMs = 0): string {
    const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(this.clock.now() / 1000) - agoMs);
    return at.toString().slice(0, 19).replace("T", " ");
  }

  /** The minute of the day that is just over, where the readers are: whatever time of day it is, it does not come again for long. */
  get minuteBefore(): number {
    const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(this.clock.now() / 1000));
    const { hour, minute } = at.toZonedDateTimeISO(this.bench.config.notify.timezone);
    return (hour * 60 + minute + DAY_MINUTES - 1) % DAY_MINUTES;
  }

  /** A passed exam in the LMS; the attempt. */
  async finish(student: number, agoMs = 0): Promise<number> {
    const at = this.utc(agoMs);
    return Number(
      await this.bench.writer.attempt({
        user_id: student,
        state: "Completed",
        result: "Pass",
        score: 80,
        percentage: 80,
        date: at,
        last_answer_updated_time: at,
      }),
    );
  }

  /** By a process of its own, which looks up everybody's account. */
  async round(config: Config = this.notify({})) {
    return await this.bench.notifier(config).round({ stop: new AbortController().signal });
  }

  /** A passed exam, and the poll that finds it. */
  async found(student: number, config?: Config, agoMs = 0): Promise<number> {
    const attempt = await this.finish(student, agoMs);
    await this.bench.poll(config === undefined ? {} : { config });
    return attempt;
  }

  /** What is found is told in the same breath, by that configuration. */
  async told(student: number, config?: Config): Promise<number> {
    const attempt = await this.found(student);
    await this.round(config);
    return attempt;
  }

  /** What `map-users` does: it compares all mentors with each other, too. */
  async mapUsers(): Promise<void> {
    const { bench } = this;
    const zulip = this.#zulip();
    const deps = {
      lms: await bench.source(),
      zulip,
      links: createUserLinkStore(bench.db.sql, SOURCE),
      settings: bench.config.users,
    };
    const options = { only: "mentors", unmatched: false, dryRun: false, json: true, csv: false } as const;
    await this.text((context) => mapUsers({ ...context, ...deps }, options), null);
    zulip.close();
  }

  /** The bot says something that the state does not know. */
  async sendByHand(content: string): Promise<void> {
    const zulip = this.#zulip();
    await zulip.send({ type: "direct", userId: String(this.standIn.owner.id) }, content);
    zulip.close();
  }

  #zulip() {
    return connectZulip(this.bench.config.zulip, { log: getLogger(["lmsmon", "test"]) });
  }

  async eventOf(attempt: number, type?: string): Promise<string> {
    const [event] = (await this.bench.events()).filter((each) =>
      each.attempt_id === String(attempt) && (type === undefined || each.event_type === type)
    ).toReversed();
    assert.ok(event, `attempt ${attempt} has no such event`);
    return event.event_id;
  }

  /** Asks `explain`, as sentences and as JSON; both say the same. */
  async ask(question: Question): Promise<Answer> {
    const about = await this.#about(question);
    const config = "attempt" in question ? question.config : undefined;
    const options = { about, since: null, limit: 20 };
    const text = await this.text(runExplain, { ...options, json: false }, config);
    const json = JSON.parse(await this.text(runExplain, { ...options, json: true }, config));
    if (about.kind === "mentor") {
      const { account_status: rule, account_reason: says, what_would_change_it: change } = json.mentor;
      return { rule, says, change, text };
    }
    const deliveries: readonly Told[] = json.deliveries ?? json.events[0].deliveries;
    const recipient = "attempt" in question ? question.recipient : undefined;
    const wanted = typeof recipient === "number" ? `mentor:${recipient}` : recipient;
    const own = deliveries.find((one) => wanted === undefined || one.recipient === wanted);
    assert.ok(own, text);
    return { rule: own.rule, says: own.reason, change: own.what_would_change_it, text };
  }

  async #about(question: Question): Promise<ExplainOptions["about"]> {
    if ("attempt" in question) return { kind: "event", id: await this.eventOf(question.attempt, question.type) };
    if (!("student" in question)) return { kind: "mentor", who: String(question.mentor) };
    return { kind: "student", who: String(question.student), mentor: String(question.mentor), exam: null };
  }
}

export const addressOf = (mentor: number) => `mentor${mentor}@institute.example`;

/** An LMS, a state and a Zulip, where the past is stored already; `work` gets the operators' commands over them. */
export async function atReasonDesk(
  options: Omit<StandInOptions, "intercept" | "nowMs" | "rateLimit">,
  work: (desk: ReasonDesk) => Promise<void>,
): Promise<void> {
  const [place] = PLACES;
  if (place === undefined) throw new Error("There is no place for tests of polls");
  const clock = new TestClock();
  await withState(place.state, async (db, url) => {
    await using lms = await makeLms(place.lms, "reasons");
    await using standIn = await startArmedStandIn({
      rateLimit: UNLIMITED,
      nowMs: () => clock.now() / 1000,
      ...options,
    });
    const bench = new PollBench(place, lms, db, url, standIn, { clock });
    try {
      const desk = new ReasonDesk(bench, clock, standIn);
      desk.history = await desk.finish(await desk.student());
      await bench.firstContact();
      await work(desk);
    } finally {
      bench.close();
    }
  });
}
