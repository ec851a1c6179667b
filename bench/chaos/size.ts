import { type ChaosRun, sleep, type StateChoice } from "./chaos_run.ts";
import { makePlace, type Place } from "./place.ts";
import { Watcher } from "./watcher.ts";

const LIMIT_BYTES: Record<StateChoice, number> = { server: 512 << 20, embedded: 1200 << 20 };

/** Zulip answers with all of its accounts at once: some kB each while they are matched. */
const ZULIP_USERS_BYTES = 512 << 20;

/** One poll with a million changed rows, one mentor with ten thousand events, fifty thousand mentors; memory limited and shown. */
export async function sizeScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  const million = state === "server" ? 1_000_000 : 200_000;
  await changedRows(run, state, million);
  await oneMentor(run, state, 10_000);
  await manyMentors(run, state, state === "server" ? 50_000 : 10_000);
}

/** Rows that nobody is told about, first new and then all changed in place: what is read, compared and stored is the same. */
async function changedRows(run: ChaosRun, state: StateChoice, n: number): Promise<void> {
  await using place = await makePlace(run, { state, history: 10, notify: "", maxAge: "72h" });
  await poll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, '2014-03-01', e.ids[1 + i % array_length(e.ids, 1)], s.ids[1 + i % array_length(s.ids, 1)], 'Completed',
           case when i % 100 < 40 then 'Fail' else 'Pass' end, i % 100, i % 100, '2014-03-01 12:00'
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e, (select array_agg(id) as ids from students) s`);
  await poll(run, place, state, `${n} new rows`);
  await place.load.execute(`update attempts set state = 'Evaluation Completed' where id > 1000000`);
  await poll(run, place, state, `${n} rows changed in place`);
  await using db = await place.openState();
  const [row] = await db.sql<{ events: number; known: number }[]>`
    select (select count(*)::int from lmsmon.lms_activity_events where attempt_id > 1000000) as events,
           (select count(*)::int from lmsmon.row_states where row_key > 1000000) as known`;
  if (row?.events !== n || row.known !== n) {
    run.fail(`${n} rows gave ${row?.events} events and ${row?.known} known rows`);
  }
  run.tally.rows += n;
  run.tally.events += row?.events ?? 0;
}

async function oneMentor(run: ChaosRun, state: StateChoice, n: number): Promise<void> {
  await using place = await makePlace(run, { state, history: 10 });
  await poll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, now(), e.ids[1 + i % array_length(e.ids, 1)], s.ids[1 + i % array_length(s.ids, 1)], 'Completed', 'Pass',
           80, 80, now()
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e,
           (select array_agg("B") as ids from "_MentorToStudent" where "A" = 1
              and "B" not in (select "B" from "_MentorToStudent" where "A" <> 1)) s`);
  await poll(run, place, state, `${n} events for one mentor`);
  await everythingSent(run, place, n);
}

async function manyMentors(run: ChaosRun, state: StateChoice, n: number): Promise<void> {
  await using place = await makePlace(run, { state, history: 10 });
  await place.load.execute(`
    insert into mentors (id, username, email, display_name, created, students_count, hierarchy)
    select 100000 + i, 'm' || i, 'many' || i || '@example.invalid', 'Mentor ' || i, now(), 1, 'mentor' from generate_series(1, ${n}) i`);
  await place.load.execute(`
    insert into students (id, username, display_name, email, is_active)
    select 100000000 + i, 'many' || i, 'Student ' || i, 's' || i || '@example.invalid', true from generate_series(1, ${n}) i`);
  await place.load.execute(`
    insert into "_MentorToStudent" ("A", "B") select 100000 + i, 100000000 + i from generate_series(1, ${n}) i`);
  for (let i = 1; i <= n; i++) place.zulip.addUser({ email: `many${i}@example.invalid`, fullName: `Mentor ${i}` });
  await poll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, now(), e.ids[1], 100000000 + i, 'Completed', 'Pass', 80, 80, now()
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e`);
  await poll(run, place, state, `${n} mentors with an event each`, LIMIT_BYTES[state] + ZULIP_USERS_BYTES);
  await everythingSent(run, place, n);
}

async function everythingSent(run: ChaosRun, place: Place, n: number): Promise<void> {
  await using db = await place.openState();
  const rows = await db.sql<{ status: string; n: number }[]>`
    select status, count(*)::int as n from lmsmon.lms_event_logs group by status`;
  const sent = rows.find((row) => row.status === "sent")?.n ?? 0;
  if (sent !== n) run.fail(`${n} deliveries, of which ${rows.map((row) => `${row.n} are ${row.status}`).join(", ")}`);
  const markers = new Set<string>();
  let all = 0;
  for (const { content } of place.zulip.messages) {
    for (const [marker] of content.matchAll(/(?<=[#?&]n=)[a-z2-9]{16}\b/g)) {
      all++;
      markers.add(marker);
    }
  }
  if (all !== markers.size) run.fail(`${all - markers.size} deliveries stand twice in Zulip`);
  if (markers.size !== n) run.fail(`${markers.size} of ${n} deliveries are in Zulip`);
  run.tally.deliveries += sent;
  run.tally.messages += place.zulip.messages.length;
  run.say(`    ${sent} deliveries in ${place.zulip.messages.length} messages`);
}

/** `poll-once` inside a cgroup of limited memory where the system lets us; its peak is shown in any case. */
async function poll(
  run: ChaosRun,
  place: Place,
  state: StateChoice,
  what: string,
  limit = LIMIT_BYTES[state],
): Promise<void> {
  const began = performance.now();
  const process = new Watcher("poll-once", place.config, { args: ["--json"] });
  const group = await limited(process.pid, limit);
  let peakKb = 0;
  while (process.ended === null) {
    peakKb = Math.max(peakKb, peakOf(process.pid));
    await sleep(100);
  }
  const { code, signal } = await process.end();
  if (group !== null) await Deno.remove(group).catch(() => {});
  if (code !== 0) run.fail(`${what}: poll-once ended with ${signal ?? code}\n${process.log.slice(-5).join("\n")}`);
  const held = group === null ? "not limited: no cgroup can be made here" : `limited to ${limit >> 20} MB by a cgroup`;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  run.say(`    ${what}: ${seconds} s, at most ${(peakKb / 1024).toFixed(0)} MB resident (${held})`);
  if (peakKb * 1024 > limit) run.fail(`${what}: ${peakKb} kB resident, more than ${limit >> 10}`);
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}

/** Version 1 and 2 of control groups; the path of a group that holds the process, `null` where none can be made. */
async function limited(pid: number, bytes: number): Promise<string | null> {
  for (const [root, file] of [["/sys/fs/cgroup/memory", "memory.limit_in_bytes"], ["/sys/fs/cgroup", "memory.max"]]) {
    const group = `${root}/lmsmon-chaos-${pid}`;
    try {
      await Deno.mkdir(group);
    } catch {
      continue;
    }
    try {
      await Deno.writeTextFile(`${group}/${file}`, String(bytes));
      await Deno.writeTextFile(`${group}/cgroup.procs`, String(pid));
      return group;
    } catch {
      await Deno.remove(group).catch(() => {});
    }
  }
  return null;
}
