/*
 * Fault: When a connection is lost inside a transaction, the driver sends the rollback, and whatever the transaction
 *   does next, to a socket that is null by then: a TypeError from a timer, which nobody can catch and which ends the
 *   process.
 * Seen in: postgres.js 3.4.9.
 * Upstream: porsager/postgres#1208 and #1066; #1215 is a change that would mend it.
 * Delete when: `sql.begin` rejects, and the process lives, when its backend is terminated in the middle of a query.
 */

import type postgres from "postgres";
import { isConnectionLost } from "../../base/database_errors.ts";

// deno-lint-ignore no-explicit-any -- of any set of driver types; transactions are handed through as they are
type AnySql = postgres.Sql<any>;
type Transaction = postgres.TransactionSql;
type Work = (tx: Transaction) => unknown;
type Begin = (options: string, work: Work) => Promise<unknown>;
type Savepoint = (name: string | Work, work?: Work) => Promise<unknown>;

/**
 * Makes `sql.begin` survive a connection that is lost inside the transaction: nothing more is sent, the transaction
 * rejects with the lost connection, and so does every further use of its `tx`.
 */
export function guardTransactions<S extends AnySql>(sql: S): S {
  const begin = sql.begin.bind(sql) as unknown as Begin;
  const guarded = (options: string | Work, work?: Work): Promise<unknown> =>
    work === undefined ? run(begin, "", options as Work) : run(begin, options as string, work);
  return Object.assign(sql, { begin: guarded });
}

async function run(begin: Begin, options: string, work: Work): Promise<unknown> {
  const connection = new TransactionConnection();
  try {
    return await begin(options, (tx) => connection.settle(() => work(connection.guard(tx))));
  } catch (error) {
    connection.ended(error);
    throw error;
  }
}

/** What is known of a transaction's connection. */
class TransactionConnection {
  #lost: { readonly error: unknown } | null = null;

  /** The transaction is over with `error`, as the driver says at once when the connection closed. */
  ended(error: unknown): void {
    this.#lost ??= { error };
  }

  /** `work`'s outcome; none at all when the connection is lost, so that the driver does not try to roll back. */
  async settle(work: () => unknown): Promise<unknown> {
    try {
      return await parallel(work());
    } catch (error) {
      // Let the driver's own news of a closed connection arrive, which `work` may have made another error of.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (isConnectionLost(error)) this.ended(error);
      if (this.#lost !== null) await new Promise<never>(() => {});
      throw error;
    }
  }

  guard(tx: Transaction): Transaction {
    return new Proxy(tx, {
      apply: (target, self, parameters) =>
        this.#lost === null ? Reflect.apply(target, self, parameters) : refused(this.#lost.error),
      get: (target, name) => {
        if (name === "unsafe" && this.#lost !== null) return () => refused(this.#lost?.error);
        if (name === "savepoint") return this.#savepoint(target.savepoint as unknown as Savepoint);
        return Reflect.get(target, name);
      },
    });
  }

  #savepoint(savepoint: Savepoint): Savepoint {
    return async (name, work) => {
      if (this.#lost !== null) throw this.#lost.error;
      const inner = work ?? name as Work;
      const { promise, reject } = Promise.withResolvers<never>();
      const guarded: Work = async (tx) => {
        try {
          return await parallel(inner(this.guard(tx)));
        } catch (error) {
          if (!isConnectionLost(error)) throw error;
          this.ended(error);
          reject(error);
          return await promise.catch(() => new Promise<never>(() => {}));
        }
      };
      const outcome = work === undefined ? savepoint(guarded) : savepoint(name as string, guarded);
      return await Promise.race([outcome, promise]);
    };
  }
}

/** The driver's own habit: an array of queries is awaited as a whole. */
function parallel(result: unknown): unknown {
  return Array.isArray(result) ? Promise.all(result) : result;
}

/** A rejected query that can still be told `.simple()`, `.values()` and the like. */
function refused(error: unknown): Promise<never> {
  const query = Promise.reject(error);
  query.catch(() => {});
  const itself = () => query;
  return Object.assign(query, {
    simple: itself,
    values: itself,
    raw: itself,
    execute: itself,
    describe: itself,
    forEach: itself,
    cursor: itself,
  });
}
