import { deliveryCounts, finishCounts, firstContactDone, startedCount } from "./replay_counts.ts";
import type { LmsWriter } from "../../../lib/demo/lms_writer.ts";
import { startZulipStandIn, UNLIMITED } from "../../../lib/stand_in/zulip_stand_in.ts";
import { markersIn } from "../../../lib/model/marker.ts";
import { openState } from "../../../lib/state/open_state.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import type { Term, TermDay } from "./oulad_term.ts";

export interface ReplayTarget {
  readonly lmsUrl: string;
  readonly writer: LmsWriter;
  /** Statements of the writer's own connection: begin, commit. */
  readonly execute: (statement: string) => Promise<unknown>;
  readonly stateUrl: string;
}

export interface ReplayOptions {
  /** 0: as fast as the LMS takes it. */
  readonly daysPerSecond: number;
  readonly say: (line: string) => void;
}

/** What came of a term, to be held against `Term.facts`. */
export interface ReplayCounts {
  readonly submissions: number;
  readonly passed: number;
  readonly failed: number;
  readonly unmarked: number;
  readonly contentFinished: number;
  readonly contentWatched: number;
  /** Finishes reported more than once. */
  readonly doubled: number;
  readonly started: number;
  readonly deliveries: Readonly<Record<string, number>>;
  readonly messages: number;
  /** Markers in Zulip, and how many stand there more than once. */
  readonly markers: number;
  readonly markersDoubled: number;
}

const POLL_MS = 250;
/** Nothing new for this long: whatever is missing is missing. */
const STALL_MS = 60_000;

