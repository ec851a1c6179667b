import { shareErasures } from "../../sql/state/erasures.ts";
import type { StateDb, Transaction } from "../state/state_db.ts";

/**
 * A transaction that copies ids, names or texts of people. It and an erasure never overlap: each waits for the other to end, so
 * nothing of a person is written after that person was erased. Values that were read before this transaction must be checked in it,
 * by isErased() or by the erasures' mark. It is not repeated after a lost race; the caller decides that.
 */
export async function besideErasures<T>(db: Pick<StateDb, "sql">, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { value } = await db.sql.begin(async (tx) => {
    await shareErasures(tx);
    return { value: await work(tx) };
  });
  return value;
}
