import assert from "node:assert/strict";
import { getLogger } from "@logtape/logtape";
import { runExplain } from "../../lib/app/explain.ts";
import type { CommandContext } from "../../lib/app/command_context.ts";
import { runPause, runResume } from "../../lib/app/pause.ts";
import { runRelease } from "../../lib/app/release.ts";
import { createOutput } from "../../lib/base/output.ts";
import type { Config } from "../../lib/config/config.ts";
import { atOnePlace, type PollBench } from "../poll/poll_bench.ts";
import { TestClock } from "../tell/outbox_fixture.ts";

/** What a case says of itself: the rule that `explain` must name, and words of its sentence. */
type Expected = readonly [rule: string, says: RegExp];

/** The operators' commands over a bench, and rows of its LMS that bring a reason about. */
class Desk {
  readonly named = new Set<string>();

  constructor(readonly bench: PollBench, readonly clock: TestClock) {}

  async run<O>(command: (context: CommandContext, options: O) => Promise<unknown>, options: O, config?: Config) {
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
    return JSON.parse(text);
  }

  notify(changes: Partial<Config["notify"]>): Config {
    return { ...this.bench.config, notify: { ...this.bench.config.notify, ...changes } };
  }

  students(changes: Partial<Config["students"]>): Config {
    return { ...this.bench.config, students: { ...this.bench.config.students, ...changes } };
  }

  /** A student who is told of to one mentor with an account, unless the mentors are given. */
  async student(values: Record<string, string | boolean> = {}, mentors?: readonly number[]): Promise<number> {
    const id = Number(await this.bench.writer.student(values));
    for (const mentor of mentors ?? [await this.mentor()]) await this.bench.writer.link(mentor, id);
    return id;
  }

  async mentor(values: Record<string, string> = {}, hasAccount = true): Promise<number> {
    const id = Number(await this.bench.writer.mentor(values));
    const email = values["email"] ?? `mentor${id}@institute.example`;
    if (hasAccount && !this.bench.standIn.realm.userByLogin(email)) this.bench.standIn.addUser({ email });
    return id;
  }

  utc(agoMs = 0): string {
    const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(this.clock.now() / 1000) - agoMs);
    return at.toString().slice(0, 19).replace("T", " ");
  }

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

  async round(config?: Config) {
    return await this.bench.notifier(config).round({ stop: new AbortController().signal });
  }

  /** Finishes, polls and, with a notifier's configuration, tells; the attempt. */
  async found(student: number, config?: Config, agoMs = 0): Promise<number> {
    const attempt = await this.finish(student, agoMs);
    await this.bench.poll(config === undefined ? {} : { config });
    return attempt;
  }

  /** What explain says of the newest event of an attempt. */
  async says(attempt: number, [rule, says]: Expected, { config, recipient }: {
    readonly config?: Config;
    readonly recipient?: number;
  } = {}): Promise<void> {
    const [event] = (await this.bench.events()).filter(({ attempt_id: id }) => id === String(attempt)).toReversed();
    assert.ok(event, `attempt ${attempt} has no event: ${rule}`);
    const about = { kind: "event", id: event.event_id } as const;
    const answer = await this.run(runExplain, { about, since: null, limit: 20, json: true }, config);
    const deliveries = answer.deliveries as { rule: string; recipient: string | null; reason: string }[];
    const own = deliveries.find((one) => recipient === undefined || one.recipient === `mentor:${recipient}`);
    assert.equal(own?.rule, rule, JSON.stringify(answer.in_words));
    assert.match(own?.reason ?? "", says, rule);
    this.named.add(rule);
  }
}

const HOUR_MS = 3_600_000;
const clock = new TestClock();
const MORNING = { from: 0, to: 1439 };
const PAUSE = { until: null, reason: "an appeal", dryRun: false, json: true };
const RELEASE = { poll: null, drop: true, reason: "a re-sync", list: false, yes: false, dryRun: false, json: true };

