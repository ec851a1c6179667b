import type { Key } from "../../sql/lms/query_kind.ts";
import type { BadRow } from "../model/attempt.ts";
import type { LmsId } from "../model/event.ts";
import type { KeyForm } from "../model/key_space.ts";
import type { Kind } from "../model/event_types.ts";
import type { CellRow } from "./lms_driver.ts";
import { isHeldId } from "../model/lms_ids.ts";
import { compareIds } from "./lms_values.ts";

const REPEATED = "several rows of the query have this key";
export const isRepeated = ({ reason }: BadRow) => reason.includes(REPEATED);

/** None of them is taken, since nobody can say which one is meant. The hash is of all of them together, whatever their order. */
export function repeatedKey(kind: Kind, id: LmsId, rows: readonly CellRow[]): BadRow {
  return { kind, id, hash: xorOf(rows.map(([, hash]) => hash)), reason: `${kind} query: ${REPEATED}` };
}

/** Hashes of several rows as one, whatever their order. */
export const xorOf = (hashes: readonly (string | null | undefined)[]): string =>
  String(BigInt.asIntN(64, hashes.reduce((sum, hash) => sum ^ BigInt(hash ?? 0), 0n)));

export const isWhole = (key: Key) => key.every((part) => /^-?\d{1,19}$/.test(part) && isHeldId(part));

export function compareKeys(a: Key, b: Key): number {
  for (const [i, part] of a.entries()) {
    const order = compareIds(part, b[i] ?? "0");
    if (order !== 0) return order;
  }
  return 0;
}

/** Of several lists, each cut at `limit`, only what is complete: nothing beyond the last key of a list that was cut. */
export function boundedBy(merged: readonly Key[], lists: readonly (readonly Key[])[], limit: number): readonly Key[] {
  const ends = lists.flatMap((keys) => keys.length === limit ? keys.slice(-1) : []).filter(isWhole).sort(compareKeys);
  const [end] = ends;
  return end === undefined ? merged : merged.filter((key) => compareKeys(key, end) <= 0);
}

/** Each key once: a table may have one several times (a log's). */
export function distinctKeys(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [key.join("/"), key])).values()];
}

/** Why no row can be kept under a key. */
export function oddReason(kind: Kind, form: KeyForm, key: string, collided: boolean): string {
  const what = key === "" || key.split("/").includes("")
    ? form === "text" ? "is null or empty" : "is null"
    : form === "pair"
    ? "is no pair of whole numbers from 0 to 2147483647"
    : form === "integer"
    ? "is no whole number that can be kept (64 bits with a sign)"
    : collided
    ? "cannot be told from another key"
    : "is no key that can be kept";
  return `key of a row of the ${kind} query: ${what}`;
}
