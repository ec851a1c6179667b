import { createHash } from "node:crypto";
import { pseudonymPads } from "../../sql/state/erasures.ts";
import type { Role } from "../model/person.ts";
import type { Queryable } from "../state/state_db.ts";

/** Makes the pseudonym of a person, as lmsmon.pseudonym() does. */
export type PseudonymOf = (role: Role, source: string, id: string) => string;

const LENGTH = 32;

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

/** HMAC-SHA-256 with the state's key, its first 128 bits in hex. */
async function keyedHash(sql: Queryable): Promise<(message: string) => string> {
  const [key] = await pseudonymPads(sql);
  if (key === undefined) throw new TypeError("The state has no key of pseudonyms");
  // The pads fill a block each: what they make of a hash is made once.
  const inner = createHash("sha256").update(hexBytes(key.inner_pad));
  const outer = createHash("sha256").update(hexBytes(key.outer_pad));
  return (message) => outer.copy().update(inner.copy().update(message).digest()).digest("hex").slice(0, LENGTH);
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
