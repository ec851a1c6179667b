/** What the LMS behind a source name is, so that an exchanged database is noticed. Compared field by field. */
export interface LmsIdentity {
  readonly dialect: "postgres" | "mysql";
  /** PostgreSQL's system identifier or MariaDB's server uid, when a plain role may read it. */
  readonly system: string | null;
  readonly database: string;
  /** PostgreSQL: where the tables of the attempts were found; `null` when there are none yet, and in states of 0.1. */
  readonly schema: string | null;
}

export interface PresentIdentity extends LmsIdentity {
  /** Whether no two servers have this `system`, but for copies of the server's files. */
  readonly systemIsUnique: boolean;
}
