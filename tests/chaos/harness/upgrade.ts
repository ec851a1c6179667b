import { openState } from "../../../lib/state/open_state.ts";
import type { Sql } from "../../../lib/state/state_db.ts";
import { createServerDatabase } from "../../support/state/server_state.ts";
import { type ChaosRun, PATIENCE_MS, type StateChoice, until } from "./chaos_run.ts";
import type { LoadRow } from "./lms_rows.ts";
import { makePlace, type Place } from "./place.ts";
import { ReleasedVersion } from "./released_version.ts";
import { runLmsmon } from "./watcher.ts";

/** 0.1 as it was released. */
export const UPGRADE_FROM = "f062976";

/** Longer than anything that the older version waits for: nothing moves but what the scenario moves. */
const OLD_ZULIP = "request_timeout: 60s, settle: 120s";
/** Messages a poll beyond which the fuse holds them. */
const FUSE = 80;

/** What a state holds when the older version is killed: the harness waits until each of these has rows. */
const WANTED = [
  "waiting digest",
  "waiting no_mentor",
  "waiting no_account",
  "pending",
  "sending",
  "unknown",
  "held fuse",
  "sent",
  "quarantined",
];

/**
 * A state that an older version made, killed in the middle of an outage with deliveries in every state, is opened by this one:
 * each is told once, and what was stored is what is exported.
 */
export async function upgradeScenario(run: ChaosRun, state: StateChoice, from: string): Promise<void> {
  const older = await ReleasedVersion.of(from);
  if (typeof older === "string") return run.fail(`cannot upgrade: ${older}`);
  await using _older = older;
  await using stack = new AsyncDisposableStack();
  const stateUrl = await emptyState(state, stack);
  await using place = await makePlace(run, { state, stateUrl, zulip: OLD_ZULIP });
  const config = await Deno.readTextFile(place.config);
  await Deno.writeTextFile(place.config, olderConfig(config));
  const quarantined = await leaveEverythingOpen(run, place, state, older.folder);
  if (quarantined === null) return;
  const before = await exportOf(run, place, older.folder);
  const deliveries = await withState(place, readDeliveries);
  await withState(place, timePasses);
  await Deno.writeTextFile(place.config, config.replace(OLD_ZULIP, "request_timeout: 3s, settle: 2s"));

  run.did("upgrade: the state is migrated");
  run.tally.faults++;
  if (state === "server") {
    const { code, log } = await runLmsmon("migrate", place.config);
    if (code !== 0) return run.fail(`migrate ended with ${code}\n${log.join("\n")}`);
  }
  sameLines(run, "after the migration", before, await exportOf(run, place), new Set());
  const mentorsOf = await worldMoves(place, quarantined);
  await using watcher = place.watch();
  await watcher.untilSays("Polling testpress");
  for (const poll of await heldPolls(place)) {
    const { code, log } = await runLmsmon("release", place.config, { args: ["--poll", poll] });
    if (code !== 0) run.fail(`release of poll ${poll} ended with ${code}\n${log.join("\n")}`);
  }
  await place.settle({ running: watcher, oracle: { withoutAccount: new Set(), mentorsOf } });
  await watcher.end("SIGTERM");
  if (watcher.says("Cannot send")) run.fail("a state of an older version asks for --take-over");
  await sameMarkers(run, place, deliveries);
  const orphans = deliveries.filter((row) => row.recipient === null).map((row) => row.event_id);
  sameLines(run, "at the end", before, await exportOf(run, place), new Set(orphans));
  run.say(`  ${deliveries.length} deliveries and ${before.size} exported events of ${from} are what they were`);
}

async function emptyState(state: StateChoice, stack: AsyncDisposableStack): Promise<string> {
  if (state === "server") {
    const database = await createServerDatabase(false);
    stack.defer(() => database.drop());
    return database.url;
  }
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-older-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  return `pglite:${folder}/state`;
}

/** Digests half a day from now, patience, and a fuse. */
function olderConfig(config: string): string {
  const noon = Temporal.Now.zonedDateTimeISO("Europe/London").add({ hours: 12 }).toPlainTime();
  return config.replace("  gather: 0\n", "") // a key that the older version does not know
    .replace("at: []", `at: ["${noon.toString({ smallestUnit: "minute" })}"]`)
    .replace("mentor_grace: 1s", "mentor_grace: 24h").replace("account_grace: 1s", "account_grace: 7d")
    .replace("fuse: null", `fuse: {messages_per_poll: ${FUSE}, revisions_per_poll: 500}`)
    .replace("revisions: score", "revisions: score\n  digest_above: 1000");
}

