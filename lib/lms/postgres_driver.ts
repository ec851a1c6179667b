import { checkServerIdentity, type PeerCertificate } from "node:tls";
import postgres from "postgres";
import { postgresDialect, postgresSettings } from "../../sql/lms/dialects/postgres.ts";
import { errorCode } from "../ops/database_errors.ts";
import { guardTransactions } from "../ops/guard_transactions.ts";
import type { LmsAddress } from "./lms_address.ts";
import { promptSocket } from "../ops/prompt_socket.ts";
import { type Cell, CONNECT_TIMEOUT_MS, type LmsDriver, type LmsLimits, Watchdog } from "./lms_driver.ts";
import {
  isConflict,
  isConnectionError,
  isStaleConnection,
  lmsError,
  type LmsTarget,
  silentError,
} from "./lms_errors.ts";

const SNAPSHOT = "isolation level repeatable read read only";
/** A poll reads one thing at a time; the second is for people and links beside it. */
const CONNECTIONS = 2;

/** PostgreSQL over the network. Connects at the first read. */
export function postgresDriver(address: LmsAddress, limits: LmsLimits): LmsDriver {
  let readOnlyParameter = true;
  let pool: postgres.Sql | null = null;
  let closed = false;

  const open = () =>
    guardTransactions(postgres({
      host: address.host,
      port: address.port,
      ...promptSocket({ ...address, path: address.host.startsWith("/") ? socketPath(address) : undefined }),
      database: address.database,
      username: address.user,
      password: address.password ?? "",
      ssl: sslOption(address),
      max: CONNECTIONS,
      connect_timeout: CONNECT_TIMEOUT_MS / 1000,
      idle_timeout: 180,
      max_lifetime: 3600,
      backoff: () => 0, // the poller has a pace of its own; a second one here would delay the return of the LMS
      keep_alive: 30,
      prepare: false,
      fetch_types: false,
      onnotice: () => {},
      connection: {
        application_name: "lmsmon",
        ...(readOnlyParameter ? { default_transaction_read_only: true } : {}),
      },
    }));
  const drop = (broken: postgres.Sql) => {
    if (pool === broken) pool = null;
    broken.end({ timeout: 0 }).catch(() => {});
  };

  return sqlDriver({
    target: { dialect: "postgres", label: address.label, user: address.user },
    limits,
    schema: address.schema,
    acquire: () => {
      if (closed) throw new TypeError("Cannot read the LMS: the source is closed");
      return pool ??= open();
    },
    drop,
    recover: (error) => {
      // pgbouncer refuses start parameters it does not know. Setting it per session instead would stay behind in the
      // pool and hit other programs, so there only the transactions themselves are READ ONLY.
      if (readOnlyParameter && errorCode(error) === "08P01") {
        readOnlyParameter = false;
        return true;
      }
      return isStaleConnection(error) || isConflict(error);
    },
    close: async () => {
      closed = true;
      const open = pool;
      pool = null;
      await open?.end({ timeout: 5 });
    },
  });
}

/** An LMS behind a postgres.js handle that is ready and belongs to somebody else: the embedded LMS of demo and tests. */
export function borrowedPostgresDriver(
  sql: postgres.Sql,
  label: string,
  limits: LmsLimits,
  close: () => Promise<void> = () => Promise.resolve(),
): LmsDriver {
  return sqlDriver({
    target: { dialect: "postgres", label, user: "postgres" },
    limits,
    schema: null,
    acquire: () => sql,
    drop: () => {},
    recover: () => false,
    close,
  });
}

interface SqlAccess {
  readonly target: LmsTarget;
  readonly limits: LmsLimits;
  readonly schema: string | null;
  acquire(): postgres.Sql;
  drop(broken: postgres.Sql): void;
  /** Whether the read is worth one more try at once. */
  recover(error: unknown): boolean;
  close(): Promise<void>;
}

function sqlDriver(access: SqlAccess): LmsDriver {
  const settings = postgresSettings(access.limits.statementTimeoutMs, access.schema);
  const { deadlineMs } = access.limits;

  return {
    dialect: postgresDialect,
    async read(work) {
      for (let attempt = 0;; attempt++) {
        const sql = access.acquire();
        const watchdog = new Watchdog(deadlineMs);
        try {
          const done = sql.begin(SNAPSHOT, async (tx) => {
            await tx.unsafe(settings);
            return {
              result: await work({
                rows: async (query) => {
                  watchdog.touch();
                  const rows = await tx.unsafe<Record<string, Cell>[]>(query).values();
                  watchdog.touch();
                  return Array.from(rows); // without what postgres.js adds to its arrays
                },
              }),
            };
          });
          done.catch(() => {}); // after a deadline nobody waits for it any more
          return (await Promise.race([done, watchdog.expired])).result;
        } catch (error) {
          if (watchdog.barked) {
            access.drop(sql);
            throw silentError(access.target, deadlineMs);
          }
          // postgres.js keeps the place of a connection that died inside a transaction taken for ever: begin anew.
          if (isConnectionError(error)) access.drop(sql);
          if (attempt === 0 && access.recover(error)) continue;
          throw lmsError(error, access.target);
        } finally {
          watchdog.stop();
        }
      }
    },
    close: () => access.close(),
  };
}

const socketPath = ({ host, port }: LmsAddress) => `${host}/.s.PGSQL.${port}`;

function sslOption({ host, tls: { mode, ca } }: LmsAddress) {
  const trust = ca === null ? {} : { ca };
  switch (mode) {
    case "disable":
      return false;
    case "prefer":
    case "require":
      return mode;
    case "verify-ca":
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined, ...trust };
    case "verify-full":
      return {
        rejectUnauthorized: true,
        // postgres.js names no server when the host is an address, and Node would then check for "localhost".
        checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
        ...trust,
      };
  }
}
