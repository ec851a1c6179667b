import mysql from "mysql2/promise";
import postgres from "postgres";
import type { MoodleConfig } from "../../lib/config/config.ts";
import { LmsWriter } from "../../lib/demo/lms_writer.ts";
import { openLms } from "../../lib/source/open_lms.ts";
import type { LmsSource } from "../../lib/source/lms_source.ts";
import { startZulipStandIn, UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import type { TestDatabase, TestServer } from "../support/databases.ts";
import type { TestLms } from "../support/lms/lms_database.ts";
import { testLmsConfig } from "../support/lms/test_lms_config.ts";
import { restoreMoodle } from "../support/moodle/restore_moodle.ts";
import { eventsOfExport, type TrueEvent } from "../support/moodle/moodle_truth.ts";
import { type StateKind, withState } from "../support/state/with_state.ts";
import { PollBench } from "../poll/poll_bench.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";

export const MOODLE: MoodleConfig = {
  prefix: "mdl_",
  mentorRoles: ["mentor", "parent"],
  media: ["h5pactivity", "hvp"],
  assignments: false,
};

/** A Moodle of one test file: its tables may be changed, and are gone with it. */
export class MoodleDatabase implements AsyncDisposable {
  private constructor(
    readonly server: TestServer,
    readonly database: TestDatabase,
    readonly execute: (statement: string) => Promise<unknown>,
    private readonly close: () => Promise<void>,
  ) {}

  static async restore(server: TestServer, folder: string): Promise<MoodleDatabase> {
    const database = await restoreMoodle(server, folder);
    if (server.dialect === "postgres") {
      const sql = postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {} });
      return new MoodleDatabase(server, database, (s) => sql.unsafe(s), () => sql.end({ timeout: 5 }));
    }
    const connection = await mysql.createConnection({ uri: database.url });
    return new MoodleDatabase(server, database, (s) => connection.query(s), () => connection.end());
  }

  get url(): string {
    return this.database.url;
  }

  /** As a source under the name that tests poll under. */
  async open(changes: Partial<MoodleConfig> = {}): Promise<LmsSource> {
    return await openLms(this.config(changes));
  }

  config(changes: Partial<MoodleConfig> = {}) {
    return testLmsConfig(this.url, { name: SOURCE, preset: "moodle", moodle: { ...MOODLE, ...changes } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.database.drop();
  }
}

/** PostgreSQL with a server's state and MariaDB with an embedded one: each is met. */
const usualState = ({ server }: MoodleDatabase): StateKind => server.dialect === "postgres" ? "server" : "embedded";
export const otherState = (moodle: MoodleDatabase): StateKind =>
  usualState(moodle) === "server" ? "embedded" : "server";

/** Polls a Moodle into a state of its own. */
export async function withMoodleBench<T>(
  moodle: MoodleDatabase,
  changes: Partial<MoodleConfig>,
  work: (bench: PollBench) => Promise<T>,
  state = usualState(moodle),
): Promise<T> {
  const { server, execute } = moodle;
  const config = moodle.config(changes);
  const opened: LmsSource[] = [];
  const lms: TestLms = {
    config,
    deps: {},
    writer: new LmsWriter({ dialect: server.dialect, execute }),
    execute,
    open: async (changes = {}) => {
      const source = await openLms({ ...config, ...changes });
      opened.push(source);
      return source;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  try {
    return await withState(state, async (db, url) => {
      await using standIn = await startZulipStandIn({ rateLimit: UNLIMITED });
      const bench = new PollBench({ name: server.dialect, lms: server, state }, lms, db, url, standIn, {});
      try {
        return await work(bench);
      } finally {
        bench.close();
      }
    });
  } finally {
    for (const source of opened) await source.close();
  }
}

/** Everything that is stored, as an export names it. */
export async function storedEvents(bench: PollBench): Promise<TrueEvent[]> {
  return eventsOfExport((await storedLines(bench)).join("\n"));
}

/** The same as lines of an export. */
export async function storedLines({ db }: PollBench): Promise<string[]> {
  const rows = await db.sql<{ line: string }[]>`select identified_line as line from lmsmon.export_v1`;
  return rows.map(({ line }) => line);
}
