import type { Dialect } from "../../sql/lms/dialects/dialect.ts";
import { kindOf } from "../../sql/lms/preset.ts";
import type { KeyRange } from "../../sql/lms/query_kind.ts";
import type { Kind } from "../model/event_types.ts";
import type { LmsSession } from "./lms_driver.ts";
import { heldKeys } from "./driving_keys.ts";
import { keyFormOf } from "./query_access.ts";
import { kindWarnings } from "./mapping_check.ts";
import type { Prepared } from "./prepared.ts";
import { explained } from "./query_plan.ts";

/** What is doubtful about how a kind is read, and the server's plans for its pages. */
export async function inspectKind(
  session: LmsSession,
  { queries, preset }: Prepared,
  dialect: Dialect,
  kind: Kind,
): Promise<{ readonly warnings: readonly string[]; readonly plan: readonly string[] }> {
  const explain = async (query: string) =>
    (await session.rows(explained(dialect, query))).map((cells) => cells.map((cell) => cell ?? "").join(" | "));
  if ("table" in kindOf(preset, kind)) {
    return { warnings: [], plan: await explain(queries.rows(kind, { after: null, limit: 100 })) };
  }
  const sql = queries.queryKind(kind);
  const warnings = await kindWarnings(session, dialect, preset, kind, sql);
  const from: KeyRange = { from: null, fromItself: false, to: null };
  const [keysQuery] = sql.keysAfter(from, 100);
  const keys = keysQuery === undefined ? [] : heldKeys(keyFormOf(kindOf(preset, kind)), await session.rows(keysQuery));
  const plan = [
    ...keysQuery === undefined ? [] : await explain(keysQuery),
    ...await explain(keys.length === 0 ? sql.any(from) : sql.rows({ keys })),
  ];
  return { warnings, plan };
}
