import { addLmsKeys, lmsKeys } from "../../sql/state/lms_keys.ts";
import type { Output } from "../base/output.ts";
import { retryLostRaces } from "../base/retry.ts";
import type { LmsId } from "../model/event.ts";
import { isSameKey } from "../model/key_space.ts";
import { type KeyEntry, type KeyStore, LmsKeys } from "../source/lms_keys.ts";
import { arrayLiteral, numberArrayLiteral } from "../state/array_literal.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import type { StateDb } from "../state/state_db.ts";
import { OwnKeyOutput } from "./own_keys.ts";

/**
 * Which text of the LMS an id stands for, kept in the state. Not part of the transaction of what refers to it: an entry that nothing refers to
 * means nothing, and one that is missing would lose a row.
 */
export function stateKeyStore(db: Pick<StateDb, "sql">): KeyStore {
  const keysOf = async (ids: readonly LmsId[]) =>
    new Map((await lmsKeys(db.sql, numberArrayLiteral(ids))).map(({ id, key }) => [id, key]));
  return {
    keysOf,
    remember: async (entries: readonly KeyEntry[]) => {
      const ids = numberArrayLiteral(entries.map(({ id }) => id));
      const sorts = arrayLiteral(entries.map(({ sort }) => sort));
      const keys = arrayLiteral(entries.map(({ key }) => key));
      await retryLostRaces(() => besideErasures(db, async (tx) => void await addLmsKeys(tx, ids, sorts, keys)));
      const kept = await keysOf(entries.map(({ id }) => id));
      // The key of an erased person is not kept: for this process alone it is known.
      return entries.filter(({ id, sort, key }) => {
        const known = kept.get(id);
        return known !== undefined && !isSameKey(sort, known, key);
      });
    },
  };
}

/** What a command writes about a state, with the LMS's own keys; dispose of it before the state is closed. */
export function ownKeyOutput(out: Output, db: Pick<StateDb, "sql">): OwnKeyOutput {
  return new OwnKeyOutput(out, storedKeys(db));
}

/** The LMS's own keys of ids, as far as the state knows them. */
export function storedKeys(db: Pick<StateDb, "sql">): (ids: readonly LmsId[]) => Promise<ReadonlyMap<LmsId, string>> {
  const keys = new LmsKeys(stateKeyStore(db), []);
  return (ids) => keys.shown(ids);
}
