import { sha256 } from "@noble/hashes/sha2.js";
import { pseudonymPads } from "../../sql/state/erasures.ts";
import type { Role } from "../model/person.ts";
import type { Queryable } from "../state/state_db.ts";

/** Makes the pseudonym of a person, as lmsmon.pseudonym() does. */
export type PseudonymOf = (role: Role, source: string, id: string) => string;

/** 128 bits of a hash, so that a pseudonym has 32 digits. */
const KEPT_BYTES = 16;
const encoder = new TextEncoder();

/** Makes the pseudonym of an attempt, as lmsmon.attempt_pseudonym() does. A row that was used again is another attempt. */
export type AttemptPseudonymOf = (attempt: {
  readonly source: string;
  readonly kind: string;
  readonly id: string;
  readonly incarnation: number;
}) => string;

/** Of people, with the state's key: made of role, source and id. */
export async function pseudonyms(sql: Queryable): Promise<PseudonymOf> {
  const hash = await keyedHash(sql);
  return (role, source, id) => hash(`${role}:${source}:${id}`);
}

/** The same of attempts. */
export async function attemptPseudonyms(sql: Queryable): Promise<AttemptPseudonymOf> {
  const hash = await keyedHash(sql);
  return ({ source, kind, id, incarnation }) => hash(`attempt:${source}:${kind}:${id}:${incarnation}`);
}

/**
 * HMAC-SHA-256 with the state's key, its first 128 bits in hex. In JavaScript: a first poll does it for each of a million attempts, and
 * each call of `node:crypto` leaves garbage and crosses into Deno six times (7 µs a hash instead of 2, Deno 2.9.6).
 */
async function keyedHash(sql: Queryable): Promise<(message: string) => string> {
  const [key] = await pseudonymPads(sql);
  if (key === undefined) throw new TypeError("The state has no key of pseudonyms");
  // The pads fill a block each: what they make of a hash is made once.
  const inner = sha256.create().update(Uint8Array.fromHex(key.inner_pad));
  const outer = sha256.create().update(Uint8Array.fromHex(key.outer_pad));
  const hash = sha256.create(), digest = new Uint8Array(32), kept = digest.subarray(0, KEPT_BYTES);
  return (message) => {
    inner._cloneInto(hash).update(encoder.encode(message)).digestInto(digest);
    outer._cloneInto(hash).update(digest).digestInto(digest);
    return kept.toHex();
  };
}
