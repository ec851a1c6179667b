import {
  addActivities,
  addEnrolments,
  addExemptions,
  closeActivities,
  closeEnrolments,
  closeExemptions,
  compareWhole,
  type ContextPage,
} from "../../../sql/state/course_context.ts";
import { shareErasures } from "../../../sql/state/erasures.ts";
import type { Enrolment, Exemption, LmsActivity } from "../../model/course_context.ts";
import type { Kind } from "../../model/event_types.ts";
import { type EpochMicros, formatUtc } from "../../model/time.ts";
import { arrayLiteral, numberArrayLiteral } from "../../state/array_literal.ts";
import { fenced } from "../../state/fenced.ts";
import type { Lease } from "../../state/leases.ts";
import type { StateDb } from "../../state/state_db.ts";

type Db = Pick<StateDb, "sql">;

const times = (list: readonly (EpochMicros | null)[]) =>
  arrayLiteral(list.map((time) => time === null ? null : formatUtc(time)));
const flags = (list: readonly boolean[]) => numberArrayLiteral(list.map((flag) => flag ? "t" : "f"));

/** One page of activities of one kind; see ContextPage. One transaction under the lease. */
export async function recordActivities(
  db: Db,
  lease: Lease,
  page: ContextPage,
  kind: Kind,
  list: readonly LmsActivity[],
): Promise<void> {
  const columns = {
    kind,
    ids: numberArrayLiteral(list.map(({ id }) => id)),
    titles: arrayLiteral(list.map(({ title }) => title)),
    courses: numberArrayLiteral(list.map(({ courseId }) => courseId)),
    opens: times(list.map(({ opensAt }) => opensAt)),
    dues: times(list.map(({ dueAt }) => dueAt)),
    finals: flags(list.map(({ final }) => final)),
  };
  await fenced(db, lease, async (tx) => {
    await compareWhole(tx);
    await closeActivities(tx, page, columns);
    await addActivities(tx, page, columns);
  });
}

/** One page of enrolments, all of each student's; see ContextPage. One transaction under the lease. */
export async function recordEnrolments(
  db: Db,
  lease: Lease,
  page: ContextPage,
  list: readonly Enrolment[],
): Promise<void> {
  const columns = {
    students: numberArrayLiteral(list.map(({ studentId }) => studentId)),
    scopes: arrayLiteral(list.map(({ scope }) => scope)),
    scopeIds: numberArrayLiteral(list.map(({ scopeId }) => scopeId)),
    actives: flags(list.map(({ active }) => active)),
    joined: times(list.map(({ joinedAt }) => joinedAt)),
    left: times(list.map(({ leftAt }) => leftAt)),
  };
  await fenced(db, lease, async (tx) => {
    await shareErasures(tx);
    await compareWhole(tx);
    await closeEnrolments(tx, page, columns);
    await addEnrolments(tx, page, columns);
  });
}

/** One page of exemptions, all of each student's; see ContextPage. One transaction under the lease. */
export async function recordExemptions(
  db: Db,
  lease: Lease,
  page: ContextPage,
  list: readonly Exemption[],
): Promise<void> {
  const columns = {
    students: numberArrayLiteral(list.map(({ studentId }) => studentId)),
    kinds: arrayLiteral(list.map(({ kind }) => kind)),
    activities: numberArrayLiteral(list.map(({ activityId }) => activityId)),
  };
  await fenced(db, lease, async (tx) => {
    await shareErasures(tx);
    await compareWhole(tx);
    await closeExemptions(tx, page, columns);
    await addExemptions(tx, page, columns);
  });
}
