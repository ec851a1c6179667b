import { type ChaosRun, type StateChoice } from "./chaos_run.ts";
import { measuredPoll } from "./measured_poll.ts";
import { makePlace, type Place } from "./place.ts";

/** One poll that finds a million rows, first new and then all changed in place; nobody is told about them. */
export async function changedRows(run: ChaosRun, state: StateChoice): Promise<void> {
  const n = state === "server" ? 1_000_000 : 200_000;
  await using place = await makePlace(run, { state, history: 10, notify: "  enabled: false" });
  await measuredPoll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, '2014-03-01', e.ids[1 + i % array_length(e.ids, 1)], s.ids[1 + i % array_length(s.ids, 1)], 'Completed',
           case when i % 100 < 40 then 'Fail' else 'Pass' end, i % 100, i % 100, '2014-03-01 12:00'
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e, (select array_agg(id) as ids from students) s`);
  await measuredPoll(run, place, state, `${n} new rows`);
  await place.load.execute(`
    update attempts set score = (score + 50)::int % 100, percentage = (percentage + 50)::int % 100,
           result = case when (percentage + 50)::int % 100 < 40 then 'Fail' else 'Pass' end
     where id > 1000000`);
  await measuredPoll(run, place, state, `${n} rows changed in place`);
  await using db = await place.openState();
  const [row] = await db.sql<{ first: number; second: number; more: number; wrong: number }[]>`
    select count(*) filter (where revision = 1)::int as first, count(*) filter (where revision = 2)::int as second,
           count(*) filter (where revision > 2)::int as more,
           count(*) filter (where (activity_metadata ->> 'score')::int
             <> (attempt_id - 1000000 + case revision when 2 then 50 else 0 end) % 100)::int as wrong
      from lmsmon.lms_activity_events where attempt_id > 1000000`;
  if (row?.first !== n || row.second !== n || row.more !== 0 || row.wrong !== 0) {
    run.fail(`${n} rows, each finished and then corrected, gave ${JSON.stringify(row)}`);
  }
  run.tally.rows += n;
  run.tally.events += (row?.first ?? 0) + (row?.second ?? 0);
}

/** Ten thousand events of one evening for one mentor. */
export async function oneMentor(run: ChaosRun, state: StateChoice): Promise<void> {
  const n = 10_000;
  await using place = await makePlace(run, { state, history: 10 });
  await measuredPoll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, now(), e.ids[1 + i % array_length(e.ids, 1)], s.ids[1 + i % array_length(s.ids, 1)], 'Completed', 'Pass',
           80, 80, now()
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e,
           (select array_agg("B") as ids from "_MentorToStudent" where "A" = 1
              and "B" not in (select "B" from "_MentorToStudent" where "A" <> 1)) s`);
  await measuredPoll(run, place, state, `${n} events for one mentor`);
  await everythingSent(run, place, n);
}

/** Fifty thousand mentors with accounts of full size, an event for each. */
export async function manyMentors(run: ChaosRun, state: StateChoice): Promise<void> {
  const n = 50_000;
  await using place = await makePlace(run, { state, history: 10 });
  await place.load.execute(`
    insert into mentors (id, username, email, display_name, created, students_count, hierarchy)
    select 100000 + i, 'm' || i, 'many' || i || '@example.invalid', 'Mentor ' || i, now(), 1, 'mentor' from generate_series(1, ${n}) i`);
  await place.load.execute(`
    insert into students (id, username, display_name, email, is_active)
    select 100000000 + i, 'many' || i, 'Student ' || i, 's' || i || '@example.invalid', true from generate_series(1, ${n}) i`);
  await place.load.execute(`
    insert into "_MentorToStudent" ("A", "B") select 100000 + i, 100000000 + i from generate_series(1, ${n}) i`);
  // Names that take two bytes a letter in memory and three on the wire, as they do in India.
  for (let i = 1; i <= n; i++) {
    place.zulip.addUser({ email: `many${i}@example.invalid`, fullName: `முருகன் செல்வம் ${i}` });
  }
  await measuredPoll(run, place, state, "first contact");
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, now(), e.ids[1], 100000000 + i, 'Completed', 'Pass', 80, 80, now()
      from generate_series(1, ${n}) i, (select array_agg(id) as ids from exams) e`);
  await measuredPoll(run, place, state, `${n} mentors with an event each`);
  await everythingSent(run, place, n);
}

/** Titles, courses and names of a megabyte each, together more than the limit: nothing of it may pile up. */
export async function longTitles(run: ChaosRun, state: StateChoice): Promise<void> {
  const n = 600;
  await using place = await makePlace(run, { state, history: 10 });
  await measuredPoll(run, place, state, "first contact");
  // Of texts that compress well, or the LMS would be a gigabyte on the disk.
  await place.load.execute(`
    insert into exams (id, slug, title, duration, number_of_questions, pass_percentage, created, modified)
    select 1000000 + i, 'long' || i, i || repeat(' @**all** முதல் தேர்வு', 24000), 60, 10, 40, now(), now()
      from generate_series(1, ${n}) i`);
  await place.load.execute(`update students set display_name = id || repeat(' @**all** முருகன்', 36000)`);
  await place.load.execute(`
    insert into attempts (id, date, exam_id, user_id, state, result, score, percentage, last_answer_updated_time)
    select 1000000 + i, now(), 1000000 + i, s.ids[1 + i % array_length(s.ids, 1)], 'Completed', 'Pass', 80, 80, now()
      from generate_series(1, ${n}) i,
           (select array_agg("B") as ids from "_MentorToStudent" where "A" = 1
              and "B" not in (select "B" from "_MentorToStudent" where "A" <> 1)) s`);
  await measuredPoll(run, place, state, `${n} exams with titles of a megabyte`);
  await everythingSent(run, place, n);
  if (place.zulip.messages.some(({ content }) => /@\*\*/.test(content))) run.fail("a title became a mention");
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
  run.tally.lost += Math.max(0, n - markers.size);
  run.tally.duplicated += all - markers.size;
  run.tally.events += n;
  run.tally.deliveries += sent;
  run.tally.messages += place.zulip.messages.length;
  run.say(`    ${sent} deliveries in ${place.zulip.messages.length} messages`);
}
