import { analyzeTables } from "../../sql/state/upkeep.ts";
import type { StateDb } from "./state_db.ts";

/**
 * Tells the planner how large the tables are, after a poll that wrote very many rows, and before all courses are looked through.
 * A server would find out by itself a minute or so later, and a round of deliveries meanwhile took 24 s instead of 1 (tried); the
 * embedded database never would. Never fails: without statistics everything is only slower.
 */
export async function refreshStatistics(db: Pick<StateDb, "sql">): Promise<void> {
  await analyzeTables(db.sql).catch(() => {});
}
