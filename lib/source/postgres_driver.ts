import postgres from "postgres";
import { POSTGRES_RAW, postgresDialect, postgresSettings, typeNames } from "../../sql/lms/dialects/postgres.ts";
import type { OpenTarget } from "../database/open_target.ts";
import { ServerSockets } from "../database/server_sockets.ts";
import { forbidsTransactions } from "../database/statement_pooling.ts";
import { errorCode } from "../base/database_errors.ts";
import { guardTransactions } from "../drivers/postgres/guard_transactions.ts";
import {
  type Cell,
  type CellRow,
  CONNECT_TIMEOUT_MS,
  type LmsDriver,
  type LmsLimits,
  type OutputColumn,
  Watchdog,
} from "./lms_driver.ts";
import { textDecoder } from "./encodings.ts";
import {
  isConflict,
  isConnectionError,
  isStaleConnection,
  lmsError,
  type LmsTarget,
  poolerError,
  silentError,
} from "./lms_errors.ts";

const SNAPSHOT = "isolation level repeatable read read only";
/** A poll reads one thing at a time; the second is for people and links beside it. */
const CONNECTIONS = 2;

/** PostgreSQL over the network. Connects at the first read. */
export function postgresDriver({ target, password, keyPassword }: OpenTarget, limits: LmsLimits): LmsDriver {
  let readOnlyParameter = true;
  /** Those whose connections were asked for with it; several reads may meet the refusal. */
  const withParameter = new WeakSet<postgres.Sql>();
  let pool: Pool | null = null;
  let closed = false;
  const user = target.user ?? "postgres";
  const watchdogs = new Set<Watchdog>();
  /** Pools that are being given up: closing waits for them too, so that nothing of them outlives the driver. */
  const dropped = new Set<Promise<void>>();
  let plaintextHost: () => string | null = () => null;
  let poolsStatements = false;

  const open = (): Pool => {
    const sockets = new ServerSockets(target, { user, password, keyPassword, connectTimeoutMs: CONNECT_TIMEOUT_MS });
    // Each of several hosts has its own time; a look at all of them is no silence.
    sockets.onAttempt = () => watchdogs.forEach((watchdog) => watchdog.touch());
    plaintextHost = () => sockets.plaintextHost;
    sockets.watched.onAnswer = (bytes) => {
      poolsStatements ||= forbidsTransactions(bytes);
      return null;
    };
    const sql = guardTransactions(postgres({
      ...sockets.options(),
      max: CONNECTIONS,
      idle_timeout: 180,
      max_lifetime: 3600,
      backoff: () => 0, // the poller has a pace of its own; a second one here would delay the return of the LMS
      keep_alive: 30,
      prepare: false,
      fetch_types: false,
      onnotice: () => {},
      connection: {
        application_name: target.applicationName ?? "lmsmon",
        ...(target.options === null ? {} : { options: target.options }),
        ...(readOnlyParameter ? { default_transaction_read_only: true } : {}),
      },
    }));
    if (readOnlyParameter) withParameter.add(sql);
    return { sql, sockets };
  };
  const end = async (old: Pool, timeout: number) => {
    await old.sql.end({ timeout }).catch(() => {});
    await old.sockets.close();
  };

  return sqlDriver({
    target: { dialect: "postgres", label: target.label, user },
    limits,
    schemas: target.schemas,
    watchdogs,
    plaintextHost: () => plaintextHost(),
    poolsStatements: () => {
      const said = poolsStatements;
      poolsStatements = false; // it may be told otherwise meanwhile
      return said;
    },
    acquire: () => {
      if (closed) throw new TypeError("Cannot read the LMS: the source is closed");
      return (pool ??= open()).sql;
    },
    drop: (broken) => {
      if (pool?.sql !== broken) return;
      const ended = end(pool, 0).finally(() => dropped.delete(ended));
      dropped.add(ended);
      pool = null;
    },
    recover: (error, broken) => {
      // pgbouncer refuses start parameters it does not know. Setting it per session instead would stay behind in the
      // pool and hit other programs, so there only the transactions themselves are READ ONLY.
      if (withParameter.has(broken) && errorCode(error) === "08P01") {
        readOnlyParameter = false;
        return true;
      }
      return isStaleConnection(error) || isConflict(error);
    },
    close: async () => {
      closed = true;
      const open = pool;
      pool = null;
      if (open !== null) await end(open, 5);
      await Promise.all(dropped);
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
    schemas: [],
    watchdogs: new Set(),
    plaintextHost: () => null,
    poolsStatements: () => false,
    acquire: () => sql,
    drop: () => {},
    recover: () => false,
    close,
  });
}

/** Which protocol statements go by, see `LmsLimits.foreignSql`. */
const protocolOf = ({ foreignSql }: LmsLimits) => foreignSql === true ? EXTENDED : { prepare: false, simple: true };
/** `simple` is an option that the driver's types leave out. */
const EXTENDED = { prepare: false, simple: false };

/** The columns that a query gives, each with the name of its type. */
async function outputColumns(tx: postgres.TransactionSql, query: string): Promise<OutputColumn[]> {
  const { columns } = await tx.unsafe(query, [], EXTENDED);
  const types = await tx.unsafe<{ name: string }[]>(typeNames(columns.map(({ type }) => type)));
  return columns.map(({ name }, i) => ({ name, type: types[i]?.name ?? "" }));
}

/** A text holds bytes that the server cannot put into the client's encoding, or cannot take for its own. */
const UNTOLD = new Set(["22021", "22P05"]);

/** Texts as the bytes that the server keeps; what is none in its encoding becomes U+FFFD. */
async function rawRows(tx: postgres.TransactionSql, protocol: ReturnType<typeof protocolOf>) {
  const [row] = await tx.unsafe<{ encoding: string }[]>(POSTGRES_RAW);
  const encoding = row?.encoding ?? "";
  const decode = textDecoder(encoding);
  return {
    encoding,
    rows: async (query: string): Promise<CellRow[]> =>
      Array.from(
        (await tx.unsafe(query, [], protocol).raw()).map((cells) =>
          cells.map((cell: Uint8Array | null) => cell === null ? null : decode(cell))
        ),
      ),
  };
}

interface Pool {
  readonly sql: postgres.Sql;
  readonly sockets: ServerSockets;
}

interface SqlAccess {
  readonly target: LmsTarget;
  readonly limits: LmsLimits;
  readonly schemas: readonly string[];
  /** Watchdogs of the reads under way. */
  readonly watchdogs: Set<Watchdog>;
  plaintextHost(): string | null;
  /** Whether a pooler said, since this was last asked, that it lets no transactions through. */
  poolsStatements(): boolean;
  acquire(): postgres.Sql;
  drop(broken: postgres.Sql): void;
  /** Whether the read is worth one more try at once. */
  recover(error: unknown, broken: postgres.Sql): boolean;
  close(): Promise<void>;
}

function sqlDriver(access: SqlAccess): LmsDriver {
  const settings = postgresSettings(access.limits.statementTimeoutMs, access.schemas);
  const protocol = protocolOf(access.limits);
  const ask = async (tx: postgres.TransactionSql, query: string) =>
    Array.from(await tx.unsafe<Record<string, Cell>[]>(query, [], protocol).values()); // without what postgres.js adds to its arrays
  const { deadlineMs } = access.limits;
  /** A database that does not say how its texts are encoded: where one fails, others will, and each failure is a line in its log. */
  let alwaysRaw = false;

  return {
    dialect: postgresDialect,
    async read(work) {
      let raw = alwaysRaw;
      for (let attempt = 0;; attempt++) {
        const sql = access.acquire();
        const watchdog = new Watchdog(deadlineMs);
        access.watchdogs.add(watchdog);
        try {
          const done = sql.begin(SNAPSHOT, async (tx) => {
            await tx.unsafe(settings);
            let rows = (query: string): Promise<readonly CellRow[]> => ask(tx, query);
            if (raw) {
              const bytes = await rawRows(tx, protocol);
              rows = bytes.rows;
              alwaysRaw = bytes.encoding === "SQL_ASCII";
            }
            return {
              result: await work({
                raw,
                columns: async (query) => {
                  watchdog.touch();
                  const found = await outputColumns(tx, query);
                  watchdog.touch();
                  return found;
                },
                rows: async (query) => {
                  watchdog.touch();
                  const found = await rows(query);
                  watchdog.touch();
                  return found;
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
          if (!raw && UNTOLD.has(errorCode(error) ?? "")) {
            raw = true;
            continue;
          }
          if (attempt === 0 && access.recover(error, sql)) continue;
          throw access.poolsStatements() ? poolerError(access.target, error) : lmsError(error, access.target);
        } finally {
          access.watchdogs.delete(watchdog);
          watchdog.stop();
        }
      }
    },
    plaintextHost: () => access.plaintextHost(),
    close: () => access.close(),
  };
}
