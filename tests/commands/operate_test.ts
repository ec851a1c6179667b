import assert from "node:assert/strict";
import { runAudit } from "../../lib/app/audit.ts";
import { runExplain } from "../../lib/app/explain.ts";
import { runPause, runResume } from "../../lib/app/pause.ts";
import { runPreview } from "../../lib/app/preview.ts";
import { runStats } from "../../lib/app/stats.ts";
import { dayBars } from "../../lib/app/stats_days.ts";
import { runRetry } from "../../lib/app/retry.ts";
import { parseTimeToCome } from "../../lib/text/parse_time.ts";
import { UsageError } from "../../lib/base/errors.ts";
import { actorWords } from "../../lib/state/acts.ts";
import { farFromMidnight } from "../support/far_from_midnight.ts";
import { atDesk } from "./desk.ts";

const PAUSE = { subject: null, until: null, reason: "exams are marked anew", dryRun: false, json: false };
const RESUME = { subject: null, all: false, dryRun: false, json: false };
const RETRY = { dead: false, eventId: null, mentor: null, dryRun: false, json: false };
const AUDIT = { all: false, since: null, limit: 100, json: true };
const of = (kind: "mentor" | "student" | "exam", who: string) => ({ kind, who, mayBeUnknown: false });

Deno.test("pause and resume say what they cover, take usernames, and leave rows in the audit that name nobody", async () => {
  await atDesk(async ({ box, run }) => {
    const three = await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    const dry = JSON.parse(await run(runPause, { ...PAUSE, dryRun: true, json: true }));
    assert.deepEqual([dry.schema, dry.command, dry.dry_run, dry.scope, dry.id, dry.deliveries], [
      1,
      "pause",
      true,
      "all",
      null,
      1,
    ]);
    assert.equal(await run(runResume, RESUME), "Nothing is paused.\n");

    const until = box.clock.now() + 3_600_000_000;
    assert.match(
      await run(runPause, { ...PAUSE, subject: of("student", "student17"), until }),
      /^Paused: student 17, until/,
    );
    assert.match(await run(runPause, { ...PAUSE, subject: of("exam", "7") }), /^Paused: exam 7, until `lmsmon resume`/);
    assert.match(await run(runPause, { ...PAUSE, subject: of("exam", "7") }), /takes the place/);
    await assert.rejects(
      run(runPause, { ...PAUSE, subject: of("exam", "71") }),
      (error: Error & { hint?: string }) => /exam 7\?/.test(error.hint ?? ""),
    );
    await assert.rejects(run(runResume, { ...RESUME }), /several things are paused/);
    await assert.rejects(run(runResume, { ...RESUME, subject: of("mentor", "3") }), /mentor 3: it is not paused/);
    assert.match(await run(runResume, { ...RESUME, subject: of("exam", "7") }), /Still paused: student 17/);
    const notifier = box.notifier();
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 waiting paused"]);
    assert.match(await run(runResume, RESUME), /1 delivery that waited/);
    await box.round(notifier);
    assert.equal(box.contents(three).length, 1);

    const text = await run(runAudit, AUDIT);
    const { acts } = JSON.parse(text);
    assert.deepEqual(acts.map((act: { command: string }) => act.command.replace(/ --until \S+/, "")), [
      "pause --student 17",
      "pause --exam 7",
      "pause --exam 7",
      "resume --exam 7",
      "resume --student 17",
    ]);
    assert.deepEqual(Object.keys(acts[0]), ["audit_id", "at", "source", "who", "host", "command", "reason", "effect"]);
    assert.equal(acts[0].reason, "exams are marked anew");
    assert.doesNotMatch(text, /student17|Student 17|inst\.example/);
    for (const change of ["update lmsmon.audit set who = 'me'", "delete from lmsmon.audit", "truncate lmsmon.audit"]) {
      await assert.rejects(box.db.sql.unsafe(change), /only ever added/);
    }
  });
});

Deno.test("the audit names the person behind sudo, also behind the service's own user", () => {
  assert.equal(actorWords("root", true, "alice"), "alice (sudo)");
  assert.equal(actorWords("lmsmon", false, "alice"), "alice (sudo -u lmsmon)");
  assert.equal(actorWords("lmsmon", false, undefined), "lmsmon");
  assert.equal(actorWords("lmsmon", false, "lmsmon"), "lmsmon");
  assert.equal(actorWords("lmsmon", false, "a b\n<c>"), "lmsmon");
});

