import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { insertPause } from "../../sql/state/pauses.ts";
import { explainAnswer } from "../../lib/app/explain.ts";
import type { ExplainOptions } from "../../lib/app/command_options.ts";
import { EVENT_SUPPRESSIONS } from "../../lib/model/event.ts";
import { REASONS } from "../../lib/tell/reasons.ts";
import { UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { MATCH_STATUSES } from "../../lib/people/match_person.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { withState } from "../support/state/with_state.ts";
import { goToNoon, HOUR_US, Outbox, SOURCE, type TestChanges, testConfig } from "./outbox_fixture.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KNOWN = new Set(Object.values(REASONS).flatMap((rules) => Object.keys(rules)));

/** Words behind `reason` in the source that are no reason of a delivery or an event. */
const OTHERS = new Set([
  "failed", // of ZulipError
  "identity", // of LmsError
  "schema",
]);

Deno.test("explain knows every reason that the source of the product writes or asks for", async () => {
  const unknown: string[] = [];
  for (const folder of ["lib/tell", "lib/poll", "sql/state"]) {
    for await (const { path, text } of sources(`${ROOT}${folder}`)) {
      if (/reason|explain|migrations\/.*test/.test(path.split("/").at(-1) ?? "")) continue;
      const places = [
        /\breason\b\s*(?::|=+|!==|<>)\s*((?:["'][a-z_]+["']\s*\|?\s*)+)/g, // `reason: "x"`, `reason = 'x'`, `reason: "x" | "y"`
        /\breason\b\s+in\s*\(([^)]*)\)/g,
        /\breason\b\s*=\s*case\b[^,;]*?then\s*('[a-z_]+')/g,
      ];
      for (const [, words = ""] of places.flatMap((place) => [...text.matchAll(place)])) {
        for (const [, word = ""] of words.matchAll(/["']([a-z_]+)["']/g)) {
          if (!KNOWN.has(word) && !OTHERS.has(word)) unknown.push(`${path}: ${word}`);
        }
      }
    }
  }
  assert.deepEqual([...new Set(unknown)], []);
});

Deno.test("explain knows every reason that the schema and the lists of the product name", async () => {
  const sql = await Deno.readTextFile(`${ROOT}sql/state/migrations/0001_initial.sql`);
  const [, list = ""] = /suppressed_reason in \(([^)]*)\)/.exec(sql) ?? [];
  const inSchema = [...list.matchAll(/'(\w+)'/g)].map(([, word]) => word ?? "");
  assert.deepEqual(inSchema.toSorted(), Object.keys(REASONS.event).toSorted());
  assert.deepEqual([...EVENT_SUPPRESSIONS].toSorted(), inSchema.toSorted());
  assert.deepEqual(Object.keys(REASONS.account).toSorted(), [...MATCH_STATUSES].toSorted());
  const docs = await Deno.readTextFile(`${ROOT}docs/delivery-states.md`);
  const table = docs.split("## A message")[0] ?? "";
  for (const word of [REASONS.waiting, REASONS.dead, REASONS.held].flatMap(Object.keys)) {
    assert.match(table, new RegExp(`\`${word}\``), `docs/delivery-states.md does not name ${word}`);
  }
});

async function* sources(folder: string): AsyncGenerator<{ path: string; text: string }> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (/\.(ts|sql)$/.test(name)) yield { path: path.slice(ROOT.length), text: await Deno.readTextFile(path) };
  }
}

type About = ExplainOptions["about"];

/** What `explain` says, as one text; `changes`: the configuration of who asks. */
async function explain(
  box: Outbox,
  about: About,
  changes: Partial<ReturnType<typeof testConfig>> = {},
  since: number | null = null,
) {
  const config = { ...testConfig(box.standIn, box.changes), ...changes };
  const asked = { db: box.db, config, source: SOURCE, now: box.clock.now() };
  const { lines, json } = await explainAnswer(asked, { about, since, limit: 20 });
  return { text: lines.join("\n"), json: json as Record<string, unknown> };
}

const event = (id: string): About => ({ kind: "event", id });

/** Each injects one reason and says what `explain` must name. */
async function withBox(changes: TestChanges, work: (box: Outbox) => Promise<void>): Promise<void> {
  await withState("server", async (db) => {
    const boxes: Outbox[] = [];
    await using standIn = await startArmedStandIn({
      rateLimit: UNLIMITED,
      nowMs: () => (boxes[0]?.clock.now() ?? 0) / 1000,
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

Deno.test("explain names what keeps an event from everybody, and what would change it", async () => {
  await withBox({ notify: { maxAgeMs: 72 * 3_600_000 } }, async (box) => {
    const says: Readonly<Record<(typeof EVENT_SUPPRESSIONS)[number], RegExp>> = {
      first_contact: /first contact.*\n.*--notify-history/,
      notifications_off: /notify\.enabled: false/,
      type_not_told: /muted.*notify\.immediate/,
      too_old: /too old: 5d when.*notify\.max_age is 3d/,
      student_excluded: /excluded: inactive/,
      revision_not_told: /notify\.revisions/,
    };
    for (const reason of EVENT_SUPPRESSIONS) {
      const id = await box.event({ student: 17, mentors: [3], occurredAt: box.clock.now() - 120 * HOUR_US });
      await box.db.sql`delete from lmsmon.lms_event_logs where event_id = ${id}`;
      await box.db.sql`update lmsmon.lms_activity_events set suppressed_reason = ${reason} where event_id = ${id}`;
      await box.db.sql`update lmsmon.people set active = false where role = 'student'`;
      const { text, json } = await explain(box, event(id));
      assert.match(text, says[reason], reason);
      assert.match(text, /What would change it: /, reason);
      const [delivery] = json["deliveries"] as { rule: string; status: string }[];
      assert.deepEqual([delivery?.rule.split(":")[0], delivery?.status], [reason, "not_told"]);
    }
    await box.db.sql`update lmsmon.people set active = true, batch_ids = '{5}' where role = 'student'`;
    const excluded = (students: Partial<ReturnType<typeof testConfig>["students"]>) =>
      explain(box, event("5"), { students: { activeOnly: true, excludeUsernames: [], batches: [], ...students } });
    assert.match((await excluded({ batches: ["4"] })).text, /none of the batches of students\.batches/);
    assert.match((await excluded({ excludeUsernames: ["Student17"] })).text, /students\.exclude_usernames/);
  });
});

Deno.test("explain names grace, accounts, pauses, the fuse, rows that are gone, and what Zulip refused", async () => {
  await withBox({ adminTo: "1" }, async (box) => {
    const notifier = box.notifier();
    const told = await box.event({ student: 17, mentors: [await box.mentor(3) && 3] });
    const orphan = await box.event({ student: 18 });
    const lost = await box.event({ student: 19, graceUntil: 1 });
    await box.person("mentor", 4);
    const noAccount = await box.event({ student: 20, mentors: [4] });
    const hidden = await box.mentor(5, { name: "Anita Rao" });
    const account = box.standIn.realm.users.get(hidden);
    assert.ok(account);
    account.emailVisibility = 4;
    const hiddenAddress = await box.event({ student: 21, mentors: [5] });
    await box.mentor(6, { email: "shared@inst.example" });
    await box.person("mentor", 7, { email: "shared@inst.example" });
    const twice = await box.event({ student: 22, mentors: [6, 7] });
    await box.link(23, [8]);
    await box.mentor(9);
    const handedOver = await box.event({ student: 23, mentors: [9] });
    await box.db
      .sql`insert into lmsmon.lms_event_logs (event_id, source, poll_id, recipient, status, marker, message_id, notification_message_id)
      select event_id, source, poll_id, 'mentor:8', 'sent', 'x', 1, 1 from lmsmon.lms_event_logs where event_id = ${handedOver}`;
    await insertPause(box.db.sql, SOURCE, { scope: "student", subjectId: "24", until: null, reason: "an appeal" });
    const paused = await box.event({ student: 24, mentors: [3] });
    const held = await box.event({
      student: 25,
      mentors: [3],
      status: "held",
      reason: "fuse",
      pollId: await box.poll("held"),
    });
    const running = await box.event({ student: 26, mentors: [3], pollId: await box.poll("undecided") });
    await box.round(notifier);

    const said = async (id: string, pattern: RegExp) => assert.match((await explain(box, event(id))).text, pattern);
    await said(told, /Told to mentor 3 \(Zulip user \d+\) by message \d+ at 20/);
    await said(orphan, /no mentor in the LMS.*grace/);
    await said(lost, /no mentor in the LMS when the grace ended/);
    await said(noAccount, /mentor 4 has no Zulip account.*no account with their address.*notify\.account_grace/);
    await said(hiddenAddress, /hides its address/);
    await said(twice, /duplicate/);
    await said(handedOver, /no longer the student's mentor/);
    await said(paused, /paused \(student 24\).*an appeal\n.*lmsmon resume --student 24/);
    await said(held, /the fuse holds poll \d+.*\n.*release --poll/);
    await said(running, /has not ended yet/);

    const pair = await explain(box, { kind: "student", who: "17", mentor: "4", exam: "7" });
    assert.match(pair.text, /Mentor 4: .*none \(no_account/);
    assert.match(pair.text, /mentor 4 was no mentor of this student when it was found/);
    const mentor = await explain(box, { kind: "mentor", who: "mentor3" });
    assert.match(mentor.text, /1 delivery sent/);
    await assert.rejects(explain(box, event("99")), /Cannot find event 99/);
    await assert.rejects(explain(box, { kind: "mentor", who: "33" }), (error: Error & { hint?: string }) => {
      assert.match(error.hint ?? "", /Did you mean mentor 3/);
      return true;
    });
    await assert.rejects(explain(box, { kind: "student", who: "3", mentor: null, exam: null }), (
      error: Error & { hint?: string },
    ) => /mentor 3 has it/.test(error.hint ?? ""));
  });
});

Deno.test("explain mentor says what was found of their students since a day, and why nobody is told of it", async () => {
  await withBox({}, async (box) => {
    await box.mentor(3);
    const notifier = box.notifier();
    const mentor = { kind: "mentor", who: "3" } as const;
    for (const student of [17, 18]) {
      await box.db
        .sql`insert into lmsmon.mentor_links (source, student_id, mentor_ids) values (${SOURCE}, ${student}, '{3}')`;
      await box.event({ student, mentors: [3] });
    }
    await box.round(notifier);
    const before = await explain(box, mentor);
    assert.match(before.text, /Found of their students: 2 events, the newest at 20\d\d-.*\n2 deliveries sent/);

    box.clock.advance(50 * 3_600_000);
    const friday = box.clock.now();
    const nothing = await explain(box, mentor, {}, friday);
    assert.match(
      nothing.text,
      /since 20.*: nothing; the newest before was found at 20.*; the newest of any student at 20/,
    );
    assert.match(nothing.text, /Nothing was to be told to this mentor since 20/);
    assert.doesNotMatch(nothing.text, /sent/);

    const muted = await box.event({ student: 17, mentors: [3] });
    const old = await box.event({ student: 18, mentors: [3], occurredAt: box.clock.now() - 120 * HOUR_US });
    for (const [id, reason] of [[muted, "type_not_told"], [old, "too_old"]] as const) {
      await box.db.sql`delete from lmsmon.lms_event_logs where event_id = ${id}`;
      await box.db.sql`update lmsmon.lms_activity_events set suppressed_reason = ${reason} where event_id = ${id}`;
    }
    await box.mentor(4);
    const linkTo = (mentors: string) =>
      box.db.sql`update lmsmon.mentor_links set mentor_ids = ${mentors}::bigint[] where student_id = 18`;
    await linkTo("{4}");
    await box.event({ student: 18, mentors: [4] });
    await box.round(notifier);
    await linkTo("{3}"); // a hand-over tells nothing again
    const since = await explain(box, mentor, {}, friday);
    assert.match(since.text, /Found of their students since 20.*: 3 events/);
    assert.match(
      since.text,
      new RegExp(`1 of these told to nobody \\(too_old\\), the newest is event ${old}: it was too old: 5d`),
    );
    assert.match(
      since.text,
      new RegExp(`\\(type_not_told\\), the newest is event ${muted}: its type exam_\\w+ was muted`),
    );
    assert.match(since.text, /1 of these was not for this mentor.*`lmsmon explain --student ID --mentor 3`/);
    const news = since.json["news"] as { events: number; not_for_this_mentor: number; not_told: { rule: string }[] };
    assert.deepEqual([news.events, news.not_for_this_mentor, news.not_told.map(({ rule }) => rule)], [
      3,
      1,
      ["too_old", "type_not_told"],
    ]);
  });
});

Deno.test("explain names what is refused, poison, gone, superseded, rate, gathering and quiet", async () => {
  const dayAndNight = { from: 0, to: 1439 };
  await withBox({ notify: { gatherMs: 600_000, maxPerMentor: { messages: 1, perMs: 3_600_000 } } }, async (box) => {
    goToNoon(box); // day and night have a minute in between
    for (const id of [3, 4, 5, 6]) await box.mentor(id);
    const seven = await box.mentor(7);
    const notifier = box.notifier();
    const said = async (id: string, pattern: RegExp) => assert.match((await explain(box, event(id))).text, pattern);
    await box.event({ student: 17, mentors: [3] });
    await box.round(notifier);
    const gathering = await box.event({ student: 17, mentors: [3] });
    const content = await box.event({ student: 17, mentors: [3], type: "content_watched" });
    await box.round(notifier);
    await said(gathering, /gathers with what follows.*notify\.gather/);
    await said(content, /\(waiting: rate\).*notify\.max_per_mentor/);
    await box.db.sql`insert into lmsmon.sources (source) values (${SOURCE}) on conflict do nothing`;
    await box.db.sql`insert into lmsmon.streams (source, kind) values (${SOURCE}, 'exam')`;
    await box.db.sql`
      insert into lmsmon.row_states (stream_id, row_key, recipe, stage, missing_since, missing_at_pass)
      select stream_id, 700, 1, 2, ${box.clock.now()}::timestamptz, 0 from lmsmon.streams`;
    const gone = await box.event({ student: 18, mentors: [4], attempt: 700 });
    await box.round(notifier);
    await said(gone, /gone from the LMS/);

    const start = await box.event({ student: 19, mentors: [5], attempt: 701, type: "exam_started" });
    await box.event({ student: 19, mentors: [5], attempt: 701 });
    await box.round(notifier);
    await said(start, /superseded/);

    const quiet = await box.event({ student: 20, mentors: [6] });
    await box.round(box.notifier({ notify: { quiet: dayAndNight } }));
    await said(quiet, /quiet hours until/);

    const refused = await box.event({ student: 21, mentors: [7] });
    await box.db.sql`
      insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
      values (${SOURCE}, 'mentor', 7, ${seven}, 'matched', 'mentor7@inst.example')`;
    box.standIn.realm.users.delete(seven);
    const strict = box.notifier();
    await box.round(strict);
    await said(refused, /refused it once so far \(HTTP 400/);
    await box.db.sql`update lmsmon.lms_event_logs set status = 'dead', reason = 'refused' where event_id = ${refused}`;
    await said(refused, /Zulip refused it.*\n.*lmsmon retry --mentor 7/);
    const held = await box.event({
      student: 22,
      mentors: [7],
      status: "held",
      reason: "fuse",
      pollId: await box.poll("held"),
    });
    const mentor = await explain(box, { kind: "mentor", who: "7" });
    assert.match(mentor.text, /1 delivery dead \(refused\).*Zulip refused it once, with HTTP 400/);
    assert.match(mentor.text, /1 delivery held \(fuse\): the fuse holds poll \d+\. `lmsmon release --poll \d+`/);
    assert.doesNotMatch(mentor.text, /0 times|poll \?/);
    await box.db.sql`delete from lmsmon.lms_event_logs where event_id = ${held}`;
    for (const [reason, pattern] of [["poison", /poison/], ["unseen", /cannot see it/]] as const) {
      await box.db.sql`update lmsmon.lms_event_logs set reason = ${reason} where event_id = ${refused}`;
      await said(refused, pattern);
    }
    await box.db
      .sql`update lmsmon.lms_event_logs set status = 'suppressed', reason = 'dropped: re-sync', zulip_user_id = null
      where event_id = ${refused}`;
    await said(refused, /dropped it while the fuse held it \(lmsmon release --drop\): re-sync/);
  });
});

Deno.test("explain names an outage and the guard, which only another process knows of", async () => {
  await withBox({}, async (box) => {
    const three = await box.mentor(3);
    const notifier = box.notifier();
    await box.event({ student: 16, mentors: [3] });
    await box.round(notifier);
    await box.standIn.stop();
    const id = await box.event({ student: 17, mentors: [3] });
    await box.round(notifier);
    assert.match((await explain(box, event(id))).text, /Zulip cannot be used, an outage since/);
    box.standIn.restart();
    box.clock.advance(120_000);
    await box.round(notifier);
    assert.match((await explain(box, event(id))).text, /Told to mentor 3/);
    await box.zulip().send({ type: "direct", userId: String(three) }, "x [a](https://x.example/a#n=abcdefghabcdefgh)");
    box.clock.advance(3_601_000);
    const guarded = await box.event({ student: 18, mentors: [3] });
    await box.round(notifier);
    assert.match((await explain(box, event(guarded))).text, /the guard lets nothing out since.*\n.*reconcile/);
  });
});
