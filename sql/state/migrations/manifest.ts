import initial from "./0001_initial.sql" with { type: "text" };
import cheaperDeliveries from "./0002_cheaper_deliveries.sql" with { type: "text" };
import sourceAddress from "./0003_source_address.sql" with { type: "text" };
import rowIdentity from "./0004_row_identity.sql" with { type: "text" };
import gather from "./0005_gather.sql" with { type: "text" };
import unreadable from "./0006_unreadable.sql" with { type: "text" };
import sixDigitTimes from "./0007_six_digit_times.sql" with { type: "text" };
import anyLms from "./0008_any_lms.sql" with { type: "text" };
import pseudonyms from "./0009_pseudonyms.sql" with { type: "text" };
import insight from "./0010_insight.sql" with { type: "text" };
import operators from "./0011_operators.sql" with { type: "text" };
import patterns from "./0012_patterns.sql" with { type: "text" };
import retention from "./0013_retention.sql" with { type: "text" };
import letters from "./0014_letters.sql" with { type: "text" };
import assignments from "./0015_assignments.sql" with { type: "text" };
import attemptPseudonyms from "./0016_attempt_pseudonyms.sql" with { type: "text" };
import inlinedKeys from "./0017_inlined_keys.sql" with { type: "text" };

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Every migration, in order; tests/state/migrate_test.ts holds it equal to the folder. */
export const migrations: readonly Migration[] = [
  { version: 1, name: "0001_initial", sql: initial },
  { version: 2, name: "0002_cheaper_deliveries", sql: cheaperDeliveries },
  { version: 3, name: "0003_source_address", sql: sourceAddress },
  { version: 4, name: "0004_row_identity", sql: rowIdentity },
  { version: 5, name: "0005_gather", sql: gather },
  { version: 6, name: "0006_unreadable", sql: unreadable },
  { version: 7, name: "0007_six_digit_times", sql: sixDigitTimes },
  { version: 8, name: "0008_any_lms", sql: anyLms },
  { version: 9, name: "0009_pseudonyms", sql: pseudonyms },
  { version: 10, name: "0010_insight", sql: insight },
  { version: 11, name: "0011_operators", sql: operators },
  { version: 12, name: "0012_patterns", sql: patterns },
  { version: 13, name: "0013_retention", sql: retention },
  { version: 14, name: "0014_letters", sql: letters },
  { version: 15, name: "0015_assignments", sql: assignments },
  { version: 16, name: "0016_attempt_pseudonyms", sql: attemptPseudonyms },
  { version: 17, name: "0017_inlined_keys", sql: inlinedKeys },
];
