import type { Queryable } from "./queryable.ts";

/**
 * Whether a person was erased: such a one is not written again, by whoever writes people under shareErasures. Costs nothing where
 * nobody was.
 */
export const isErased = (sql: Queryable, source: string, role: string, id: string) =>
  sql`(exists (select from lmsmon.tombstones) and exists (
         select from lmsmon.tombstones t where t.pseudonym = lmsmon.pseudonym(${sql.unsafe(role)}, ${source}::text, ${
    sql.unsafe(id)
  })))`;
