import { newestLine } from "../../sql/state/export.ts";
import { serverIdentity } from "../../sql/state/lineage.ts";
import { lockEpoch, writeEpoch } from "../../sql/state/state_epoch.ts";
import type { StateDb } from "./state_db.ts";

/**
 * The state's epoch: random, and another one when the state went back: another server, timeline or database, or a highest id
 * that has fallen since it was last looked at. Whoever compares two exports knows by it whether their event ids are of one
 * sequence.
 */
export async function stateEpoch(db: Pick<StateDb, "sql" | "mode">): Promise<string> {
  // Asked outside the transaction: a server that lets nobody ask answers with an error.
  const identity = db.mode === "server" ? await serverIdentity(db.sql).catch(() => []) : [];
  return await db.sql.begin(async (tx) => {
    const [known] = await lockEpoch(tx);
    const [newest] = await newestLine(tx);
    const now = { identity: identity[0]?.identity ?? null, newestEvent: newest?.newest ?? "0" };
    if (known === undefined) throw new TypeError("Cannot read the state's epoch: its row is gone");
    const moved = known.identity !== null && now.identity !== null && known.identity !== now.identity;
    const renew = moved || BigInt(now.newestEvent) < BigInt(known.newest_event);
    const identityKept = now.identity ?? known.identity;
    const [written] = await writeEpoch(tx, { ...now, identity: identityKept, renew });
    return written?.epoch ?? known.epoch;
  });
}

/** The guard found messages in Zulip that this state does not know: it went back without showing it otherwise. */
export async function renewEpoch(db: Pick<StateDb, "sql">): Promise<void> {
  await db.sql.begin(async (tx) => {
    const [known] = await lockEpoch(tx);
    const [newest] = await newestLine(tx);
    await writeEpoch(tx, { identity: known?.identity ?? null, newestEvent: newest?.newest ?? "0", renew: true });
  });
}
