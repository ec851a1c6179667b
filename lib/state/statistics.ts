import { analyzeCourseContext, analyzeRecorded, justAnalyzed } from "../../sql/state/upkeep.ts";
import type { StateDb } from "./state_db.ts";

/**
 * Tells the planner how large the tables are, after a poll that wrote very many rows. A server would find out by itself a minute or so
 * later, and a round of deliveries meanwhile took 24 s instead of 1 (tried); the embedded database never would. Never fails:
 * without statistics everything is only slower.
 */
export async function refreshStatistics(db: Pick<StateDb, "sql">): Promise<void> {
  await analyzeRecorded(db.sql).catch(() => {});
}

/**
 * The same before all courses are looked through: of due dates, enrolments and exemptions, and of everything else unless a poll has just
 * done that. Never fails either.
 */
export async function refreshCourseStatistics(db: Pick<StateDb, "sql">): Promise<void> {
  await analyzeCourseContext(db.sql).catch(() => {});
  const [analyzed] = await justAnalyzed(db.sql).catch(() => []);
  if (analyzed?.just_now !== true) await refreshStatistics(db);
}
