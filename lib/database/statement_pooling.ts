const REFUSED = /not allowed in statement pooling mode/i;
const ERROR_RESPONSE = "E".charCodeAt(0);
/** It comes first in what the server sends. */
const LOOKED_AT = 4096;
const LATIN1 = new TextDecoder("latin1");

/**
 * Whether a pooler (PgBouncer) says in an answer that it gives every statement another connection: nothing here works that way. It hangs
 * up at once, so that the driver may only see a connection that was lost.
 */
export const forbidsTransactions = (answer: Uint8Array): boolean =>
  answer[0] === ERROR_RESPONSE && REFUSED.test(LATIN1.decode(answer.subarray(0, LOOKED_AT)));

export const STATEMENT_POOLING = "the pooler before it lets no transactions through";

/** `key`: what names the address. */
export const statementPoolingHint = (key: "lms.url" | "state.url"): string =>
  `it pools by statement: set pool_mode = transaction (or session) for this database, or go past it in ${key}`;