atOnePlace(
  "explain names every reason that polls and rounds bring about, by its own command",
  { clock, zulipOptions: { nowMs: () => clock.now() / 1000, channels: [{ name: "mentors" }] } },
  async (bench) => {
    const desk = new Desk(bench, clock);
    const { writer, standIn } = bench;
    const history = await desk.finish(await desk.student());
    await bench.firstContact();
    await desk.says(history, ["first_contact", /history that was there at the first contact/]);

    // Told to nobody: judged when it is found.
    const ofEvents: readonly (readonly [Expected, Config | undefined, Record<string, string | boolean>?, number?])[] = [
      [["notifications_off", /notify\.enabled: false/], desk.notify({ enabled: false })],
      [["type_not_told", /muted/], desk.notify({ immediate: [], digest: { events: [], at: [] } })],
      [
        ["too_old", /2d when it was found.*notify\.max_age is 1d/],
        desk.notify({ maxAgeMs: 24 * HOUR_MS }),
        {},
        48 * HOUR_MS,
      ],
      [["student_excluded: inactive", /inactive in the LMS/], undefined, { is_active: false }],
      [["student_excluded: excluded_username", /exclude_usernames/], desk.students({ excludeUsernames: ["ghost"] }), {
        username: "ghost",
      }],
      [["student_excluded: excluded_batch", /none of the batches/], desk.students({ batches: ["77"] })],
    ];
    for (const [expected, config, values, agoMs] of ofEvents) {
      const attempt = await desk.found(await desk.student(values), config, agoMs);
      await desk.says(attempt, expected, config === undefined ? {} : { config });
    }

    // Held, dropped, and what a poll found meanwhile.
    const flood = [await desk.finish(await desk.student()), await desk.finish(await desk.student())];
    const strict = desk.notify({ fuse: { messagesPerPoll: 1, revisionsPerPoll: 1 } });
    await bench.poll({ config: strict });
    await desk.says(flood[0] ?? 0, ["fuse", /the fuse holds poll \d+: 2 messages in one poll/]);
    await desk.run(runRelease, RELEASE);
    await desk.says(flood[0] ?? 0, ["dropped", /dropped it while the fuse held it: a re-sync/]);

    // Who has no account, or not one of their own.
    const nobody = await desk.mentor({}, false);
    const hiddenMentor = await desk.mentor({ display_name: "Anita Rao" }, false);
    standIn.addUser({ email: "anita@institute.example", fullName: "Anita Rao", emailVisibility: 4 });
    const shared = { email: "shared@institute.example" };
    const twins = [await desk.mentor(shared), await desk.mentor(shared)];
    const same = { email: "both@institute.example" };
    const waits = await desk.finish(await desk.student({}, [nobody]));
    const hidden = await desk.finish(await desk.student({}, [hiddenMentor]));
    const twice = await desk.finish(await desk.student({}, twins));
    const orphan = await desk.finish(await desk.student({}, []));
    const self = await desk.finish(await desk.student(same, [await desk.mentor(same)]));
    const reader = await desk.mentor();
    const readers = await desk.student({}, [reader]);
    const told = await desk.finish(readers);
    const former = await desk.mentor();
    const left = await desk.student({}, [former]);
    const handedOver = await desk.finish(left);
    const starter = await desk.student();
    const superseded = Number(await writer.attempt({ user_id: starter, state: "Running", date: desk.utc() }));
    await bench.poll();
    await writer.unlink(former, left);
    await writer.link(await desk.mentor(), left);
    await writer.updateAttempt(superseded, { state: "Completed", result: "Pass", score: 90, percentage: 90 });
    await desk.says(told, ["none", /it is due/]);
    await bench.poll();
    await desk.round();
    await desk.says(waits, ["no_account", /no account with their address.*notify\.account_grace/]);
    await desk.says(hidden, ["no_account", /hides its address/]);
    await desk.says(twice, ["duplicate", /same Zulip account as another mentor/], { recipient: twins[1] ?? 0 });
    await desk.says(orphan, ["no_mentor", /no mentor in the LMS.*notify\.mentor_grace/]);
    await desk.says(self, ["self", /is the student, by their Zulip account/]);
    await desk.says(told, ["sent", /it was told/]);
    await desk.says(handedOver, ["no_longer_mentor", /no longer the student's mentor/], { recipient: former });
    const about = { kind: "student", who: String(readers), mentor: String(nobody), exam: null } as const;
    const pair = await desk.run(runExplain, { about, since: null, limit: 20, json: true });
    assert.equal(pair.events[0].deliveries[0].rule, "not_mentor");
    const started = (await bench.events()).find(({ attempt_id, event_type }) =>
      attempt_id === String(superseded) && event_type === "exam_started"
    );
    const asked = { kind: "event", id: started?.event_id ?? "0" } as const;
    const start = await desk.run(runExplain, { about: asked, since: null, limit: 20, json: true });
    assert.equal(start.deliveries[0].rule, "finished_since", JSON.stringify(start.in_words));

    // Not yet: each by the configuration that the round goes by.
    await writer.updateAttempt(told, { result: "Fail", score: 1, percentage: 1 });
    await bench.poll({ config: desk.notify({ revisions: "none" }) });
    await desk.says(told, ["revision_not_told", /a correction of a kind that is not told/], {
      config: desk.notify({ revisions: "none" }),
    });
    const later: readonly (readonly [Expected, Config])[] = [
      [["gathering", /gathers with what follows.*notify\.gather/], desk.notify({ gatherMs: 600_000 })],
      [["quiet", /quiet hours until.*notify\.quiet/], desk.notify({ quiet: MORNING })],
    ];
    for (const [expected, config] of later) {
      const attempt = await desk.found(readers);
      await desk.round(config);
      await desk.says(attempt, expected, { config });
    }
    const course = await writer.course();
    const chapter = await writer.chapter({ course_id: course });
    const content = await writer.content({ course_id: course, content_type: "Notes" });
    const busy = await desk.student();
    await desk.found(busy);
    await desk.round();
    const read = { user_id: busy, course_id: course, chapter_id: chapter, chapter_content_id: content };
    const contentAttempt = Number(
      await writer.contentAttempt({
        id: 5000,
        ...read,
        content_type: "notes",
        state: "Completed",
        completed_on: desk.utc(),
      }),
    );
    await bench.poll();
    const few = desk.notify({ maxPerMentor: { messages: 1, perMs: 24 * HOUR_MS } });
    await desk.round(few);
    await desk.says(contentAttempt, ["rate", /notify\.max_per_mentor allows/], { config: few });
    const daily = desk.notify({ immediate: [], digest: { events: ["exam_passed"], at: [0] } });
    await desk.says(await desk.found(await desk.student(), daily), ["digest", /the next digest until/], {
      config: daily,
    });
    const appeal = await desk.student();
    const subject = { kind: "student", who: String(appeal), mayBeUnknown: true } as const;
    await desk.run(runPause, { ...PAUSE, subject });
    await desk.says(await desk.found(appeal), ["paused", /it is paused \(student \d+\) since .*: an appeal/]);
    await desk.run(runResume, { subject, all: false, dryRun: false, json: true });

    const gone = await desk.found(await desk.student());
    await writer.remove("attempts", gone);
    await bench.poll();
    await desk.round();
    await desk.says(gone, ["row_missing", /its row is gone from the LMS; it is waited for/]);

    // Refused, and a trial.
    const refusing = await desk.student({}, [reader]);
    const account = standIn.realm.userByLogin(`mentor${reader}@institute.example`);
    assert.ok(account);
    standIn.realm.users.delete(account.id);
    const refused = await desk.found(refusing);
    await desk.round();
    await desk.says(refused, ["refused_so_far", /Zulip refused it once so far \(HTTP 400/]);
    clock.advance(600_000);
    const impatient = desk.notify({ maxAttempts: 2 });
    await desk.round(impatient);
    await desk.says(refused, ["refused", /Zulip refused it twice, at last with HTTP 400/], { config: impatient });
    standIn.realm.users.set(account.id, account);
    const trial = desk.notify({ redirectTo: String(standIn.owner.id) });
    const redirected = await desk.found(await desk.student());
    await desk.round(trial);
    await desk.says(redirected, ["redirected", /went to the person of the trial/], { config: trial });

    // The graces end.
    clock.advance(8 * 24 * HOUR_MS);
    await bench.poll();
    await bench.poll();
    await desk.round();
    await desk.says(waits, ["no_account", /had no Zulip account .* when the grace ended/]);
    await desk.says(orphan, ["no_mentor", /no mentor in the LMS when the grace ended/]);
    await desk.says(gone, ["row_missing", /gone from the LMS before it could be told/]);
    const elsewhere = desk.notify({ accountGraceMs: 0, fallback: { channel: "mentors", topic: "unmatched" } });
    const fallen = await desk.found(await desk.student({}, [nobody]));
    await desk.round(elsewhere);
    await desk.says(fallen, ["fell_back_to_channel", /it went to the fallback channel/], { recipient: nobody });
    assert.equal(desk.named.size, 29, [...desk.named].join(", "));
  },
);
