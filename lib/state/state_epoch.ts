import { z } from "zod";
import { newestLine } from "../../sql/state/export.ts";
import { serverIdentity } from "../../sql/state/lineage.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { lockEpoch, writeEpoch } from "../../sql/state/state_epoch.ts";
import type { EpochMark } from "./epoch_mark.ts";
import type { Queryable, StateDb } from "./state_db.ts";

/**
 * The state's epoch: random, and another one when the state went back. Signs of that are another server, timeline or database, or
 * a highest id below what the state or the mark beside it remembers. By it whoever compares two exports knows whether their event
 * ids are of one sequence.
 */
export async function stateEpoch(db: Pick<StateDb, "sql" | "mode">, mark: EpochMark | null = null): Promise<string> {
  const beside = await mark?.read() ?? null;
  // Asked outside the transaction: a server that lets nobody ask answers with an error.
  const identity = db.mode === "server" ? await serverIdentity(db.sql).catch(() => []) : [];
  const seen = await db.sql.begin(async (tx) => {
    const [known] = await lockEpoch(tx);
    const [newest] = await newestLine(tx);
    const now = { identity: identity[0]?.identity ?? null, newestEvent: newest?.newest ?? "0" };
    if (known === undefined) throw new TypeError("Cannot read the state's epoch: its row is gone");
    const moved = known.identity !== null && now.identity !== null && !isSame(known.identity, now.identity);
    const isBelow = (before: string) => BigInt(now.newestEvent) < BigInt(before);
    const isBelowMark = beside?.epoch === known.epoch && isBelow(beside.newestEvent);
    const renew = moved || isBelow(known.newest_event) || isBelowMark;
    const identityKept = now.identity ?? known.identity;
    const [written] = await writeEpoch(tx, { ...now, identity: identityKept, renew });
    return { epoch: written?.epoch ?? known.epoch, newestEvent: now.newestEvent };
  });
  await mark?.write(seen);
  return seen.epoch;
}

/** One from before this version says nothing of the tables. */
const isSame = (before: string, now: string) => now === before || now.startsWith(`${before} `);

/** Of a state that was filled with a dump: nobody can say what was exported since the dump was made. */
export async function renewEpoch(tx: Queryable): Promise<void> {
  const [newest] = await newestLine(tx);
  await writeEpoch(tx, { identity: null, newestEvent: newest?.newest ?? "0", renew: true });
}

const RENEWED_FOR = "epoch_renewed_for";

/**
 * The bot sent what this state does not know, so the state went back, as far as anybody can tell. Gives it another epoch, once for
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
    await renewHere(tx);
  });
}

/**
 * Of a state that its journal of erasures shows to be older than it: that went back. By its ids nobody may see it any more, since the
 * erasures that are made again take some of those that were given out before.
 */
export async function renewHere(tx: Queryable): Promise<void> {
  const [known] = await lockEpoch(tx);
  const [newest] = await newestLine(tx);
  await writeEpoch(tx, { identity: known?.identity ?? null, newestEvent: newest?.newest ?? "0", renew: true });
}
