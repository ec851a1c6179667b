import assert from "node:assert/strict";
import { Random } from "../../lib/demo/random.ts";
import { markersIn, shortMarker } from "../../lib/model/marker.ts";
import { releasePoll } from "../../lib/poll/record/release.ts";
import { wakeAwaitedRows } from "../../lib/tell/absent_rows.ts";
import type { Notifier } from "../../lib/tell/notifier.ts";
import { begin, resume } from "./pauses_by_hand.ts";
import { HOUR_US, type Outbox, outboxTest, SOURCE, type TestChanges } from "./outbox_fixture.ts";

// Whatever happens while news waits (mentors, accounts, pauses, a held poll, missing rows, corrections, faults of Zulip, restarts, two
// processes, time), each delivery ends once: in one message, or with a reason that holds.

const SEEDS = [22, 179, 308, 1009];
const STEPS = 45;
const STUDENTS = [11, 12, 13, 14];
const MENTORS = [1, 2, 3, 4, 5];
const DIGEST = ["exam_started", "content_started", "content_completed", "content_watched"] as const;
const TYPES = [
  "exam_passed",
  "exam_failed",
  "exam_completed",
  "exam_started",
  "content_watched",
  "content_started",
] as const;
const FAULTS = ["500_after_commit", "500_before_commit", "reset_before_commit", "reset_after_commit", "429"] as const;
const FALLBACK = { channel: "mentors", topic: "unmatched" };

type Policy = NonNullable<TestChanges["notify"]>;

function policyOf(random: Random): TestChanges {
  const quiet = { from: random.int(0, 700), to: random.int(701, 1439) };
  return {
    notify: {
      gatherMs: random.pick([0, 600_000, 3_600_000]),
      quiet: random.chance(0.4) ? quiet : null,
      maxPerMentor: random.pick([null, { messages: 2, perMs: 3_600_000 }]),
      digestAbove: random.pick([1, 3]),
      mentorGraceMs: random.pick([3_600_000, 86_400_000]),
      accountGraceMs: random.pick([7_200_000, 259_200_000]),
      fallback: random.pick([null, FALLBACK]),
      digest: { events: [...DIGEST], at: random.pick([[], [810, 1230]]) },
    },
  };
}

/** One of them, with what it knows of what it did. */
class History {
  readonly #box: Outbox;
  readonly #random: Random;
  readonly #notify: Policy;
  readonly #links = new Map<number, number[]>();
  readonly #finishes: { readonly attempt: number; readonly student: number; last: string; revision: number }[] = [];
  readonly #held: string[] = [];
  readonly #paused = new Set<number>();
  #attempts = 100;
  #notifier: Notifier;

  constructor(box: Outbox, random: Random, notify: Policy) {
    this.#box = box;
    this.#random = random;
    this.#notify = notify;
    this.#notifier = box.notifier();
  }

  async play(): Promise<void> {
    const { sql } = this.#box.db;
    this.#box.standIn.addChannel(FALLBACK.channel);
    await sql`insert into lmsmon.sources (source) values (${SOURCE}) on conflict do nothing`;
    await sql`insert into lmsmon.streams (source, kind) values (${SOURCE}, 'exam')`;
    // Some share an address, some have no account (yet).
    for (const mentor of MENTORS) {
      const email = this.#random.chance(0.5) ? `shared${this.#random.int(1, 2)}@x.example` : `m${mentor}@x.example`;
      await this.#box.person("mentor", mentor, { email });
      if (this.#random.chance(0.7)) this.#account(email);
    }
    for (const student of STUDENTS) await this.#relink(student);
    for (let step = 0; step < STEPS; step++) await this.#step();
    await this.#calm();
  }

  #account(email: string): void {
    const known = this.#box.standIn.realm.userByLogin(email);
    if (known) known.isActive = !known.isActive;
    else this.#box.standIn.addUser({ email });
  }

  async #relink(student: number): Promise<void> {
    const mentors = MENTORS.filter(() => this.#random.chance(0.35));
    this.#links.set(student, mentors);
    await this.#box.link(student, mentors);
  }

