import { type StandInOptions, UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { type ArmedStandIn, startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { realPostgres, withPostgres } from "../support/databases.ts";
import { makeLms, type TestLms } from "../support/lms/lms_database.ts";
import { createStateDirectory } from "../support/state/state_directory.ts";
import { createServerDatabase } from "../support/state/server_state.ts";
import { LmsmonHome, PATIENCE_MS } from "../support/lmsmon_process.ts";

export const postgresServer = await realPostgres();
export const PASSWORD = "p4ss-w0rd/of:the@LMS?%&";
const ROLE = "lmsmon_ro";

/** Everything that a process of lmsmon needs: an LMS that may only be read, a state, a Zulip. */
export class LmsmonPlace implements AsyncDisposable {
  constructor(
    readonly lms: TestLms,
    readonly zulip: ArmedStandIn,
    readonly home: LmsmonHome,
    /** As lmsmon gets it, without a password. */
    readonly stateUrl: string,
    readonly config: Readonly<Record<string, Record<string, unknown>>>,
    private readonly stack: AsyncDisposableStack,
  ) {}

  async pair(): Promise<{ student: number; mentor: number; zulipId: number }> {
    const student = Number(await this.lms.writer.student());
    const mentor = Number(await this.lms.writer.mentor());
    await this.lms.writer.link(mentor, student);
    const { id } = this.zulip.addUser({ email: `mentor${mentor}@institute.example`, fullName: `Mentor ${mentor}` });
    return { student, mentor, zulipId: id };
  }

  /** One group of the configuration changed. */
  async configure(changes: Readonly<Record<string, unknown>>): Promise<void> {
    const merged: Record<string, unknown> = { ...this.config };
    for (const [group, value] of Object.entries(changes)) {
      merged[group] = typeof value === "object" && value !== null ? { ...this.config[group], ...value } : value;
    }
    await this.home.configure(merged);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }
}

/** The URL's host and port replaced, as by a proxy in between. */
export function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.host = `127.0.0.1:${port}`;
  return changed.href;
}

/** The state is on a server where nothing else is asked for: each process over an embedded one costs a second of CPU more. */
export async function makePlace(
  options: {
    readonly state?: "embedded" | "server" | "none";
    readonly zulip?: Omit<StandInOptions, "intercept">;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<LmsmonPlace> {
  const stack = new AsyncDisposableStack();
  if (postgresServer === null) throw new Error("These tests need a PostgreSQL");
  const lms = stack.use(await makeLms(postgresServer, "cmd"));
  await grantReading(lms.config.url);
  const zulip = stack.use(await startArmedStandIn({ rateLimit: UNLIMITED, ...options.zulip }));
  const home = stack.use(await LmsmonHome.make({}, options.env));
  const next = zulip.next.bind(zulip);
  zulip.next = (test, timeoutMs = PATIENCE_MS) =>
    next(test, timeoutMs).catch((error) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${home.lastWords}`);
    });
  let stateUrl = "pglite:./state";
  if (options.state === undefined || options.state === "server") {
    const database = await createServerDatabase(true);
    stack.defer(database.drop);
    stateUrl = database.url;
  } else if (options.state !== "none") await createStateDirectory(`${home.folder}/state`);
  const lmsUrl = new URL(lms.config.url);
  lmsUrl.username = ROLE;
  const config = {
    lms: { url: lmsUrl.href, password: PASSWORD },
    state: { url: stateUrl },
    // A lease of poll-once lives so long, and its session for as long between two statements. Who wants polls faster starts watch so.
    poll: { interval: "1m" },
    notify: { digest: { at: [] }, gather: 0, max_per_mentor: null }, // gathering has tests of its own
    zulip: { site: zulip.site, email: zulip.bot.email, api_key: zulip.bot.apiKey },
  };
  const place = new LmsmonPlace(lms, zulip, home, stateUrl, config, stack);
  await place.configure({});
  return place;
}

/** A role of the whole server that may log in; what it may read is granted per database. */
export async function grantReading(url: string): Promise<void> {
  await withPostgres(url, async (sql) => {
    await sql.unsafe(
      `do $$ begin create role ${ROLE} login password '${PASSWORD}'; exception when duplicate_object or unique_violation then null; end $$`,
    );
    await sql.unsafe(`grant usage on schema public to ${ROLE}; grant select on all tables in schema public to ${ROLE}`);
  });
}
