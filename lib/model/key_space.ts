import { createHash } from "node:crypto";
import type { LmsId } from "./event.ts";

/**
 * How the ids inside lmsmon, which are signed 64-bit numbers, stand for the LMS's keys.
 * - integer: they are the keys.
 * - pair: two whole numbers 0 <= n < 2^31 in one number below -2^62, in the pairs' own order.
 * - text: 62 bits of a hash above 2^62; a dictionary (lmsmon.lms_keys) says which text it is. No order that means anything.
 */
export type KeyForm = "integer" | "pair" | "text";

/** How the rows of a kind lie in the keyed comparison. */
export interface KeySpace {
  readonly form: KeyForm;
  /** Ids per bucket; part of the state's format. */
  readonly bucketSize: bigint;
  /** Whether new rows come above all others, so that they are found by the highest id. */
  readonly ascending: boolean;
}

/** A bucket of pairs is all pairs of one first number; of texts there are 16,384 buckets, whatever the number of rows. */
export const KEY_SPACES: Readonly<Record<KeyForm, KeySpace>> = {
  integer: { form: "integer", bucketSize: 1000n, ascending: true },
  pair: { form: "pair", bucketSize: 2n ** 31n, ascending: false },
  text: { form: "text", bucketSize: 2n ** 48n, ascending: false },
};

export const LOWEST_PAIR = -(2n ** 63n);
export const LOWEST_TEXT = 2n ** 62n;
const PART = 2n ** 31n;

/** The id of a pair; `null` where a part is no whole number from 0 to 2^31 - 1. */
export function pairId(first: string, second: string): LmsId | null {
  return isPart(first) && isPart(second) ? String(LOWEST_PAIR + BigInt(first) * PART + BigInt(second)) : null;
}

const isPart = (text: string) => /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31;

/** The two numbers of a pair's id. */
export function pairOf(id: LmsId): readonly [string, string] {
  const rest = BigInt(id) - LOWEST_PAIR;
  return [String(rest / PART), String(rest % PART)];
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * A UUID is the same in capitals, and tables of one LMS may differ in that: where letters of both sizes are one to the database (MySQL,
 * MariaDB) nobody there notices. Keys of rows stay as they are, since the server makes their ids.
 */
const plainKey = (sort: string, key: string) => UUID.test(key) && !sort.endsWith("_row") ? key.toLowerCase() : key;

export const isSameKey = (sort: string, one: string, other: string): boolean =>
  one === other || plainKey(sort, one) === plainKey(sort, other);

/** The id that stands for a text; `sort` keeps texts of different things apart. */
export function textId(sort: string, key: string): LmsId {
  const bits = createHash("md5").update(`${sort}:${plainKey(sort, key)}`).digest().readBigUInt64BE();
  return String(LOWEST_TEXT + (bits >> 2n));
}

/** Whether an id stands for a text. */
export const isTextId = (id: LmsId): boolean => id.length === 19 && id >= "4611686018427387904";
/** Whether an id stands for a pair. */
export const isPairId = (id: LmsId): boolean => id.length === 20 && id > "-4611686018427387904";
