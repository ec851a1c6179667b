import { z } from "zod";
import { newestLine } from "../../sql/state/export.ts";
import { serverIdentity } from "../../sql/state/lineage.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
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

const RENEWED_FOR = "epoch_renewed_for";

/**
 * The bot sent what this state does not know: it went back, as far as anybody can tell, whatever its ids say. Another epoch, once for
 * the same messages.
 */
export async function renewEpochFor(
  db: Pick<StateDb, "sql">,
  source: string,
  unknown: ReadonlySet<string>,
): Promise<void> {
  if (unknown.size === 0) return;
  await db.sql.begin(async (tx) => {
    const [before] = await readFact(tx, source, RENEWED_FOR);
    const markers = z.array(z.string()).safeParse(before?.value);
    if (markers.success && unknown.isSubsetOf(new Set(markers.data))) return;
    await writeFact(tx, source, RENEWED_FOR, JSON.stringify([...unknown]));
    const [known] = await lockEpoch(tx);
    const [newest] = await newestLine(tx);
    await writeEpoch(tx, { identity: known?.identity ?? null, newestEvent: newest?.newest ?? "0", renew: true });
  });
}
