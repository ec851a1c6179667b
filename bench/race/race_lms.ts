import mysql from "mysql2/promise";
import postgres from "postgres";
import { LmsWriter } from "../../lib/demo/lms_writer.ts";
import { realMariaDb, realPostgres, withMysql, withPostgres } from "../../tests/support/databases.ts";
import { TcpProxy } from "../../tests/support/lms/tcp_proxy.ts";
import type { WriteRow } from "../../sql/lms/write_statements.ts";

export type RaceDialect = "postgres" | "mariadb";
/** A row as text; `null` where the column is. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Ids of the history begin here and leave every second one free: rows with low ids find room. */
export const FIRST_ID = 1001;
const STUDENTS = 200;
const MENTORS = 10;
export const MENTOR_EMAILS = Array.from({ length: MENTORS }, (_, i) => `mentor${i + 1}@institute.example`);

/** An LMS with history, written on one connection and read by the contenders through a proxy that can be cut. */
export interface RaceLms extends AsyncDisposable {
  readonly dialect: RaceDialect;
  /** Through the proxy. */
  readonly url: string;
  readonly writer: LmsWriter;
  readonly proxy: TcpProxy;
  execute(statement: string): Promise<unknown>;
  /** Statements on a connection of their own, which stays open until the end. */
  transaction(): Promise<{ execute(statement: string): Promise<unknown>; end(): Promise<void> }>;
  /** Through the proxy, on a connection of its own. */
  read(statement: string): Promise<readonly TextRow[]>;
}

export const finished = (id: number, student: number, score: number, at: string | null): WriteRow => ({
  id,
  user_id: student,
  exam_id: 1,
  state: "Completed",
  result: score >= 40 ? "Pass" : "Fail",
  score,
  percentage: score,
  date: at,
  last_started_time: at,
});

export const running = (id: number, student: number, at: string): WriteRow => ({
  id,
  user_id: student,
  exam_id: 1,
  state: "Running",
  date: at,
  last_started_time: at,
});

/** The `n`-th student, from 0. */
export const student = (n: number): number => n % STUDENTS + 1;

export async function makeRaceLms(dialect: RaceDialect, rows: number): Promise<RaceLms> {
  await using stack = new AsyncDisposableStack();
  const server = await (dialect === "postgres" ? realPostgres() : realMariaDb());
  if (server === null) throw new Error(`Cannot race: no ${dialect} here`);
  const database = await server.createDatabase("race");
  stack.defer(() => database.drop());
  const direct = new URL(database.url);
  const port = Number(direct.port || (dialect === "postgres" ? 5432 : 3306));
  const proxy = stack.use(new TcpProxy({ hostname: direct.hostname, port }));
  direct.hostname = "127.0.0.1";
  direct.port = String(proxy.port);
  const connect = () => dialect === "postgres" ? onPostgres(database.url) : onMariaDb(database.url);
  const main = await connect();
  stack.defer(() => main.end());
  const { execute } = main;
  const writer = new LmsWriter({ dialect: dialect === "postgres" ? "postgres" : "mysql", execute });
  await writer.createSchema();
  for (let i = 0; i < MENTORS; i++) await writer.mentor();
  for (let i = 0; i < STUDENTS; i++) {
    await writer.student();
    await writer.link(i % MENTORS + 1, i + 1);
  }
  await writer.exam();
  for (let from = 0; from < rows; from += 1000) {
    await writer.insert(
      "attempts",
      Array.from(
        { length: Math.min(1000, rows - from) },
        (_, i) => finished(FIRST_ID + 2 * (from + i), student(from + i), (from + i) % 101, "2026-01-01 09:00:00"),
      ),
    );
  }
  await execute(dialect === "postgres" ? "analyze" : "analyze table attempts");
  const kept = stack.move();
  return {
    dialect,
    url: direct.href,
    writer,
    proxy,
    execute,
    transaction: connect,
    read: (statement) =>
      dialect === "postgres"
        ? withPostgres(direct.href, async (sql) => await sql.unsafe(statement))
        : withMysql(direct.href, async (connection) => {
          const [found] = await connection.query({ sql: statement, typeCast: (field) => field.string() });
          return found as TextRow[];
        }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function onPostgres(url: string) {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  await sql`select 1`;
  return {
    execute: (statement: string): Promise<unknown> => sql.unsafe(statement),
    end: () => sql.end({ timeout: 5 }),
  };
}

async function onMariaDb(url: string) {
  const connection = await mysql.createConnection({ uri: url });
  return {
    execute: (statement: string): Promise<unknown> => connection.query(statement),
    end: () => connection.end(),
  };
}