Deno.test("pause names the sources of the same state that go on, and stats shows the pauses of all", async () => {
  await atDesk(async ({ box, run }) => {
    await box.db.sql`insert into lmsmon.sources (source) values ('testpress'), ('moodle')`;
    const said = await run(runPause, PAUSE);
    assert.match(said, /^Paused: everything, until.*\n.*\nThis is of testpress alone: moodle in this state goes on/);
    assert.deepEqual(JSON.parse(await run(runPause, { ...PAUSE, dryRun: true, json: true })).other_sources, ["moodle"]);
    await box.db.sql`update lmsmon.pauses set source = 'moodle'`;
    const { pauses } = JSON.parse(await run(runStats, { period: null, json: true }));
    assert.deepEqual(pauses.map((pause: { source: string; scope: string }) => [pause.source, pause.scope]), [
      ["moodle", "all"],
    ]);
  });
});

Deno.test("pauses of the same that are asked for at once leave one of them, and a row of the audit each", async () => {
  await atDesk(async ({ box, run }) => {
    await Promise.all(["a", "b", "c", "d"].map((reason) => run(runPause, { ...PAUSE, reason })));
    const open = await box.db.sql`select from lmsmon.pauses where ended_at is null`;
    const acts = await box.db.sql`select from lmsmon.audit where command = 'pause'`;
    assert.deepEqual([open.length, acts.length], [1, 4]);
  });
});

Deno.test("retry sends anew what Zulip refused, once, and looks up first what never got an answer", async () => {
  await atDesk(async ({ box, run }) => {
    const three = await box.mentor(3);
    const four = await box.mentor(4);
    const account = box.standIn.realm.users.get(three);
    assert.ok(account);
    const notifier = box.notifier();
    await box.event({ student: 17, mentors: [3] });
    await box.event({ student: 18, mentors: [4] });
    box.standIn.fault({ kind: "500_after_commit", match: { contentIncludes: "Student 18" } });
    await box.db.sql`
      insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
      values ('testpress', 'mentor', 3, ${three}, 'matched', 'mentor3@inst.example')`;
    box.standIn.realm.users.delete(three);
    await box.round(notifier);
    // Given up although it had arrived: what a person sees as dead may be in Zulip.
    await box.db
      .sql`update lmsmon.messages set state = 'dead', reason = 'poison', look_up_at = null where state = 'unknown'`;
    await box.db.sql`update lmsmon.lms_event_logs set status = 'dead', reason = 'poison' where status = 'unknown'`;
    assert.deepEqual(await box.states(), ["1 mentor:3 dead refused", "2 mentor:4 dead poison"]);

    const dry = JSON.parse(await run(runRetry, { ...RETRY, dead: true, dryRun: true, json: true }));
    assert.deepEqual(dry.deliveries, [
      { event_id: 1, recipient: "mentor:3", was: "dead", reason: "refused", looked_up_first: false },
      { event_id: 2, recipient: "mentor:4", was: "dead", reason: "poison", looked_up_first: true },
    ]);
    assert.deepEqual(await box.states(), ["1 mentor:3 dead refused", "2 mentor:4 dead poison"]);
    await assert.rejects(run(runRetry, { ...RETRY, eventId: "77" }), /Cannot find event 77/);

    box.standIn.realm.users.set(three, account);
    assert.match(
      await run(runRetry, { ...RETRY, dead: true }),
      /event 1 to mentor 3, was dead \(refused\)\nTried again: event 2/,
    );
    box.clock.advance(120_000);
    await box.round(notifier);
    await box.round(notifier);
    assert.deepEqual(await box.states(), ["1 mentor:3 sent", "2 mentor:4 sent"]);
    assert.deepEqual([box.contents(three).length, box.contents(four).length], [1, 1]);
    assert.match(await run(runRetry, { ...RETRY, dead: true }), /^Nothing to retry/);
    assert.match(await run(runRetry, { ...RETRY, mentor: "3" }), /^Nothing to retry/);
    const { acts } = JSON.parse(await run(runAudit, AUDIT));
    assert.deepEqual(acts.map((act: { command: string; effect: string }) => [act.command, act.effect]), [
      ["retry --dead", "2 deliveries tried again"],
    ]);
  });
});

