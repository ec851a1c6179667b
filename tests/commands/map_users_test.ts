import { testLmsConfig } from "../support/lms/test_lms_config.ts";
import { getLogger } from "@logtape/logtape";
import assert from "node:assert/strict";
import { StoppedError } from "../../lib/base/errors.ts";
import { mapUsers, runMapUsers } from "../../lib/app/map_users.ts";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { MapUsersOptions } from "../../lib/app/command_options.ts";
import type { Config } from "../../lib/config/config.ts";
import type { Person, Role } from "../../lib/model/person.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { createOutput } from "../../lib/base/output.ts";
import { erase } from "../../lib/privacy/erase.ts";
import { openState } from "../../lib/state/open_state.ts";
import type { UserLinkStore } from "../../lib/people/user_links.ts";
import type { ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";
import { standInConfig, startZulip } from "../support/zulip.ts";
import { mentor, student } from "../people/accounts.ts";

const OPTIONS: MapUsersOptions = { dryRun: false, only: "mentors", unmatched: false, json: false, csv: false };
const log = getLogger(["lmsmon", "test"]);
const running = () => ({ soft: new AbortController().signal, hard: new AbortController().signal });

/** Collects what would go to stdout. */
function capture() {
  const decoder = new TextDecoder();
  let text = "";
  const writeSync = (chunk: Uint8Array) => {
    text += decoder.decode(chunk);
    return chunk.length;
  };
  const sink = { writeSync, write: (chunk: Uint8Array) => Promise.resolve(writeSync(chunk)), isTerminal: () => false };
  return { out: createOutput(sink), text: () => text };
}

/** Keeps links in memory; the state database has tests of its own. */
function linksInMemory(knownStudents: readonly Person[] = []) {
  const written: string[] = [];
  const filled: string[] = [];
  const links: UserLinkStore = {
    read: () => Promise.resolve(new Map()),
    write: (role, found) => {
      written.push(...found.map(({ person, match }) => `${role} ${person.id} ${match.status} ${match.zulipUserId}`));
      return Promise.resolve();
    },
    fillEvents: (found) => {
      filled.push(...found.map(({ person, match }) => `${person.id} ${match.zulipUserId}`));
      return Promise.resolve(found.length);
    },
    async *knownStudents() {
      yield await Promise.resolve(knownStudents);
    },
  };
  return { links, written, filled };
}

const PEOPLE: readonly Person[] = [
  mentor("1"),
  mentor("2", { email: null }),
  mentor("3", { name: "Asha Rao" }),
  mentor("4", { username: "=cmd()", email: "nobody@inst.example" }),
  student("7"),
  student("8"),
];

async function run(options: Partial<MapUsersOptions>, people = PEOPLE, links = linksInMemory()) {
  await using bundle = await startZulip({
    users: [
      { id: 101, email: "M1@inst.example" },
      { id: 103, email: "asha@home.example", fullName: "Asha Rao", emailVisibility: 3 },
      { id: 107, email: "s7@inst.example" },
    ],
  });
  const { out, text } = capture();
  const lms = {
    async *allPeople(role: Role) {
      for (const person of people) if (person.role === role) yield await Promise.resolve([person]);
    },
  };
  const settings = { overrides: new Map<string, string>(), placeholderDomains: [] };
  const whole = { ...OPTIONS, ...options };
  await mapUsers(
    { lms, zulip: bundle.zulip, links: whole.dryRun ? null : links.links, settings, out, log, stop: running() },
    whole,
  );
  return { text: text(), ...links };
}

Deno.test("map-users prints the summary first, then everybody, each problem with its remedy", async () => {
  const { text } = await run({});
  const lines = text.split("\n");
  assert.equal(lines[0], "1 of 4 mentors has a Zulip account; 1 no account, 1 hidden, 1 no email");
  assert.match(text, /mentor 1 +m1 +m1@inst\.example +matched +101\n/);
  assert.match(text, /mentor 2 +m2 +no_email +Enter an address/);
  assert.match(text, /mentor 3 .* hidden .*this name/);
  assert.doesNotMatch(text, /student 7/);
});

Deno.test("map-users --unmatched lists only the problems, but counts all", async () => {
  const { text } = await run({ unmatched: true });
  assert.match(text, /^1 of 4 mentors/);
  assert.doesNotMatch(text, /mentor 1 /);
  assert.match(text, /mentor 2 /);
});

Deno.test("map-users --only all looks at students, too", async () => {
  const { text, written, filled } = await run({ only: "all" });
  assert.match(text, /1 of 4 mentors .*\n1 of 2 students has a Zulip account; 1 no account/);
  assert.ok(written.includes("student 7 matched 107"));
  assert.deepEqual(filled, ["7 107", "8 null"]);
});

Deno.test("map-users --only students leaves mentors alone", async () => {
  const { text, written } = await run({ only: "students" });
  assert.match(text, /^1 of 2 students/);
  assert.ok(written.every((line) => line.startsWith("student")));
});

Deno.test("map-users keeps mentors' links, and completes the events of students it knows", async () => {
  const { written, filled, text } = await run({}, PEOPLE, linksInMemory([student("7"), student("9")]));
  assert.deepEqual(written, [
    "mentor 1 matched 101",
    "mentor 2 no_email null",
    "mentor 3 hidden null",
    "mentor 4 no_account null",
    "student 7 matched 107",
    "student 9 no_account null",
  ]);
  assert.deepEqual(filled, ["7 107", "9 null"]);
  assert.match(text, /Stored 2 links/);
});

Deno.test("map-users --dry-run writes nothing and says so", async () => {
  const { written, text } = await run({ dryRun: true, only: "all" });
  assert.deepEqual(written, []);
  assert.match(text, /Dry run: nothing was written/);
});

Deno.test("map-users --json prints one object, whatever the number of people", async () => {
  const result = JSON.parse((await run({ json: true, only: "all" })).text);
  assert.deepEqual(result.summary[0], {
    role: "mentor",
    total: 4,
    with_account: 1,
    matched: 1,
    override: 0,
    no_email: 1,
    placeholder: 0,
    no_account: 1,
    hidden: 1,
    duplicate: 0,
    deactivated: 0,
    unknown_override: 0,
  });
  assert.equal(result.dry_run, false);
  assert.deepEqual(result.unused_overrides, []);
  assert.equal(result.people.length, 6);
  assert.deepEqual(result.people[0], {
    role: "mentor",
    id: 1,
    username: "m1",
    email: "m1@inst.example",
    status: "matched",
    zulip_user_id: 101,
    remedy: null,
  });
  const empty = JSON.parse((await run({ json: true, dryRun: true, unmatched: true }, [mentor("1")])).text);
  assert.deepEqual([empty.people, empty.links_written, empty.dry_run], [[], null, true]);
});

Deno.test("map-users --csv prints a head and a line for each person, safe for spreadsheets", async () => {
  const lines = (await run({ csv: true })).text.trimEnd().split("\n");
  assert.equal(lines[0], "role,id,username,email,status,zulip_user_id,remedy");
  assert.equal(lines[1], "mentor,1,m1,m1@inst.example,matched,101,");
  assert.equal(lines.length, 5);
  assert.match(lines[4] ?? "", /^mentor,4,'=cmd\(\),nobody@inst\.example,no_account,,/);
});

Deno.test("P8: map-users prints page by page", async () => {
  const many = Array.from({ length: 2500 }, (_, i) => mentor(String(i + 1), { email: null }));
  const { text } = await run({}, many);
  assert.equal(text.match(/^LMS +username/gm)?.length, 3);
  assert.equal(text.match(/^mentor \d+ /gm)?.length, 2500);
});

Deno.test("map-users stops between two pages when it is asked to", async () => {
  await using bundle = await startZulip();
  const soft = new AbortController();
  soft.abort(new StoppedError("SIGINT"));
  const lms = {
    async *allPeople() {
      yield await Promise.resolve([mentor("1")]);
    },
  };
  const deps = {
    lms,
    zulip: bundle.zulip,
    links: null,
    settings: { overrides: new Map(), placeholderDomains: [] },
    log,
  };
  const { out, text } = capture();
  const stop = { ...running(), soft: soft.signal };
  await assert.rejects(mapUsers({ ...deps, out, stop }, { ...OPTIONS, dryRun: true }), /stopped, goes on next time/);
  assert.equal(text(), "");
});

const server = await realPostgres();

/** An LMS and a state database on the server, and a Zulip. */
async function realSetup(users: Parameters<typeof startZulip>[0]) {
  assert.ok(server !== null);
  const lms = await server.createDatabase("mapuserslms");
  const state = await server.createDatabase("mapusersstate");
  await withPostgres(lms.url, (sql) =>
    sql.unsafe(`
      create table mentors (id int primary key, username text, email text, first_name text, last_name text, display_name text);
      create table students (id int primary key, username text, email text, first_name text, last_name text,
        display_name text, is_active boolean not null);
      create table "_BatchToStudent" ("A" int, "B" int);
      insert into mentors values (3, 'm3', ' M3@Inst.example', 'Asha', 'Rao', ''), (8, 'm8', null, null, null, 'Eight');
      insert into students values (7, 's7', 's7@inst.example', null, null, 'Seven', true)`));
  const zulip = await startZulip(users);
  const config = {
    source: { name: "testpress", links: {}, staleAfterMs: null },
    lms: testLmsConfig(lms.url),
    state: { url: state.url, password: null },
    privacy: { journal: null },
    zulip: standInConfig(zulip.standIn),
    users: { overrides: new Map(), placeholderDomains: [], cacheMs: 1000 },
  } as unknown as Config;
  return {
    config,
    standIn: zulip.standIn,
    [Symbol.asyncDispose]: async () => {
      await zulip[Symbol.asyncDispose]();
      await lms.drop();
      await state.drop();
    },
  } satisfies AsyncDisposable & { config: Config; standIn: ZulipStandIn };
}

Deno.test("runMapUsers() maps a real LMS with a real state database, and --dry-run leaves no trace", {
  ignore: server === null,
}, async () => {
  await using setup = await realSetup({
    users: [{ id: 103, email: "m3@inst.example" }, { id: 107, email: "s7@inst.example" }],
  });
  const runWith = async (options: Partial<MapUsersOptions>) => {
    const { out, text } = capture();
    const context: CommandContext = { config: setup.config, stop: running(), clock: systemClock, out, log };
    await runMapUsers(context, { ...OPTIONS, ...options });
    return text();
  };
  // The state is not migrated yet: a dry run does not even look at it, everything else says so.
  assert.match(await runWith({ dryRun: true }), /^1 of 2 mentors has a Zulip account; 1 no email/);
  await assert.rejects(runWith({}), { code: "migration" });

  await using state = await openState(setup.config.state, { migrate: "auto" });
  await state.sql`
    insert into lmsmon.lms_activity_events (event_id, source, kind, event_type, stage, attempt_id, revision, student_id,
      activity_metadata, timestamp, timestamp_approximate, origin, poll_id, created_at)
    values (1, 'testpress', 'exam', 'exam_passed', 'finished', 1, 1, 7, '{}', now(), false, 'live', 1, now())`;
  const event = () =>
    state.sql`select zulip_user_id from lmsmon.lms_activity_events`.then((rows) => rows[0]?.zulip_user_id);
  await runWith({ dryRun: true, only: "all" });
  assert.equal((await state.sql`select 1 from lmsmon.user_links`).length, 0);
  assert.equal(await event(), null);

  assert.match(await runWith({ only: "all" }), /Stored 2 links; 1 event got/);
  const links = await state.sql`select role, person_id, zulip_user_id, status from lmsmon.user_links order by 1, 2`;
  assert.deepEqual([...links].map((row) => Object.values(row)), [
    ["mentor", "3", "103", "matched"],
    ["mentor", "8", null, "no_email"],
    ["student", "7", "107", "matched"],
  ]);
  assert.equal(await event(), "107");

  // Who was erased is in the LMS still.
  const person = { role: "mentor", source: "testpress", id: "3" } as const;
  await erase(state, person, { reasonCode: "art17", dryRun: false });
  const said = await runWith({ only: "all" });
  assert.match(said, /^0 of 1 mentor have a[^]*Stored 1 link;/);
  assert.doesNotMatch(said, /mentor 3|m3@inst/);
});

Deno.test("runMapUsers() says which part is away, with its exit code", { ignore: server === null }, async () => {
  await using setup = await realSetup({});
  await using _state = await openState(setup.config.state, { migrate: "auto" });
  const code = async (config: Config) => {
    const context: CommandContext = { config, stop: running(), clock: systemClock, out: capture().out, log };
    return await runMapUsers(context, OPTIONS).then(() => 0, (error: { exitCode?: number }) => error.exitCode);
  };
  const away = "postgres://postgres@127.0.0.1:1/none";
  assert.equal(await code(setup.config), 0);
  assert.equal(await code({ ...setup.config, lms: { ...setup.config.lms, url: away } }), 4);
  assert.equal(await code({ ...setup.config, state: { ...setup.config.state, url: away } }), 1);
  await setup.standIn.stop();
  assert.equal(await code(setup.config), 4);
});
