import mysql from "mysql2/promise";
import { MYSQL_BEGIN, mysqlDialect, mysqlSettings } from "../../sql/lms/dialects/mysql.ts";
import { isLocalHost } from "../database/database_address.ts";
import type { OpenTarget } from "../database/open_target.ts";
import { readTlsFiles } from "../database/tls_files.ts";
import { errorCode } from "../base/database_errors.ts";
import {
  type CellRow,
  CONNECT_TIMEOUT_MS,
  type LmsDriver,
  type LmsLimits,
  type LmsSession,
  Watchdog,
} from "./lms_driver.ts";
import { mysqlType } from "./output_types.ts";
import { isStaleConnection, isStatementError, lmsError, type LmsTarget, silentError } from "./lms_errors.ts";

const CONNECTIONS = 2;

/** MySQL or MariaDB over the network. Connects at the first read. */
export function mysqlDriver({ target: place, password, keyPassword }: OpenTarget, limits: LmsLimits): LmsDriver {
  const [first] = place.hosts;
  const { host, port } = first ?? { host: "127.0.0.1", port: 3306 };
  const user = place.user ?? "root";
  const target: LmsTarget = { dialect: "mysql", label: place.label, user };
  const { statementTimeoutMs, deadlineMs } = limits;
  let tls = place.tls.mode;
  let isConnected = false;
  let pool: mysql.Pool | null = null;
  let closed = false;
  const ready = new WeakSet<object>();

  const open = () => {
    if (closed) throw new TypeError("Cannot read the LMS: the source is closed");
    return mysql.createPool({
      ...(host.startsWith("/") ? { socketPath: host } : { host, port }),
      user,
      database: place.address.database,
      ...(password === null ? {} : { password }),
      ...(tls === "disable" ? {} : {
        ssl: {
          rejectUnauthorized: tls === "verify-ca" || tls === "verify-full",
          verifyIdentity: tls === "verify-full",
          ...readTlsFiles(place.tls, keyPassword),
        },
      }),
      charset: "utf8mb4_unicode_ci",
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectionLimit: CONNECTIONS,
      maxIdle: CONNECTIONS,
      idleTimeout: 180_000,
      enableKeepAlive: true,
      rowsAsArray: true,
      // Never the driver's idea of a number or a time. Texts come in the connection's encoding, and what is kept as bytes (blob,
      // binary) is taken for the same: what is none of it becomes U+FFFD.
      // Bits come as the bytes of a number, whatever a text could make of them.
      typeCast: (field) => {
        const bytes = field.buffer();
        return bytes === null ? null : field.type === "BIT" ? numberOfBits(bytes) : bytes.toString("utf8");
      },
    });
  };

  async function connect(): Promise<mysql.PoolConnection> {
    const used = pool ??= open();
    try {
      const connection = await used.getConnection();
      // The pool wraps a connection anew each time; the connection inside is the same.
      if (!ready.has(connection.connection)) {
        try {
          const [rows] = await connection.query<mysql.RowDataPacket[][]>("select version()");
          const mariaDb = /mariadb/i.test(String(rows[0]?.[0]));
          for (const setting of mysqlSettings(mariaDb, statementTimeoutMs)) await connection.query(setting);
        } catch (error) {
          connection.destroy();
          throw error;
        }
        ready.add(connection.connection);
        isConnected = true;
      }
      return connection;
    } catch (error) {
      // Another read that began at the same time was the first to hear that there is no TLS.
      if (used !== pool && !closed) return await connect();
      if (place.tls.mode === "prefer" && tls === "prefer" && errorCode(error) === "HANDSHAKE_NO_SSL_SUPPORT") {
        tls = "disable";
        pool = null;
        await ended(used);
        return await connect();
      }
      throw error;
    }
  }

  async function attempt<T>(
    work: (session: LmsSession) => Promise<T>,
    watchdog: Watchdog,
    use: (connection: mysql.PoolConnection) => void,
  ): Promise<T> {
    const connection = await connect();
    use(connection);
    if (watchdog.barked) throw new Error("too late");
    try {
      await connection.query(MYSQL_BEGIN);
      const result = await work({
        raw: false,
        rows: async (query) => {
          watchdog.touch();
          const [rows] = await connection.query<mysql.RowDataPacket[][]>(query);
          watchdog.touch();
          return rows as unknown as readonly CellRow[];
        },
        columns: async (query) => {
          watchdog.touch();
          const [, fields] = await connection.query<mysql.RowDataPacket[][]>(query);
          watchdog.touch();
          return fields.map((field) => ({ name: field.name, type: mysqlType(field) }));
        },
      });
      await connection.query("commit");
      connection.release();
      return result;
    } catch (error) {
      // A statement's error leaves a usable connection; after anything else it is not worth the doubt.
      if (isStatementError(error)) {
        await connection.query("rollback").then(() => connection.release(), () => connection.destroy());
      } else {
        connection.destroy();
      }
      throw error;
    }
  }

  return {
    dialect: mysqlDialect,
    async read(work) {
      for (let tries = 0;; tries++) {
        const watchdog = new Watchdog(deadlineMs);
        let used: mysql.PoolConnection | null = null;
        try {
          const done = attempt(work, watchdog, (connection) => used = connection);
          done.catch(() => {}); // after a deadline nobody waits for it any more
          return await Promise.race([done, watchdog.expired]);
        } catch (error) {
          if (watchdog.barked) {
            (used as mysql.PoolConnection | null)?.destroy();
            throw silentError(target, deadlineMs);
          }
          if (tries === 0 && isStaleConnection(error)) continue;
          throw lmsError(error, target);
        } finally {
          watchdog.stop();
        }
      }
    },
    plaintextHost: () => isConnected && tls === "disable" && !isLocalHost(host) ? host : null,
    async close() {
      closed = true;
      const open = pool;
      pool = null;
      if (open !== null) await ended(open);
    },
  };
}

/** The driver fails where a connection closes just then, which is what was wanted. */
const ended = (pool: mysql.Pool): Promise<void> => pool.end().catch(() => {});

/** A number as decimal text: the protocol sends bits as its bytes, the highest first. */
const numberOfBits = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n).toString();