Deno.test("stats by day counts what was found, told and is still to be told", async () => {
  await atDesk(async ({ box, run }) => {
    await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    await box.round(box.notifier());
    await box.event({ student: 17, mentors: [4], type: "content_watched" });
    await run(runPause, PAUSE);
    const now = box.clock.now();
    const period = { since: now - 3_600_000_000, until: now + 1, zone: farFromMidnight() };
    const stats = JSON.parse(await run(runStats, { period, json: true }));
    const types = (rows: { event_type: string }[]) => rows.map((row) => row.event_type);
    assert.deepEqual(types(stats.events_by_day), ["content_watched", "exam_passed"]);
    assert.deepEqual(stats.deliveries_by_day.map((row: { status: string }) => row.status), ["sent"]);
    assert.deepEqual(stats.messages_by_day.map((row: { messages: number }) => row.messages), [1]);
    assert.deepEqual(
      stats.backlog.map((row: { under_an_hour: number; older: number }) => [row.under_an_hour, row.older]),
      [
        [1, 0],
      ],
    );
    assert.match(await run(runStats, { period, json: false }), /events found\n[^]*still to be told\n/);
    const all = JSON.parse(await run(runStats, { period: null, json: true }));
    assert.equal(all.pauses[0].reason, PAUSE.reason);
    const bars = dayBars({
      events_by_day: [{ day: "2026-11-20", source: "s", event_type: "t", events: 31204, not_told: 0 }],
    }, 40);
    assert.deepEqual(bars, ["2026-11-20      31,204 ████████████████"]);
  });
});

Deno.test("preview runs a stored day through the configuration as it is now, and changes nothing", async () => {
  await atDesk(async ({ box, run }) => {
    for (const id of [3, 4]) await box.mentor(id);
    await box.link(17, [3, 4]);
    await box.link(18, [3, 4]);
    const noon = box.clock.now() - 86_400_000_000;
    const at = (minutes: number) => ({ occurredAt: noon + minutes * 60_000_000 });
    for (const minutes of [0, 1, 30]) await box.event({ student: 17, mentors: [3, 4], ...at(minutes) });
    await box.event({ student: 18, mentors: [3, 4], type: "content_watched", ...at(2) });
    await box.event({ student: 19, ...at(3) });
    const before = await box.states();
    const day = { since: noon - 1, until: noon + 3_600_000_000, json: true };
    const one = JSON.parse(await run(runPreview, day));
    assert.deepEqual([one.command, one.events, one.mentors, one.messages, one.most, one.most_mentor_id], [
      "preview",
      5,
      2,
      8,
      4,
      3,
    ]);
    assert.deepEqual([one.events_not_told, one.put_off], [{ no_mentor: 1 }, { digest: 2 }]);
    box.changes = {
      notify: { ...box.changes.notify, gatherMs: 600_000, immediate: ["exam_passed"], digest: { events: [], at: [] } },
    };
    const gathered = JSON.parse(await run(runPreview, day));
    assert.deepEqual([gathered.messages, gathered.events_not_told, gathered.put_off], [
      6,
      { type_not_told: 1, no_mentor: 1 },
      { gathering: 2 },
    ]);
    const text = await run(runPreview, { ...day, json: false });
    assert.match(text, /6 messages to 2 mentors: median 3, most 3/);
    assert.match(text, /Weekly messages, beside those above: none, insights\.tell is null/);
    assert.equal(gathered.weekly_messages, null);
    assert.deepEqual(await box.states(), before);
  });
});

Deno.test("parseTimeToCome() counts durations from now and refuses what is over", () => {
  const now = 1_795_166_100_000_000;
  const until = (text: string) => parseTimeToCome("--until", text, now, "Asia/Kolkata");
  assert.equal(until("2h"), now + 7_200_000_000);
  assert.ok(until("tomorrow") > now && until("tomorrow") <= now + 86_400_000_000);
  for (const text of ["yesterday", "today", "2020-01-01", "soon"]) assert.throws(() => until(text), UsageError, text);
});

Deno.test("explain of a student with nothing new since a moment does not say that nothing is stored", async () => {
  await atDesk(async ({ box, run }) => {
    await box.mentor(3);
    await box.event({ student: 17, mentors: [3] });
    const about = { kind: "student", who: "17", mentor: null, exam: null } as const;
    const later = box.clock.now() + 1_000_000;
    const said = await run(runExplain, { about, since: later, limit: 20, json: false });
    assert.match(said, /^No event of student 17 was found since \d{4}-\d\d-\d\d \d\d:\d\d; without --since/m);
    assert.doesNotMatch(said, /is stored: the LMS showed no change/);
  });
});

Deno.test("bars of days keep within the terminal, whatever the numbers", () => {
  const day = (events: number, i: number) => ({
    day: `2026-11-${10 + i}`,
    source: "s",
    event_type: "t",
    events,
    not_told: 0,
  });
  for (const width of [40, 79, 80, 100]) {
    for (const line of dayBars({ events_by_day: [1, 7, 999, 450_000, 9_999_999].map(day) }, width)) {
      assert.ok(line.length < width, line);
    }
  }
});
