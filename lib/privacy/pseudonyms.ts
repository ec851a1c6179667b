import { createHash } from "node:crypto";
import { pseudonymPads } from "../../sql/state/erasures.ts";
import type { Role } from "../model/person.ts";
import type { Queryable } from "../state/state_db.ts";

/** Makes the pseudonym of a person, as lmsmon.pseudonym() does. */
export type PseudonymOf = (role: Role, source: string, id: string) => string;

const LENGTH = 32;

/** HMAC-SHA-256 with the state's key, its first 128 bits in hex, of role, source and id. */
export async function pseudonyms(sql: Queryable): Promise<PseudonymOf> {
  const [key] = await pseudonymPads(sql);
  if (key === undefined) throw new TypeError("The state has no key of pseudonyms");
  const inner = hexBytes(key.inner_pad), outer = hexBytes(key.outer_pad);
  return (role, source, id) => {
    const message = createHash("sha256").update(inner).update(`${role}:${source}:${id}`).digest();
    return createHash("sha256").update(outer).update(message).digest("hex").slice(0, LENGTH);
  };
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
