import type { Logger } from "@logtape/logtape";
import { selectSessionTimeout } from "../../sql/state/session.ts";
import { errorCode } from "../base/database_errors.ts";
import { forbidsTransactions } from "../database/statement_pooling.ts";
import type { Sql } from "./state_db.ts";

/** What the session must say when the start parameter below arrived. */
const SENT_TIMEOUT = "1min";
/** A stopped process must not keep the lease's row, and everybody else with it. */
export const SENT_TIMEOUT_MS = 60_000;

/** A prepared statement that is there already, or no more: connections of the server change below us. */
const FOREIGN_STATEMENT = ["26000", "42P05"];
const PROTOCOL_VIOLATION = "08P01";
const START_PARAMETER = /startup parameter/i;
/** Answers longer than this that do not begin with an error are data. */
const SHORT_ANSWER = 4096;

/** What the driver (postgres.js 3.4.9) reads of its options for every statement and every new connection. */
interface LiveOptions {
  prepare: boolean;
  connection: Readonly<Record<string, unknown>>;
}

/**
 * A state behind a pooler that shares connections between transactions (PgBouncer in transaction mode): start parameters are
 * refused or ignored, and statements prepared on one connection are asked for on another. Recognised by either, whenever it shows;
 * from then on nothing is prepared, no parameters are sent beyond those that such a pooler keeps for each client, and a connection
 * has one statement at a time.
 */
export class PoolerWatch {
  #recognised: boolean;
  #forbidsTransactions = false;
  #options: LiveOptions | null = null;

  constructor(
    /** `?prepare=false`: told from the start. */
    private readonly told: boolean,
    /** Whether this pool is meant to write: then a session that was made read-only is renewed, as it stays so for its life. */
    private readonly writes: boolean,
    private readonly kept: Readonly<Record<string, unknown>>,
    private readonly log: Logger,
  ) {
    this.#recognised = told;
  }

  get recognised(): boolean {
    return this.#recognised;
  }

  /** It gives every statement another connection (PgBouncer in statement mode): nothing here works that way. */
  get forbidsTransactions(): boolean {
    return this.#forbidsTransactions;
  }

  /** The pool whose options change when a pooler is recognised. */
  attach(sql: Sql): void {
    this.#options = sql.options as unknown as LiveOptions;
  }

  /** Hears every piece that the server answers, before the driver does. */
  readonly answered = (bytes: Uint8Array): "renew" | null => {
    if (this.writes && bytes[0] === ERROR_RESPONSE && hasCode(bytes, READ_ONLY)) return "renew";
    this.#look(bytes);
    return null;
  };

  #look(bytes: Uint8Array): void {
    if (forbidsTransactions(bytes)) this.#forbidsTransactions = true;
    if (this.#recognised || (bytes[0] !== ERROR_RESPONSE && bytes.length > SHORT_ANSWER)) return;
    const text = LATIN1.decode(bytes.subarray(0, SHORT_ANSWER));
    if (FOREIGN_STATEMENT.some((code) => text.includes(`C${code}\0`))) this.#recognise("a prepared statement");
    else if (START_PARAMETER.test(text) && text.includes(`C${PROTOCOL_VIOLATION}\0`)) {
      this.#recognise("a start parameter");
    }
  }

  /** Whether the failure of a first statement was the pooler's, so that it is worth another try. */
  explains(error: unknown): boolean {
    const code = errorCode(error) ?? "";
    // It says everything with that code, also that it had no connection of the server left for two minutes (query_wait_timeout).
    const isRefusal = code === PROTOCOL_VIOLATION && error instanceof Error && START_PARAMETER.test(error.message);
    return this.#recognised && !this.told && !this.#forbidsTransactions &&
      (isRefusal || FOREIGN_STATEMENT.includes(code));
  }

  /** Asks whether the start parameters arrived, and a pooler whether it lets transactions through. */
  async look(sql: Sql): Promise<void> {
    if (!this.#recognised) {
      const [row] = await selectSessionTimeout(sql);
      if (row?.timeout !== SENT_TIMEOUT) this.#recognise("a start parameter, without a word,");
    }
    if (this.#recognised) await sql.begin((tx) => selectSessionTimeout(tx));
  }

  #recognise(refused: string): void {
    this.#recognised = true;
    if (this.#options !== null) Object.assign(this.#options, { prepare: false, connection: this.kept });
    this.log.info(
      "The state database is behind a pooler, which refused {refused}: going on without prepared statements and start parameters",
      { refused },
    );
  }
}

/** The server ends a session in which nothing was under way, as its `idle_session_timeout` says: nothing can be lost with it. */
export const endsIdleSession = (bytes: Uint8Array) => bytes[0] === ERROR_RESPONSE && hasCode(bytes, IDLE_SESSION);

const hasCode = (bytes: Uint8Array, code: string) =>
  LATIN1.decode(bytes.subarray(0, SHORT_ANSWER)).includes(`C${code}\0`);

const READ_ONLY = "25006";
const IDLE_SESSION = "57P05";
const ERROR_RESPONSE = "E".charCodeAt(0);
const LATIN1 = new TextDecoder("latin1");
