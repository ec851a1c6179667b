import { shareErasures } from "../../sql/state/erasures.ts";
import type { StateDb, Transaction } from "../state/state_db.ts";

/**
 * A transaction that reads ids, names or texts and writes them elsewhere. An erasure waits for its end, and it for the erasure's:
 * what is read in it is not of somebody erased by the time it is written. Whoever brings such values from outside asks in it again,
 * by isErased() or by the erasures' mark. Not repeated after a lost race: that is the caller's affair.
 */
export async function besideErasures<T>(db: Pick<StateDb, "sql">, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { value } = await db.sql.begin(async (tx) => {
    await shareErasures(tx);
    return { value: await work(tx) };
  });
  return value;
}
