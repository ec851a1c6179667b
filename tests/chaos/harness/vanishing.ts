import { type ChaosRun, until } from "./chaos_run.ts";
import type { LoadRow } from "./lms_rows.ts";
import type { Place } from "./place.ts";

/** On a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Results come in while Zulip is away; some of their rows vanish before anybody could be told, and their ids are used again.
 * What comes back is told, what stays away is not, and nobody hears of it under another's name.
 */
export async function vanishing({ run, place }: { readonly run: ChaosRun; readonly place: Place }): Promise<void> {
  const { load, zulip } = place;
  await load.stop();
  await zulip.stop();
  const known = new Set(load.rows.exam.keys());
  await load.finishedExams(40);
  // Of students that somebody is told about.
  const fresh = load.rows.exam.values()
    .filter(({ id, student }) => !known.has(id) && (load.material.mentorsOf.get(student) ?? []).length > 0).toArray();
  const ids = fresh.map(({ id }) => id);
  const stored = () => countOf(place, "select attempt_id from lmsmon.lms_activity_events where kind = 'exam'", ids);
  if (!await until(async () => await stored() === ids.length, PATIENCE_MS)) return run.fail("results are not stored");
  const [same, changed, gone, reused] = [
    fresh.slice(0, 5),
    fresh.slice(5, 10),
    fresh.slice(10, 16),
    fresh.slice(16, 21),
  ];
  const away = [...same, ...changed, ...gone];
  await load.vanish(away);
  await load.reuse(reused);
  const missed = () =>
    countOf(
      place,
      "select row_key as attempt_id from lmsmon.row_states join lmsmon.streams using (stream_id) where kind = 'exam' and missing_since is not null",
      away.map(({ id }) => id),
    );
  if (!await until(async () => await missed() === away.length, PATIENCE_MS)) {
    return run.fail("missing rows are not missed");
  }
  await load.bringBack(same, false);
  await load.bringBack(changed, true);
  zulip.restart();
  const told = ({ id }: LoadRow) => zulip.messages.some(({ content }) => content.includes(`/attempts/${id}#n=`));
  if (!await until(() => reachable(place, [...same, ...changed]).every(told), PATIENCE_MS)) {
    run.fail("rows that came back are not told");
  }
  const wrongly = gone.filter(told);
  if (wrongly.length > 0) run.fail(`${wrongly.length} rows were told although they had vanished`);
  run.did(
    `vanishing: ${away.length} rows, of which ${same.length + changed.length} came back; ${reused.length} ids reused`,
  );
  load.start(12);
}

/** Those whose mentors can be told: the others' accounts are missing or were switched off. */
function reachable(place: Place, rows: readonly LoadRow[]): readonly LoadRow[] {
  const active = new Set(
    [...place.zulip.realm.users.values()].filter(({ isActive }) => isActive).map(({ email }) => email),
  );
  const emails = new Map(place.load.material.mentors.map(({ id, email }) => [id, email]));
  return rows.filter(({ student }) =>
    (place.load.material.mentorsOf.get(student) ?? []).some((mentor) => active.has(emails.get(mentor) ?? ""))
  );
}

/** How many of the attempts a query of the state names. */
async function countOf(place: Place, query: string, ids: readonly number[]): Promise<number> {
  await using db = await place.openState();
  const [row] = await db.sql.unsafe<{ n: number }[]>(
    `select count(distinct attempt_id)::int as n from (${query}) q where attempt_id in (${ids.join(",")})`,
  );
  return row?.n ?? 0;
}