/** Runs the older version until deliveries stand in every state, and kills it. Answers a row that is in quarantine. */
async function leaveEverythingOpen(
  run: ChaosRun,
  place: Place,
  state: StateChoice,
  version: string,
): Promise<LoadRow | null> {
  const { load, zulip } = place;
  if (state === "server") {
    const { code, log } = await runLmsmon("migrate", place.config, { version });
    if (code !== 0) return failed(run, `the older migrate ended with ${code}`, log);
  }
  await using watcher = place.watch({ version });
  if (!await watcher.untilSays("First contact", PATIENCE_MS)) {
    return failed(run, "the older watch polls nothing", watcher.log);
  }
  load.displacing = false; // an older version may not know that an id can be used again
  await load.some(40);
  load.displacing = true;
  await load.finishedExams(20);
  // Whether one of those is for a mentor without an account, and one of a student without a mentor, is up to the seed.
  const { mentorsOf } = load.material;
  const isOf = (test: (student: number) => boolean) => ({ history, student, versions }: LoadRow) =>
    !history && versions.at(-1)?.stage === "finished" && test(student);
  const isForNobodyInZulip = isOf((student) =>
    (mentorsOf.get(student) ?? []).some((mentor) => place.withoutAccount.has(mentor))
  );
  const isForNobody = isOf((student) => !mentorsOf.has(student));
  for (const wanted of [isForNobodyInZulip, isForNobody]) {
    while (!load.rows.exam.values().some(wanted)) await load.finishedExams(1);
  }
  const reaches = async (what: string, test: (states: States) => boolean) => {
    const now = await statesOnce(place, test);
    return test(now) || failed(run, `the older watch ${what}: ${[...now.keys()].join(", ")}`, watcher.log) !== null;
  };
  const quiet = (now: States) => now.has("sent") && !now.has("pending") && !now.has("sending");
  if (!await reaches("does not tell what it found", quiet)) return null;

  await load.finishedExams(2 * FUSE);
  if (!await reaches("holds nothing", (now) => now.has("held fuse"))) return null;

  const odd = load.rows.exam.values().find((row) => row.present && row.versions.at(-1)?.stage === "started");
  if (odd === undefined) return failed(run, "no exam is running", []);
  await load.execute(`update attempts set state = 'Bewildered' where id = ${odd.id}`);

  // The outage: of two sends one is stored and one is not, and nobody says so; then one is taken and never answered.
  zulip.fault({ kind: "503_html", times: 1_000_000, match: { method: "GET", path: "/api/v1/users/me" } });
  const news = { contentIncludes: "#n=" }; // not what the administrator is told of the fuse
  zulip.fault({ kind: "500_after_commit", match: news });
  zulip.fault({ kind: "reset_before_commit", match: news });
  await load.finishedExams(20);
  if (!await reaches("doubts no send", (now) => now.has("unknown"))) return null;
  await load.finishedExams(20);
  zulip.clearFaults();
  zulip.fault({ kind: "late_answer", times: 1_000_000, delayMs: 600_000, match: news });
  if (!await reaches(`has not all of ${WANTED}`, (now) => WANTED.every((each) => now.has(each)))) return null;
  await watcher.end("SIGKILL");
  run.tally.kills++;
  const now = await withState(place, readStates);
  run.say(`  killed with ${[...now].map(([name, n]) => `${n} ${name}`).join(", ")}`);
  zulip.clearFaults();
  return odd;
}

function failed(run: ChaosRun, what: string, log: readonly string[]): null {
  run.fail(`${what}\n${log.slice(-20).join("\n")}`);
  return null;
}

/** What the state waits for has come: an account, mentors, a word that is understood; and ids were used again meanwhile. */
async function worldMoves(place: Place, quarantined: LoadRow): Promise<ReadonlyMap<number, readonly number[]>> {
  const { load, zulip } = place;
  for (const { id, email, name } of load.material.mentors) {
    if (place.withoutAccount.has(id)) zulip.addUser({ email, fullName: name });
  }
  const mentorsOf = new Map(load.material.mentorsOf);
  const alone = load.material.students.filter((student) => !mentorsOf.has(student));
  for (const student of alone) mentorsOf.set(student, [1]);
  const links = alone.map((student) => `(1, ${student})`).join(", ");
  if (links !== "") await load.execute(`insert into "_MentorToStudent" ("A", "B") values ${links}`);
  await load.finish(quarantined);
  // Some of the past, and some that were told: nobody but the state's last event says whose they were.
  const told = await withState(place, async (sql) =>
    await sql<{ id: number }[]>`
      select e.attempt_id::int as id from lmsmon.lms_activity_events e
       where e.kind = 'exam' and e.stage = 'finished' and e.revision = 1
         and not exists (select from lmsmon.lms_event_logs l where l.event_id = e.event_id and l.status <> 'sent')
       order by e.event_id`);
  const rows = told.flatMap(({ id }) => load.rows.exam.get(id) ?? []).filter((row) => row.present && !row.pinned);
  await load.reuse([...rows.slice(0, 5), ...rows.slice(-5)]);
  await load.some(40);
  return mentorsOf;
}

