import type { FailPoint } from "../../../lib/base/fail_point.ts";
import type { ChaosRun } from "./chaos_run.ts";
import type { Place } from "./place.ts";
import { runLmsmon } from "./watcher.ts";

/** A consumer is moved on only when its file lies there whole; a kill in between gives the same again, never less. */
export async function killDuringConsumerExport(run: ChaosRun, place: Place, killed: Set<FailPoint>): Promise<void> {
  const acknowledged = async () => {
    await using db = await place.openState();
    const [row] = await db.sql<{ n: number }[]>`
      select coalesce(max(acknowledged), 0)::int as n from lmsmon.consumers where name = 'chaos'`;
    return row?.n ?? 0;
  };
  const asked = ["--consumer", "chaos", "--ack", "--out"];
  for (const point of ["export.before_rename", "export.before_ack"] as const) {
    const out = `${place.folder}/consumer-${point}.jsonl`;
    const { signal } = await runLmsmon("export-ai", place.config, { failPoint: point, args: [...asked, out] });
    if (signal !== "SIGKILL") run.fail(`${point} was not reached`);
    else {
      killed.add(point);
      run.tally.kills++;
    }
    if (await acknowledged() !== 0) run.fail(`${point}: acknowledged before the end`);
    const isThere = await Deno.stat(out).then(() => true, () => false);
    if (isThere !== (point === "export.before_ack")) run.fail(`${point}: the file is ${isThere ? "" : "not "}there`);
  }
  const out = `${place.folder}/consumer-whole.jsonl`;
  const { code, log } = await runLmsmon("export-ai", place.config, { args: [...asked, out] });
  if (code !== 0) run.fail(`export-ai of a consumer ended with ${code}\n${log.join("\n")}`);
  const lines = (await Deno.readTextFile(out)).trim().split("\n").length;
  await using db = await place.openState();
  const [row] = await db.sql<{ n: number }[]>`select count(*)::int as n from lmsmon.lms_activity_events`;
  if (lines !== row?.n) run.fail(`the consumer got ${lines} events of ${row?.n}`);
  const rest = await runLmsmon("export-ai", place.config, { args: ["--consumer", "chaos"] });
  if (rest.out !== "") run.fail("the consumer got events after it acknowledged them");
}

/** An erasure is whole or not there at all: the last act, since the oracle knows nothing of it. */
export async function killDuringErasure(run: ChaosRun, place: Place, killed: Set<FailPoint>): Promise<void> {
  const look = async (student: string) => {
    await using db = await place.openState();
    const [row] = await db.sql<{ tombstones: number; events: number; people: number }[]>`
      select (select count(*) from lmsmon.tombstones)::int as tombstones,
             (select count(*) from lmsmon.lms_activity_events where student_id = ${student}::bigint)::int as events,
             (select count(*) from lmsmon.people where role = 'student' and id = ${student}::bigint)::int as people`;
    return row;
  };
  await using db = await place.openState();
  const [one] = await db.sql<{ id: string }[]>`
    select student_id::text as id from lmsmon.lms_activity_events where student_id is not null order by event_id limit 1`;
  await db.close();
  const student = one?.id ?? "";
  const args = [student, "--role", "student", "--reason-code", "chaos", "--yes"];
  for (const point of ["privacy.before_commit", "privacy.after_commit"] as const) {
    const { signal, log } = await runLmsmon("privacy", place.config, { failPoint: point, args: ["erase", ...args] });
    if (signal !== "SIGKILL") run.fail(`${point} was not reached\n${log.slice(-5).join("\n")}`);
    else {
      killed.add(point);
      run.tally.kills++;
    }
    const left = await look(student);
    const isErased = left?.tombstones === 1 && left.events === 0 && left.people === 0;
    const isWhole = left?.tombstones === 0 && left.events > 0 && left.people === 1;
    if (point === "privacy.before_commit" ? !isWhole : !isErased) {
      run.fail(`${point}: half an erasure: ${JSON.stringify(left)}`);
    }
  }
}