  async #step(): Promise<void> {
    const { db, clock, standIn } = this.#box;
    const what = this.#random.next();
    if (what < 0.4) return await this.#news();
    if (what < 0.5) return await this.#correction();
    if (what < 0.53) return await this.#pause();
    if (what < 0.6) return void await this.#box.round(this.#notifier);
    if (what < 0.63) {
      return void await Promise.all([this.#notifier, this.#box.notifier()].map((n) => this.#box.round(n)));
    }
    if (what < 0.7) return await this.#relink(this.#random.pick(STUDENTS));
    if (what < 0.74) {
      const [row] = await db.sql<{ email: string }[]>`
        select email from lmsmon.people where role = 'mentor' and id = ${this.#random.pick(MENTORS)}`;
      return this.#account(row?.email ?? "");
    }
    if (what < 0.77) return await this.#missing(this.#random.int(100, this.#attempts));
    if (what < 0.81) return await this.#release();
    if (what < 0.84) this.#notifier = this.#box.notifier();
    else if (what < 0.88) standIn.fault({ kind: this.#random.pick(FAULTS) });
    else clock.advance(this.#random.pick([1000, 60_000, 600_000, 3_600_000, 36_000_000]));
  }

  async #news(): Promise<void> {
    const { clock } = this.#box;
    const type = this.#random.pick(TYPES);
    const student = this.#random.pick(STUDENTS);
    const mentors = this.#links.get(student) ?? [];
    const atDigest = DIGEST.some((each) => each === type) && (this.#notify.digest?.at.length ?? 0) > 0;
    const dueAt = atDigest ? clock.now() + this.#random.int(0, 8) * HOUR_US : clock.now();
    const waits = atDigest && mentors.length > 0 ? { status: "waiting", reason: "digest" } : {};
    const attempt = this.#attempts++;
    const id = await this.#store({ type, student, mentors, attempt, dueAt, ...waits });
    if (!/^exam_[^s]/.test(type)) return;
    this.#finishes.push({ attempt, student, last: id, revision: 1 });
    await this.#remember(attempt, 1, id);
  }

  async #correction(): Promise<void> {
    if (this.#finishes.length === 0) return;
    const finish = this.#random.pick(this.#finishes);
    const { attempt, student } = finish;
    finish.revision++;
    const supersedes = Number(finish.last);
    const mentors = this.#links.get(student) ?? [];
    const type = this.#random.pick(["exam_passed", "exam_failed"] as const);
    finish.last = await this.#store({ type, student, mentors, attempt, revision: finish.revision, supersedes });
    await this.#remember(attempt, finish.revision, finish.last);
  }

  async #store(event: Parameters<Outbox["event"]>[0]): Promise<string> {
    const graceUntil = this.#box.clock.now() + (this.#notify.mentorGraceMs ?? 0) * 1000;
    if (!this.#random.chance(0.15) || event.mentors?.length === 0) {
      return await this.#box.event({ ...event, graceUntil });
    }
    const pollId = await this.#box.poll("held");
    this.#held.push(pollId);
    return await this.#box.event({ ...event, graceUntil, pollId, status: "held", reason: "fuse" });
  }

  async #remember(attempt: number, revision: number, event: string): Promise<void> {
    await this.#box.db.sql`
      insert into lmsmon.row_states (stream_id, row_key, hash, recipe, stage, revision, last_event_id)
      select stream_id, ${attempt}::bigint, 1, 1, 2, ${revision}::int, ${event}::bigint from lmsmon.streams where kind = 'exam'
      on conflict (stream_id, row_key) do update set revision = excluded.revision, last_event_id = excluded.last_event_id`;
  }

  async #missing(attempt: number): Promise<void> {
    const { db, clock } = this.#box;
    await db.sql`
      update lmsmon.row_states set missing_at_pass = case when missing_since is null then 0 end,
             missing_since = case when missing_since is null then ${clock.now()}::timestamptz end
       where row_key = ${attempt}::bigint`;
    await wakeAwaitedRows(db, SOURCE, clock.now());
  }

  async #pause(): Promise<void> {
    const student = this.#random.pick(STUDENTS);
    if (this.#paused.delete(student)) return await resume(this.#box, "student", String(student));
    await begin(this.#box, "student", String(student));
    this.#paused.add(student);
  }

  async #release(): Promise<void> {
    const pollId = this.#held.shift();
    if (pollId !== undefined) assert.ok(await releasePoll(this.#box.db, SOURCE, pollId));
  }

  /** Nothing happens any more but time, until everything is over. */
  async #calm(): Promise<void> {
    const { db, clock, standIn } = this.#box;
    await db.sql`update lmsmon.row_states set missing_since = null, missing_at_pass = null`;
    await wakeAwaitedRows(db, SOURCE, clock.now());
    for (const student of this.#paused) await resume(this.#box, "student", String(student));
    while (this.#held.length > 0) await this.#release();
    standIn.clearFaults();
    for (let rounds = 0; rounds < 200; rounds++) {
      await this.#box.round(this.#notifier);
      const due = await this.#notifier.nextDueAt();
      if (due === null && (await this.#box.logs()).every(isOver)) return;
      const ms = due === null ? 3_600_000 : Math.max(1000, (due - clock.now()) / 1000 + 1);
      clock.advance(Math.min(Math.max(ms, rounds > 60 ? 10_800_000 : 0), 21_600_000));
    }
    assert.fail(`still open: ${JSON.stringify((await this.#box.logs()).filter((row) => !isOver(row)).slice(0, 5))}`);
  }
}

const isOver = ({ status }: { readonly status: string }) => ["sent", "suppressed", "dead"].includes(status);

/** What is wrong with how it all ended. */
async function judge(box: Outbox): Promise<string[]> {
  const rows = await box.db.sql<{
    event: string;
    attempt: string;
    revision: number;
    stage: string;
    recipient: string | null;
    marker: string | null;
    status: string;
    reason: string | null;
    reader: string | null;
  }[]>`
    select l.event_id as event, e.attempt_id as attempt, e.revision, e.stage, l.recipient, l.marker, l.status, l.reason,
           coalesce(l.zulip_user_id::text, l.recipient) as reader
      from lmsmon.lms_event_logs l join lmsmon.lms_activity_events e using (event_id) order by e.attempt_id, e.revision`;
  const messages = new Map<string, number[]>();
  box.standIn.messages.forEach(({ content }, i) => {
    for (const mark of markersIn(content)) messages.getOrInsertComputed(mark, () => []).push(i);
  });
  const placesOf = (marker: string | null) =>
    marker === null ? [] : [...messages.get(marker) ?? [], ...messages.get(shortMarker(marker)) ?? []];
  const wrong: string[] = [];
  for (const { event, recipient, marker, status, reason } of rows) {
    const times = placesOf(marker).length;
    if (times !== (status === "sent" ? 1 : 0)) {
      wrong.push(`event ${event} to ${recipient}: ${status}, ${times} times in Zulip`);
    }
    if (status === "suppressed" && reason === null) wrong.push(`event ${event} to ${recipient} ended without a reason`);
  }
  const sent = rows.filter(({ status }) => status === "sent");
  const byReader = Map.groupBy(sent, (row) => `attempt ${row.attempt} to ${row.reader}`);
  for (const [what, own] of byReader) {
    if (new Set(own.map(({ event }) => event)).size !== own.length) wrong.push(`${what}: told twice`);
    const places = own.filter(({ stage }) => stage === "finished").map(({ marker }) => placesOf(marker)[0] ?? -1);
    if (places.some((place, i) => place < (places[i - 1] ?? -1))) wrong.push(`${what}: told after its correction`);
  }
  for (const own of Map.groupBy(rows, ({ event }) => event).values()) {
    const isTold = own.some(({ status, reason }) =>
      status === "sent" || reason === "overtaken" || reason === "finished_since"
    );
    const twin = own.find(({ reason }) => reason === "duplicate");
    if (!isTold && twin !== undefined && own.every(({ status }) => status === "suppressed")) {
      wrong.push(`event ${twin.event}: nobody was told, though ${twin.recipient} is said to be a duplicate`);
    }
  }
  return wrong;
}

for (const seed of SEEDS) {
  const policy = policyOf(new Random(seed));
  outboxTest(`P4: each delivery of a made-up history ends once, seed ${seed}`, async (box) => {
    await new History(box, new Random(seed), policy.notify ?? {}).play();
    assert.deepEqual(await judge(box), []);
  }, policy);
}
