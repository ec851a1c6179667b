import { selectOtherSettings } from "../../sql/state/session.ts";
import { StateError } from "../base/errors.ts";
import type { Queryable } from "../../sql/state/queryable.ts";

/** Those of the settings below that a pooler which shares connections keeps for each client, too. */
export const KEPT_SETTINGS = { TimeZone: "UTC", DateStyle: "ISO, MDY", standard_conforming_strings: "on" } as const;

/**
 * What statements mean and how values read, whatever the server, the database or the role was set to (`alter role … set`). Else a score
 * would come back rounded and pass for another one, or a list with a gap be refused.
 */
const MEANING = {
  array_nulls: "on",
  bytea_output: "hex",
  default_transaction_isolation: "read committed",
  extra_float_digits: "1",
  IntervalStyle: "postgres",
  quote_all_identifiers: "off",
  transform_null_equals: "off",
} as const;

/** As text, whatever the driver's types say: postgres.js 3.4.9 does not send what is 0. */
const NO_LIMIT = "0" as unknown as number;

/**
 * Sent when a session begins. Limits of a role are for people: a migration or an export takes the time that it takes. Statements are not
 * compiled: what may look dear to a plan and is not (a look for erased people, say) took 150 ms instead of 20 for it (PostgreSQL 15).
 */
export const SESSION_SETTINGS = {
  ...KEPT_SETTINGS,
  ...MEANING,
  jit: "off",
  search_path: "pg_catalog",
  statement_timeout: NO_LIMIT,
  lock_timeout: NO_LIMIT,
} as const;

/** Throws StateError where a session has other settings and these could not be sent to it. */
export async function requireSettings(sql: Queryable, url: string): Promise<void> {
  const others = await selectOtherSettings(sql, Object.keys(MEANING), Object.values(MEANING));
  if (others.length === 0) return;
  throw new StateError(
    `Cannot use the state database ${url}: its sessions have ${
      others.map(({ name, value }) => `${name} = ${value}`).join(", ")
    }, and the pooler before it takes no other word`,
    {
      hint: `alter role … in database … set ${
        others.map(({ name, wanted }) => `${name} = '${wanted}'`).join(", and the same with ")
      }; or go past the pooler in state.url`,
    },
  );
}
