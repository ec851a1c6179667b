import { createHash } from "node:crypto";
import { erasureMark, pseudonymPads, tombstones } from "../../sql/state/erasures.ts";
import type { LmsId } from "../model/event.ts";
import type { Role } from "../model/person.ts";
import type { StateDb } from "../state/state_db.ts";

/** Who of a source was erased, as of a moment: nobody of them is stored or told about again. */
export interface ErasedPeople {
  /** The tombstone's hash of a person who was erased; `null` of everybody else. */
  tombstone(role: Role, id: LmsId): string | null;
  /** What it was read under: a batch made with it is stale when somebody was erased since. */
  readonly mark: string;
}

export const NOBODY_ERASED: ErasedPeople = { tombstone: () => null, mark: "0" };

/** Reads the tombstones of a source. Hashing costs microseconds a person, and nothing where nobody was erased. */
export async function readErasedPeople(db: Pick<StateDb, "sql">, source: string): Promise<ErasedPeople> {
  const [mark] = await erasureMark(db.sql);
  const known = new Set((await tombstones(db.sql)).filter((row) => row.source === source).map((row) => row.pseudonym));
  if (known.size === 0) return { ...NOBODY_ERASED, mark: mark?.mark ?? "0" };
  const [pads] = await pseudonymPads(db.sql);
  const inner = bytesOf(pads?.inner_pad ?? "");
  const outer = bytesOf(pads?.outer_pad ?? "");
  return {
    mark: mark?.mark ?? "0",
    tombstone: (role, id) => {
      // HMAC-SHA-256 as lmsmon.pseudonym() computes it.
      const first = createHash("sha256").update(inner).update(`${role}:${source}:${id}`).digest();
      const hash = createHash("sha256").update(outer).update(first).digest("hex").slice(0, 32);
      return known.has(hash) ? hash : null;
    },
  };
}

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
