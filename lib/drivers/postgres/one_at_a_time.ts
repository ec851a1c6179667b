/*
 * Fault: A statement with values that is not prepared is sent in two parts, the second when the server has answered the first. The
 *   driver sends the first part before the answer to an earlier statement on its connection is complete. PgBouncer in transaction
 *   mode gives the server's connection away with that answer, and nobody ever hears what became of the later statement.
 * Seen in: postgres.js 3.4.9 with PgBouncer 1.18.0.
 * Upstream: none known.
 * Delete when: tests/state/pooler_test.ts ("is recognised and goes on") passes without.
 */

import type postgres from "postgres";

// deno-lint-ignore no-explicit-any -- of any set of driver types; queries are handed through as they are
type AnySql = postgres.Sql<any>;

/** What the driver asks after it has sent a statement: whether another may follow before the answer. Not in its types. */
interface Sendable {
  readonly options?: { onexecute?: () => boolean };
}

/** While `applies`, nothing outside of transactions is sent over a connection on which something is still to be answered. */
export function oneAtATime<S extends AnySql>(sql: S, applies: () => boolean): S {
  const alone = <Q>(query: Q): Q => {
    const { options } = query as Sendable;
    if (options !== undefined) options.onexecute = () => !applies();
    return query;
  };
  return new Proxy(sql, {
    apply: (target, self, parameters) => alone(Reflect.apply(target, self, parameters)),
    get: (target, name) => {
      if (name !== "unsafe") return Reflect.get(target, name);
      const unsafe = target.unsafe as (...parameters: unknown[]) => unknown;
      return (...parameters: unknown[]) => alone(unsafe(...parameters));
    },
  });
}
