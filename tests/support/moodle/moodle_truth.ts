import { type TestServer, withMysql, withPostgres } from "../databases.ts";

/** One event that a first poll of a Moodle must store, in the words of `export-ai --identified`. */
export interface TrueEvent {
  readonly student: string;
  readonly activity: string;
  readonly type: string;
  readonly score: number | null;
  readonly percentage: number | null;
  readonly verdict: string | null;
  readonly time: string;
  readonly mentors: number;
}

/**
 * What happened on the site, told by SQL of its own: not by rows of attempts with joins, as the preset reads it, but by sets
 * of people, of things seen and of things done. Runs on both databases.
 */
const TRUTH = `
with
pupil as (select id, username from {P}user where deleted = 0 and id <> 1),
module as (
  select cm.id as cmid, cm.instance, ty.name as type
    from {P}course_modules cm, {P}modules ty where ty.id = cm.module and cm.deletioninprogress = 0),
need as (
  select iteminstance as quiz, gradepass as mark from {P}grade_items
   where itemtype = 'mod' and itemmodule = 'quiz' and itemnumber = 0 and gradepass > grademin),
sat as (
  select a.id, p.username, q.name, a.state, a.timestart, a.timefinish, a.timemodified, a.userid,
         case when a.state = 'finished' then a.sumgrades end as got, q.sumgrades as best, q.grade as scale,
         (select n.mark from need n where n.quiz = q.id) as mark
    from {P}quiz_attempts a, {P}quiz q, pupil p
   where a.quiz = q.id and a.userid = p.id and a.preview <> 1
     and q.id in (select instance from module where type = 'quiz')),
judged as (
  select sat.*, case when got is null or mark is null or scale = 0 then null
                     when got * scale - (mark - 0.000005) * best >= 0 then 'pass' else 'fail' end as verdict from sat),
glimpse as (
  select userid, coursemoduleid as cmid, timecreated as at from {P}course_modules_viewed
  union all
  select userid, contextinstanceid, timecreated from {P}logstore_standard_log
   where contextlevel = 70 and action = 'viewed' and target = 'course_module' and anonymous = 0 and realuserid is null
     and origin <> 'restore'),
done as (
  select userid, coursemoduleid as cmid, timemodified as at from {P}course_modules_completion where completionstate in (1, 2, 3, 4)),
step as (
  select userid, cmid, 'content_completed' as type, at from done
  union all
  select g.userid, g.cmid, 'content_started', min(g.at) from glimpse g
   where not exists (select 1 from done d where d.userid = g.userid and d.cmid = g.cmid) group by g.userid, g.cmid),
named as (
  select cmid, instance, type,
         coalesce((select name from {P}page p where module.type = 'page' and p.id = instance),
                  (select name from {P}url u where module.type = 'url' and u.id = instance)) as title
    from module where type <> 'quiz'),
guard as (
  select distinct x.instanceid as pupil, ra.userid as guardian
    from {P}role_assignments ra, {P}context x, {P}role r, {P}user g
   where x.id = ra.contextid and x.contextlevel = 30 and r.id = ra.roleid and r.shortname = 'mentor'
     and g.id = ra.userid and g.deleted = 0 and g.suspended = 0 and g.email <> ''),
happened as (
  select username, userid, name as title,
         case when state in ('inprogress', 'overdue') then 'exam_started' when verdict = 'pass' then 'exam_passed'
              when verdict = 'fail' then 'exam_failed' else 'exam_completed' end as type,
         got as score, round(got / best * 100, 2) as percentage, verdict,
         case when state in ('inprogress', 'overdue') then timestart when state = 'abandoned' then timemodified else timefinish end as at
    from judged
  union all
  select p.username, s.userid, n.title, s.type, null, null, null, s.at
    from step s, pupil p, named n where p.id = s.userid and n.cmid = s.cmid)
select username, title, type, score, percentage, verdict, at, (select count(*) from guard g where g.pupil = h.userid) as mentors
  from happened h`;

/** All of it, in an order of its own. */
export async function moodleTruth(server: TestServer, url: string, prefix = "mdl_"): Promise<TrueEvent[]> {
  const query = TRUTH.replaceAll("{P}", prefix);
  const rows: readonly Record<string, unknown>[] = server.dialect === "postgres"
    ? await withPostgres(url, (sql) => sql.unsafe<Record<string, unknown>[]>(query))
    : await withMysql(url, async (connection) => {
      const [found] = await connection.query<never[]>(query);
      return found;
    });
  return trueEvents(rows);
}

/** Rows [username, title, type, score, percentage, verdict, at, mentors] in an order of its own. */
export function trueEvents(rows: readonly Record<string, unknown>[]): TrueEvent[] {
  return inOrder(rows.map((row) => ({
    student: String(row["username"]),
    activity: String(row["title"]),
    type: String(row["type"]),
    score: number(row["score"]),
    percentage: number(row["percentage"]),
    verdict: row["verdict"] === null ? null : String(row["verdict"]),
    time: Temporal.Instant.fromEpochMilliseconds(Number(row["at"]) * 1000).toString({ fractionalSecondDigits: 6 }),
    mentors: Number(row["mentors"]),
  })));
}

const number = (cell: unknown) => cell === null || cell === undefined ? null : Number(cell);

/** The same of lines of `export-ai --identified`. */
export function eventsOfExport(lines: string): TrueEvent[] {
  return inOrder(
    lines.trim().split("\n").filter((line) => line !== "").map((text) => {
      const line = JSON.parse(text);
      return {
        student: line.student.username,
        activity: line.activity.title,
        type: line.event_type,
        score: line.metadata.score,
        percentage: line.metadata.percentage,
        verdict: line.metadata.verdict,
        time: line.occurred_at,
        mentors: line.mentors.length,
      };
    }),
  );
}

function inOrder(events: readonly TrueEvent[]): TrueEvent[] {
  const name = (event: TrueEvent) => JSON.stringify(event);
  return events.toSorted((a, b) => name(a) < name(b) ? -1 : 1);
}

/** How many of each type, and how many finished exams have a percentage without a verdict. */
export function countsOf(events: readonly TrueEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (name: string) => counts[name] = (counts[name] ?? 0) + 1;
  for (const event of events) {
    add(event.type);
    if (event.type === "exam_completed" && event.percentage !== null) add("graded");
  }
  return counts;
}
