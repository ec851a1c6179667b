import assert from "node:assert/strict";
import { withPostgres } from "../support/databases.ts";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const ignore = postgresServer === null;
const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };
const FAILED = { state: "Completed", result: "Fail", score: 41, percentage: 23 };
const utcNow = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 0 }).slice(0, 19).replace("T", " ");

/** Mentors 1 and 2 have one student together, mentor 3 has no account; two students of mentor 1 have one name. */
async function institute() {
  const place = await makePlace({ state: "server" });
  const { writer } = place.lms;
  const pair = await place.pair();
  const second = await writer.mentor();
  const { id: secondId } = place.zulip.addUser({ email: `mentor${second}@institute.example`, fullName: "Mentor 2" });
  await writer.link(second, pair.student);
  const lonely = await writer.mentor();
  const [namesake, other] = [
    await writer.student({ display_name: "Asha Rao" }),
    await writer.student({ display_name: "asha rao" }),
  ];
  for (const student of [namesake, other]) await writer.link(pair.mentor, student);
  await writer.link(lonely, other);
  const exam = await writer.exam({ title: "Rank Test" });
  let next = 0;
  const attempt = (student: number, values: Record<string, string | number> = {}) =>
    writer.attempt({ id: ++next, user_id: student, exam_id: exam, date: utcNow(), ...values });
  return {
    place,
    zulipIds: [pair.zulipId, secondId],
    student: pair.student,
    namesake: Number(namesake),
    other: Number(other),
    attempt,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

const withoutTimes = (text: string) => text.replaceAll(/\b\d\d:\d\d\b/g, "HH:MM");

const dump = (url: string) =>
  withPostgres(url, async (sql) => {
    const tables = await sql.unsafe("select tablename from pg_tables where schemaname = 'lmsmon' order by 1");
    const rows = await Promise.all(
      tables.map(({ tablename }) => sql.unsafe(`select x::text as t from lmsmon."${tablename}" x order by 1`)),
    );
    return JSON.stringify(rows);
  });

Deno.test(
  { ignore, name: "poll-once --dry-run says, message by message, what the poll-once after it sends" },
  async () => {
    await using bench = await institute();
    const { place, attempt } = bench;
    await attempt(bench.student, FAILED);
    await place.home.run("poll-once");
    await attempt(bench.namesake, PASSED);
    await place.home.run("poll-once", "--no-notify");
    await attempt(bench.student, PASSED); // the second try
    await attempt(bench.other, FAILED);
    await place.lms.writer.updateAttempt(1, PASSED); // corrected; nobody was told of it
    const before = await dump(place.stateUrl);
    const dry = JSON.parse((await place.home.run("poll-once", "--dry-run", "--json")).out);
    assert.equal(await dump(place.stateUrl), before);
    assert.ok(place.zulip.requests.every(({ method }) => method === "GET"));
    const text = (await place.home.run("poll-once", "--dry-run")).out;
    assert.match(text, /^1 delivery would not go out: no_account$/m);
    assert.deepEqual([dry.not_sent, dry.accounts_unknown], [{ no_account: 1 }, null]);

    const real = JSON.parse((await place.home.run("poll-once", "--json")).out);
    const sent = bench.zulipIds.map((id) => place.zulip.dmsTo(id).map(({ content }) => withoutTimes(content)));
    const said = [1, 2].map((mentor) =>
      dry.messages.filter(({ recipient }: { recipient: string }) => recipient === `mentor:${mentor}`)
        .map(({ content }: { content: string }) => withoutTimes(content))
    );
    assert.deepEqual(said, sent);
    assert.equal(dry.messages.length, real.delivery.messages);
    const [[first = ""] = [], [second = ""] = []] = sent;
    assert.match(
      first,
      /Asha Rao \(student\d\).*asha rao \(student\d\)|asha rao \(student\d\)[^]*Asha Rao \(student\d\)/,
      "which of two",
    );
    assert.match(second, /2nd attempt/);
    assert.match(second, /also told: Mentor 1/i);
  },
);

Deno.test({
  ignore,
  name: "poll-once --dry-run says when what gathers would go out, and that Zulip could not be asked",
}, async () => {
  await using bench = await institute();
  const { place, attempt } = bench;
  const notify = { gather: "10m" };
  await place.configure({ notify });
  await place.home.run("poll-once");
  await attempt(bench.student, PASSED);
  await place.home.run("poll-once");
  assert.equal(place.zulip.messages.length, 2);
  await attempt(bench.namesake, PASSED);
  const { messages } = JSON.parse((await place.home.run("poll-once", "--dry-run", "--json")).out);
  const wait = Temporal.Now.instant().until(messages[0].at).total("minutes");
  assert.ok(messages.length === 1 && wait > 8 && wait <= 10, `${wait} minutes`);
  const real = await place.home.run("poll-once");
  assert.match(real.out, /^Waiting: 1 gathering until \d{4}-\d\d-\d\d \d\d:\d\d$/m);
  assert.equal(place.zulip.messages.length, 2);

  await attempt(bench.other, PASSED);
  await place.configure({ notify: { gather: 0 }, zulip: { site: null, email: null, api_key: null } });
  const blind = await place.home.run("poll-once", "--dry-run");
  assert.match(blind.out, /^Every mentor is taken to have a Zulip account, since Zulip could not be asked: /m);
  assert.match(blind.out, /^--- mentor:3, 1 event/m);
});

Deno.test({
  ignore,
  name: "a dry run that cannot ask Zulip says what it can of what gathers, too, and ends with 4 where Zulip was asked",
}, async () => {
  await using bench = await institute();
  const { place, attempt } = bench;
  const notify = { gather: "10m" };
  await place.configure({ notify });
  await place.home.run("poll-once");
  await attempt(bench.student, PASSED);
  await place.home.run("poll-once");
  await attempt(bench.namesake, PASSED); // its mentor was told a moment ago: it gathers
  await attempt(bench.other, PASSED); // one of its mentors has no account that anybody knows
  for (
    const [zulip, code] of [
      [{ api_key: "0".repeat(32) }, 4],
      [{ site: "http://127.0.0.1:9" }, 4],
      [{ site: null, email: null, api_key: null }, 0],
    ] as const
  ) {
    await place.configure({ notify, zulip });
    const { code: ended, out, err } = await place.home.run("poll-once", "--dry-run", "--json");
    assert.equal(ended, code, err);
    const { messages, accounts_unknown } = JSON.parse(out);
    assert.match(accounts_unknown, /Zulip|zuliprc/);
    const [known, unknown] = ["mentor:1", "mentor:3"].map((to) =>
      messages.find(({ recipient }: { recipient: string }) => recipient === to)
    );
    assert.ok(Temporal.Now.instant().until(known.at).total("minutes") > 8, known.at);
    assert.equal(unknown.events, 1);
  }
});

Deno.test(
  { ignore, name: "a dry run weighs a flood as the poll after it does, beyond the events that it shows" },
  async () => {
    await using place = await makePlace({ state: "server" });
    const { student } = await place.pair();
    await place.lms.execute(
      `insert into attempts (id, user_id, state, result, score, percentage)
     select i, ${student}, 'Completed', 'Pass', 90, 50 from generate_series(1, 10050) i`,
    );
    await place.home.run("poll-once", "--no-notify");
    await place.lms.execute('delete from "_MentorToStudent"'); // nobody to tell: what is weighed are the corrections
    await place.lms.execute("update attempts set result = 'Fail', score = 10, percentage = 5");
    const dry = JSON.parse((await place.home.run("poll-once", "--dry-run", "--json")).out);
    assert.deepEqual([dry.events, dry.sample.length], [10_050, 10_000]);
    const real = JSON.parse((await place.home.run("poll-once", "--no-notify", "--json")).out);
    assert.equal(dry.held_reason, real.poll.held_reason);
    assert.match(dry.held_reason, /10.?050 corrected results/);
  },
);

Deno.test({ ignore, name: "watch --dry-run shows the same messages, writes nothing and posts nothing" }, async () => {
  await using bench = await institute();
  const { place, attempt } = bench;
  await attempt(bench.student, FAILED);
  await place.home.run("poll-once");
  const before = await dump(place.stateUrl);
  await using watcher = place.home.start("watch", "--dry-run", "--interval", "1s");
  await watcher.printed(/Dry run: nothing new so far/);
  await attempt(bench.student, PASSED);
  await attempt(bench.other, FAILED);
  await watcher.printed(/--- mentor:2, 1 event[^]*2nd attempt/);
  await watcher.printed(/1 delivery would not go out: no_account/);
  await attempt(bench.student, PASSED);
  await watcher.printed(/3rd attempt/);
  await watcher.stop();
  assert.equal(await dump(place.stateUrl), before);
  assert.ok(place.zulip.requests.every(({ method }) => method === "GET"));
});
