import type { Queryable, StateDb } from "./state_db.ts";

/** A transaction that cannot write and sees one moment, over when `work` is: many questions get answers that fit together. */
export async function readMoment<T>(db: Pick<StateDb, "sql">, work: (sql: Queryable) => Promise<T>): Promise<T> {
  const result = await db.sql.begin(
    "isolation level repeatable read read only",
    async (tx) => ({ value: await work(tx) }),
  );
  return result.value;
}
