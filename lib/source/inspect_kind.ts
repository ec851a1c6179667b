import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import { kindOf } from "../../sql/lms/preset.ts";
import type { KeyRange } from "../../sql/lms/query_kind.ts";
import type { Kind } from "../model/event_types.ts";
import type { LmsSession } from "./lms_driver.ts";
import { heldKeys } from "./driving_keys.ts";
import { keyFormOf } from "./query_access.ts";
import { kindWarnings } from "./mapping_check.ts";
import type { Prepared } from "./prepared.ts";
import { planOf } from "./query_plan.ts";

const HIDDEN =
  "hidden from this role, since a view is read: grant SHOW VIEW on it, and SELECT on the tables behind it, to see the plan";

/** What is doubtful about how a kind is read, and the server's plans for its pages. */
export async function inspectKind(
  session: LmsSession,
  { queries, preset }: Prepared,
  dialect: Dialect,
  kind: Kind,
): Promise<{ readonly warnings: readonly string[]; readonly plan: readonly string[] }> {
  let isHidden = false;
  const planned = async (query: string) => {
    const plan = await planOf(session, dialect, query);
    isHidden ||= plan === null;
    return plan ?? [];
  };
  const explain = async (queries: readonly string[]) => {
    const lines: string[] = [];
    for (const query of queries) {
      lines.push(...(await planned(query)).map((cells) => cells.map((cell) => cell ?? "").join(" | ")));
    }
    // No warning: reading needs no more than SELECT.
    return isHidden ? [...lines, HIDDEN] : lines;
  };
  if ("table" in kindOf(preset, kind)) {
    return { warnings: [], plan: await explain([queries.rows(kind, { after: null, limit: 100 })]) };
  }
  const sql = queries.queryKind(kind);
  const warnings = await kindWarnings(session, planned, dialect, preset, kind, sql);
  const from: KeyRange = { from: null, fromItself: false, to: null };
  const [keysQuery] = sql.keysAfter(from, 100);
  const keys = keysQuery === undefined ? [] : heldKeys(keyFormOf(kindOf(preset, kind)), await session.rows(keysQuery));
  const plan = await explain([
    ...keysQuery === undefined ? [] : [keysQuery],
    keys.length === 0 ? sql.any(from) : sql.rows({ keys }),
  ]);
  return { warnings, plan };
}