/** What is due later is due now; who held a claim held it long ago. */
async function timePasses(sql: Sql): Promise<void> {
  await sql`update lmsmon.lms_event_logs set next_attempt_at = next_attempt_at - interval '13 hours' where reason = 'digest'`;
  await sql`
    update lmsmon.messages set started_at = started_at - interval '10 minutes', look_up_at = look_up_at - interval '10 minutes'
     where state in ('sending', 'unknown')`;
  await sql`
    update lmsmon.recipients
       set claim_expires_at = claim_expires_at - interval '10 minutes', next_due_at = next_due_at - interval '13 hours'`;
}

interface DeliveryRow {
  readonly event_id: string;
  readonly recipient: string | null;
  readonly marker: string | null;
}

async function readDeliveries(sql: Sql): Promise<readonly DeliveryRow[]> {
  return await sql<DeliveryRow[]>`select event_id::text, recipient, marker from lmsmon.lms_event_logs`;
}

type States = ReadonlyMap<string, number>;

/** How many rows stand where, once `test` holds or patience ends. */
async function statesOnce(place: Place, test: (states: States) => boolean): Promise<States> {
  return await withState(place, async (sql) => {
    let states: States = new Map();
    await until(async () => test(states = await readStates(sql)), PATIENCE_MS, 50);
    return states;
  });
}

async function readStates(sql: Sql): Promise<States> {
  const rows = await sql<{ name: string; n: number }[]>`
    select status || coalesce(' ' || reason, '') as name, count(*)::int as n from lmsmon.lms_event_logs group by 1
    union all select 'quarantined', count(*)::int from lmsmon.quarantine having count(*) > 0`;
  return new Map(rows.map(({ name, n }) => [name, n]));
}

async function heldPolls(place: Place): Promise<readonly string[]> {
  const rows = await withState(
    place,
    async (sql) => await sql<{ poll_id: string }[]>`select poll_id::text from lmsmon.poll_runs where delivery = 'held'`,
  );
  return rows.map(({ poll_id }) => poll_id);
}

/** As it stands: nothing is migrated by looking. */
async function withState<T>(place: Place, work: (sql: Sql) => Promise<T>): Promise<T> {
  const db = await openState({ url: place.stateUrl, password: null }, { migrate: "skip" });
  try {
    return await work(db.sql);
  } finally {
    await db.close();
  }
}

/** Each event's line, of the schema that the older version has. */
async function exportOf(run: ChaosRun, place: Place, version?: string): Promise<ReadonlyMap<string, string>> {
  const options = version === undefined ? { args: ["--schema", "1"] } : { version };
  const { code, out, log } = await runLmsmon("export-ai", place.config, options);
  if (code !== 0) run.fail(`export-ai ended with ${code}\n${log.join("\n")}`);
  const lines = out.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [String((JSON.parse(line) as { event_id: unknown }).event_id), sixDigits(line)]));
}

/** Versions before 0.2 left the zeros at the end of a time's fraction out; nothing else of a line may differ. */
const sixDigits = (line: string) =>
  line.replaceAll(
    /(T\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z"/g,
    (_, time, digits = "") => `${time}.${digits.padEnd(6, "0")}Z"`,
  );

function sameLines(
  run: ChaosRun,
  when: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  mayDiffer: ReadonlySet<string>,
): void {
  if (before.size === 0) run.fail("the older version exports nothing");
  const other = [...before].filter(([id, line]) => !mayDiffer.has(id) && after.get(id) !== line);
  const [first] = other;
  if (first === undefined) return;
  run.fail(
    `${other.length} events are exported otherwise ${when}:\n${first[1]}\n${after.get(first[0]) ?? "not at all"}`,
  );
}

/** A delivery keeps its marker, whatever version looks for it in Zulip. */
async function sameMarkers(run: ChaosRun, place: Place, before: readonly DeliveryRow[]): Promise<void> {
  const now = await withState(place, readDeliveries);
  const markers = new Map(now.map((row) => [`${row.event_id} ${row.recipient}`, row.marker]));
  const other = before.filter((row) =>
    row.recipient !== null && markers.get(`${row.event_id} ${row.recipient}`) !== row.marker
  );
  if (other.length > 0) run.fail(`${other.length} deliveries have another marker than before`);
}
