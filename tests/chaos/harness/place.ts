import { UNLIMITED } from "../../../lib/stand_in/zulip_stand_in.ts";
import { type ArmedStandIn, startArmedStandIn } from "../../support/stand_in/armed_stand_in.ts";
import { openState } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { realPostgres } from "../../support/databases.ts";
import { createServerDatabase } from "../../support/state/server_state.ts";
import { createStateDirectory } from "../../support/state/state_directory.ts";
import { type ChaosRun, PATIENCE_MS, sleep, type StateChoice, until } from "./chaos_run.ts";
import { LmsLoad } from "./lms_load.ts";
import { chaosMaterial, type Material } from "./material.ts";
import { consult, type OracleInput, type Verdict } from "./oracle.ts";
import { Watcher, type WatcherOptions } from "./watcher.ts";

export interface PlaceOptions {
  readonly state: StateChoice;
  /** Where the program finds the LMS instead of at its own address: a proxy. */
  readonly lmsUrl?: (url: string) => string;
  /** An empty database for the LMS, instead of one on the usual server. */
  readonly lmsServer?: string;
  /** More YAML inside `lms`. */
  readonly lms?: string;
  /** Where an embedded state goes instead of a temporary folder. */
  readonly stateFolder?: string;
  /** Another state than a new one. */
  readonly stateUrl?: string;
  /** More YAML at the top level. */
  readonly yaml?: string;
  readonly zulip?: string;
  readonly notify?: string;
  /** The stand-in's clock. */
  readonly nowMs?: () => number;
  /** Default off. */
  readonly fuse?: string;
  readonly poll?: string;
  readonly history?: number;
  /** Default none. */
  readonly maxAge?: string;
  /** Default a second. */
  readonly intervalMs?: number;
}

/** An LMS under load, a state, a Zulip stand-in and a configuration: everything that a watcher needs. */
export interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly config: string;
  readonly lmsUrl: string;
  readonly stateUrl: string;
  readonly load: LmsLoad;
  readonly zulip: ArmedStandIn;
  readonly withoutAccount: ReadonlySet<number>;
  watch(options?: WatcherOptions): Watcher;
  /** The state, while a watcher owns it or nobody does. */
  openState(): Promise<StateDb>;
  consult(changes?: Partial<OracleInput>): Promise<Verdict>;
  /** Whether there are more events than `events` within `timeoutMs`. */
  moves(events: number, timeoutMs: number): Promise<boolean>;
  /** Lets a watcher run until nothing is under way and nothing is missing, and what is then. */
  settle(options?: SettleOptions): Promise<Verdict>;
}

export interface SettleOptions {
  readonly timeoutMs?: number;
  readonly oracle?: Partial<OracleInput>;
  readonly watcher?: WatcherOptions;
  /** Given up when nothing moves for so long. */
  readonly stallMs?: number;
  /** How long it must stay quiet at the end; default more than a full pass. */
  readonly quietMs?: number;
  /** Says nothing and counts nothing: a check on the way. */
  readonly onTheWay?: boolean;
  /** Runs already. */
  readonly running?: Watcher;
}

let material: { readonly seed: number; readonly value: Promise<Material> } | undefined;

