import { addLmsKeys, lmsKeys } from "../../sql/state/lms_keys.ts";
import type { LmsId } from "../model/event.ts";
import { type KeyEntry, type KeyStore, LmsKeys } from "../source/lms_keys.ts";
import { arrayLiteral, numberArrayLiteral } from "../state/array_literal.ts";
import type { StateDb } from "../state/state_db.ts";

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
      await addLmsKeys(
        db.sql,
        numberArrayLiteral(entries.map(({ id }) => id)),
        arrayLiteral(entries.map(({ sort }) => sort)),
        arrayLiteral(entries.map(({ key }) => key)),
      ).execute();
      const kept = await keysOf(entries.map(({ id }) => id));
      // The key of an erased person is not kept: for this process alone it is known.
      return entries.filter(({ id, key }) => kept.has(id) && kept.get(id) !== key);
    },
  };
}

/** The LMS's own keys of ids, as far as the state knows them. */
export function storedKeys(db: Pick<StateDb, "sql">): (ids: readonly LmsId[]) => Promise<ReadonlyMap<LmsId, string>> {
  const keys = new LmsKeys(stateKeyStore(db), []);
  return (ids) => keys.shown(ids);
}
