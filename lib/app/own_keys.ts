import type { LmsId } from "../model/event.ts";
import { isPairId, isTextId } from "../model/key_space.ts";

export type ShownKeys = (ids: readonly LmsId[]) => Promise<ReadonlyMap<LmsId, string>>;

/** A number of nineteen digits, perhaps below zero: ids that stand for texts and pairs look like that, and little else. */
const LONG_NUMBER = /(?<![\w.-])(?:[4-9]\d{18}|-\d{19})(?!\w)/g;

/**
 * What people or programs read (lines, JSON), with the LMS's own keys in place of ids that stand for texts or pairs: nobody could find
 * anything in the LMS by such a number.
 */
export async function withOwnKeys<T>(value: T, shown: ShownKeys): Promise<T> {
  const ids = new Set<LmsId>();
  mapped(value, (id) => {
    ids.add(id);
    return id;
  });
  if (ids.size === 0) return value;
  const keys = await shown([...ids]);
  return mapped(value, (id) => keys.get(id) ?? id) as T; // the same shape
}

function mapped(value: unknown, keyOf: (id: LmsId) => string): unknown {
  const own = (id: string) => isTextId(id) || isPairId(id) ? keyOf(id) : id;
  if (typeof value === "string") return value.replace(LONG_NUMBER, own);
  if (typeof value === "bigint") {
    const id = String(value), key = own(id);
    return key === id ? value : key;
  }
  if (Array.isArray(value)) return value.map((inner) => mapped(inner, keyOf));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapped(inner, keyOf)]));
}