export async function makePlace(run: ChaosRun, options: PlaceOptions): Promise<Place> {
  const stack = new AsyncDisposableStack();
  try {
    if (material?.seed !== run.seed) material = { seed: run.seed, value: chaosMaterial(run.random("material")) };
    const stuff = await material.value;
    const folder = await Deno.makeTempDir({ prefix: "lmsmon-chaos-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const lms = await makeLms(options, stack);
    const load = stack.use(new LmsLoad(lms.url, run, stuff));
    await load.prepare(options.history ?? 100);
    const stateUrl = options.stateUrl ?? await makeState(options.state, options.stateFolder ?? folder, stack);
    const withoutAccount = new Set([3]);
    const zulip = stack.use(
      await startArmedStandIn({
        rateLimit: UNLIMITED,
        keepRequests: 2000,
        ...(options.nowMs && { nowMs: options.nowMs }),
        users: stuff.mentors.filter(({ id }) => !withoutAccount.has(id))
          .map(({ email, name }) => ({ email, fullName: name })),
      }),
    );
    const emails = new Map(stuff.mentors.map(({ id, email }) => [id, email]));
    await Deno.writeTextFile(`${folder}/zuliprc`, zulip.zuliprc(), { mode: 0o600 });
    const config = `${folder}/config.yaml`;
    const lmsUrl = options.lmsUrl?.(lms.url) ?? lms.url;
    await Deno.writeTextFile(config, yamlOf(lmsUrl, stateUrl, options));
    const place: Place = {
      folder,
      config,
      lmsUrl: lms.url,
      stateUrl,
      load,
      zulip,
      withoutAccount,
      watch: (more = {}) => new Watcher("watch", config, { secrets: [zulip.bot.apiKey], ...more }),
      openState: () => openState({ url: stateUrl, password: null }),
      consult: async (changes = {}) => {
        await using db = await place.openState();
        const accountOf = (mentor: number) => zulip.realm.userByLogin(emails.get(mentor) ?? "")?.id ?? null;
        const { mentorsOf } = stuff;
        return await consult({ load, mentorsOf, zulip, withoutAccount, accountOf, sql: db.sql, ...changes });
      },
      moves: (events, timeoutMs) =>
        until(async () => ((await place.consult().catch(() => null))?.events ?? 0) > events, timeoutMs, 500),
      settle: (how = {}) => settle(run, place, how),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
    return place;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function makeLms({ lmsServer }: PlaceOptions, stack: AsyncDisposableStack): Promise<{ readonly url: string }> {
  if (lmsServer !== undefined) return { url: lmsServer };
  const server = await realPostgres();
  if (server === null) throw new Error("Cannot run: chaos needs a PostgreSQL server for the LMS");
  const database = await server.createDatabase("chaos_lms");
  stack.defer(() => database.drop());
  return database;
}

async function makeState(choice: StateChoice, folder: string, stack: AsyncDisposableStack): Promise<string> {
  if (choice === "embedded") return `pglite:${await createStateDirectory(`${folder}/state`)}`;
  const database = await createServerDatabase(true);
  stack.defer(() => database.drop());
  return database.url;
}

function yamlOf(lmsUrl: string, stateUrl: string, options: PlaceOptions): string {
  return `lms:
  name: testpress
  url: "${lmsUrl}"
  ${options.lms ?? ""}
  links: {exam_attempt: "https://lms.example/attempts/{attempt_id}"}
state: {url: "${stateUrl}"}
poll: {interval: ${(options.intervalMs ?? 1000) / 1000}s, full_pass: 2s${options.poll ? `, ${options.poll}` : ""}}
notify:
  digest: {events: [exam_started, content_started, content_completed, content_watched], at: []}
  gather: 0
  max_per_mentor: null
  max_age: ${options.maxAge ?? "null"}
  mentor_grace: 1s
  account_grace: 1s
  fuse: ${options.fuse ?? "null"}
  revisions: score
  timezone: Europe/London
${options.notify ?? ""}
zulip: {config_file: zuliprc, ${options.zulip ?? "request_timeout: 3s, settle: 2s"}}
users: {cache: 5s}
log: {level: info, format: json}
${options.yaml ?? ""}
`;
}

/** Nothing new for this long: whatever is missing is missing. */
const STALL_MS = 70_000;

async function settle(run: ChaosRun, place: Place, options: SettleOptions): Promise<Verdict> {
  const watcher = options.running ?? place.watch(options.watcher);
  await using _ended = options.running ? null : watcher;
  await watcher.untilSays("Polling testpress");
  const end = performance.now() + (options.timeoutMs ?? 2 * PATIENCE_MS);
  let last = "";
  let movedMs = performance.now();
  let verdict: Verdict | null = null;
  let unreadable = 0;
  while (
    performance.now() < end && performance.now() - movedMs < (options.stallMs ?? STALL_MS) && watcher.ended === null
  ) {
    await sleep(300);
    verdict = await place.consult(options.oracle).catch(() => null); // a state that nobody owns yet
    if (verdict === null) {
      unreadable++;
      continue;
    }
    unreadable = 0;
    if (verdict.problems.length === 0 && verdict.open === 0) break;
    const now = JSON.stringify([verdict.events, verdict.open, verdict.messages, verdict.problems.length]);
    if (now !== last) movedMs = performance.now();
    last = now;
  }
  const stalled = `nothing moved for ${
    ((performance.now() - movedMs) / 1000).toFixed(0)
  } s, ${unreadable} readings failed`;
  // Once more after a full pass and a round: what would be told twice is told now.
  await sleep(options.quietMs ?? 3_000);
  if (watcher.ended !== null) run.fail(`the last watch ended by itself\n${watcher.log.slice(-20).join("\n")}`);
  if (!options.running) {
    const { code } = await watcher.end("SIGTERM");
    if (code !== 0) run.fail(`watch ended with ${code} after SIGTERM\n${watcher.log.slice(-20).join("\n")}`);
  }
  if (watcher.leaks.length > 0) run.fail("a secret stands in a log");
  verdict = await place.consult(options.oracle);
  const open = verdict.open > 0
    ? [`${verdict.open} deliveries are still under way`, ...verdict.underWay.slice(0, 5)]
    : [];
  const problems = [...verdict.problems, ...open];
  if (problems.length > 0) {
    run.lastWords(`${stalled}; last words of the last watch:\n${watcher.log.slice(-60).join("\n")}`);
  }
  run.failAll(problems);
  if (options.onTheWay) return verdict;
  run.tally.rows += verdict.rows;
  run.tally.events += verdict.events;
  run.tally.deliveries += verdict.deliveries;
  run.tally.messages += verdict.messages;
  run.tally.lost += verdict.lost;
  run.tally.duplicated += verdict.duplicated;
  run.tally.ended += Object.values(verdict.ended).reduce((sum, n) => sum + n, 0);
  const ended = Object.entries(verdict.ended).map(([reason, n]) => `${n} ${reason}`).join(", ");
  run.say(
    `  ${verdict.rows} rows, ${verdict.events} events, ${verdict.deliveries} deliveries, ${verdict.messages} messages; ` +
      `ended without: ${ended || "none"}; ${verdict.lost} lost, ${verdict.duplicated} duplicated`,
  );
  return verdict;
}
