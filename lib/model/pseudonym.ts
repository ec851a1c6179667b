import { createHmac } from "node:crypto";

/** Signs of a pseudonym: the first 128 bits of an HMAC-SHA-256, in hex. */
const LENGTH = 32;

export const PSEUDONYM = /^[0-9a-f]{32}$/;

export const isPseudonym = (text: string): boolean => PSEUDONYM.test(text);

/** The pseudonym under another key: of the stored one, so that it can be made of an erasure, too, which has no id any more. */
export function rekeyed(pseudonym: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(pseudonym).digest("hex").slice(0, LENGTH);
}
