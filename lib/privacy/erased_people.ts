import { erasureMark, tombstones } from "../../sql/state/erasures.ts";
import type { LmsId } from "../model/event.ts";
import type { Role } from "../model/person.ts";
import type { StateDb } from "../state/state_db.ts";
import { pseudonyms } from "./pseudonyms.ts";

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
  const pseudonymOf = await pseudonyms(db.sql);
  return {
    mark: mark?.mark ?? "0",
    tombstone: (role, id) => {
      const hash = pseudonymOf(role, source, id);
      return known.has(hash) ? hash : null;
    },
  };
}