/** Plays a term into the LMS while a real `lmsmon watch` process looks on, and counts what came of it. */
export async function replayTerm(term: Term, target: ReplayTarget, options: ReplayOptions): Promise<ReplayCounts> {
  await using stack = new AsyncDisposableStack();
  const { writer } = target;
  await writer.createSchema();
  for (const { table, rows } of term.people) await writer.insert(table, rows);
  const zulip = await startZulipStandIn({
    rateLimit: UNLIMITED,
    users: term.mentors.map(({ email, name }) => ({ email, fullName: name })),
  });
  stack.defer(() => zulip.close());
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-replay-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/zuliprc`, zulip.zuliprc(), { mode: 0o600 });
  await Deno.writeTextFile(`${folder}/config.yaml`, configOf(target));
  const watch = startWatch(`${folder}/config.yaml`);
  stack.defer(() => watch.stop());
  const db = stack.use(await openWhenReady(target.stateUrl, watch));

  while (!(await firstContactDone(db.sql, "testpress"))[0]?.done) {
    watch.mustRun();
    await sleep(POLL_MS);
  }
  options.say(`watching (process ${watch.pid}); playing ${term.days.length} days`);
  for (const day of term.days) {
    const began = performance.now();
    await playDay(target, day);
    watch.mustRun();
    if (options.daysPerSecond > 0) await sleep(1000 / options.daysPerSecond - (performance.now() - began));
  }
  options.say("the term is over; waiting for the last events and messages");
  await settled(db, term, watch);
  const delivered = new Map<string, number>();
  for (const { content, participants } of zulip.messages) {
    for (const marker of markersIn(content)) {
      const told = `${participants} ${marker}`; // the first signs of a marker are of one recipient's
      delivered.set(told, (delivered.get(told) ?? 0) + 1);
    }
  }
  return {
    ...await count(db),
    messages: zulip.messages.length,
    markers: delivered.size,
    markersDoubled: doubled(delivered),
  };
}

const doubled = (counts: ReadonlyMap<string, number>) => [...counts.values()].filter((n) => n > 1).length;

/** One day is one transaction, as a sync would write it. */
async function playDay({ writer, execute }: ReplayTarget, { attempts, contentAttempts }: TermDay): Promise<void> {
  await execute("begin");
  await writer.insert("attempts", attempts.inserts);
  await writer.insert("content_attempts", contentAttempts.inserts);
  for (const { id, ...values } of attempts.updates) await writer.update("attempts", Number(id), values);
  for (const { id, ...values } of contentAttempts.updates) await writer.update("content_attempts", Number(id), values);
  await execute("commit");
}

function configOf({ lmsUrl, stateUrl }: ReplayTarget): string {
  return `lms: {name: testpress, url: "${lmsUrl}"}
state: {url: "${stateUrl}"}
poll: {interval: 1s, full_pass: 3s}
notify:
  digest: {at: []}
  gather: 0
  max_per_mentor: null
  max_age: null
  fuse: null
  timezone: Europe/London
zulip: {config_file: zuliprc}
log: {level: info, format: json}
`;
}

interface WatchProcess {
  readonly pid: number;
  /** Throws with what it said when it has ended. */
  mustRun(): void;
  stop(): Promise<void>;
}

function startWatch(config: string): WatchProcess {
  const main = new URL("../../../main.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", main, "watch", "--config", config],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said: string[] = [];
  let ended = false;
  const reading = (async () => {
    for await (const chunk of process.stderr.pipeThrough(new TextDecoderStream())) {
      said.push(chunk);
      if (said.length > 200) said.splice(0, 100);
    }
  })();
  process.status.then(() => ended = true);
  return {
    pid: process.pid,
    mustRun: () => {
      if (ended) throw new Error(`Cannot go on: watch ended\n${said.join("")}`);
    },
    stop: async () => {
      if (!ended) process.kill("SIGTERM");
      await process.status;
      await reading;
    },
  };
}

/** The daemon migrates an embedded state and owns it; a server is migrated here, since nobody ran `migrate`. */
async function openWhenReady(stateUrl: string, watch: WatchProcess): Promise<StateDb> {
  if (!stateUrl.startsWith("pglite:")) {
    return await openState({ url: stateUrl, password: null }, { migrate: "require" });
  }
  const directory = stateUrl.slice("pglite:".length);
  while (true) {
    watch.mustRun();
    const created = await Deno.stat(`${directory}/lmsmon.sock`).then(() => true, () => false);
    if (created) return await openState({ url: stateUrl, password: null });
    await sleep(POLL_MS);
  }
}

async function settled(db: StateDb, term: Term, watch: WatchProcess): Promise<void> {
  let last = "";
  let since = performance.now();
  while (true) {
    watch.mustRun();
    const counts = await count(db);
    const open = ["waiting", "pending", "sending", "unknown"].reduce(
      (sum, status) => sum + (counts.deliveries[status] ?? 0),
      0,
    );
    const complete = counts.submissions >= term.facts.submissions &&
      counts.contentFinished >= term.facts.contentFinished;
    if (complete && open === 0) return;
    const now = JSON.stringify(counts);
    if (now !== last) since = performance.now();
    last = now;
    if (performance.now() - since > STALL_MS) return;
    await sleep(POLL_MS);
  }
}

async function count(db: StateDb) {
  const finishes = await finishCounts(db.sql, "testpress");
  const of = (type: string) => finishes.find((row) => row.event_type === type)?.attempts ?? 0;
  const sum = (kind: string) => finishes.filter((row) => row.kind === kind).reduce((n, row) => n + row.attempts, 0);
  const deliveries: Record<string, number> = {};
  for (const { status, reason, n } of await deliveryCounts(db.sql, "testpress")) {
    // A start whose finish is in the same message is no loss.
    const name = reason === "finished_since" ? reason : status;
    deliveries[name] = (deliveries[name] ?? 0) + n;
  }
  return {
    submissions: sum("exam"),
    passed: of("exam_passed"),
    failed: of("exam_failed"),
    unmarked: of("exam_completed"),
    contentFinished: sum("content"),
    contentWatched: of("content_watched"),
    doubled: finishes.reduce((n, row) => n + row.first_reports - row.attempts, 0),
    started: (await startedCount(db.sql, "testpress"))[0]?.n ?? 0,
    deliveries,
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
