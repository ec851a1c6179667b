import { eventsAfter, stateTotals } from "../../sql/state/events_after.ts";
import type { Config } from "../config/config.ts";
import { openEmbeddedLms } from "../demo/embedded_lms.ts";
import { makeInstitute } from "../demo/institute.ts";
import type { DemoStep } from "../demo/people_and_courses.ts";
import { LmsWriter } from "../demo/lms_writer.ts";
import { startZulipStandIn, type ZulipStandIn } from "../stand_in/zulip_stand_in.ts";
import { openLms } from "../source/open_lms.ts";
import { createNotifier } from "../tell/notifier.ts";
import type { Clock } from "../base/clock.ts";
import { logger, setUpLogging } from "../base/log.ts";
import { type Output, printable } from "../base/output.ts";
import { Secret } from "../base/secrets.ts";
import { OpenParts } from "./open_parts.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { DemoOptions } from "./command_options.ts";
import { watch } from "./watch.ts";

const INTERVAL_MS = 1000;
/** Rounds after the last change: one finds it, two gather what follows a message, one tells it. */
const LAST_ROUNDS = 5;

/** `demo`: the real `watch` over an embedded LMS that a seeded institute fills, an embedded state, and a Zulip stand-in. */
export async function runDemo(context: CommandContext, { seed }: DemoOptions): Promise<void> {
  const { out, clock, stop } = context;
  setUpLogging({ level: "warning", format: "auto" });
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "lmsmon-demo-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));

  out.writeLine(
    `Making up an institute (seed ${seed}): an embedded LMS, an embedded state, a Zulip stand-in. No server is used.`,
  );
  const institute = makeInstitute(seed, clock.now());
  const lmsDb = await openEmbeddedLms(null);
  stack.defer(() => lmsDb.close());
  const writer = new LmsWriter({ dialect: "postgres", execute: (statement) => lmsDb.sql.unsafe(statement) });
  await writer.createSchema();
  for (const { table, row } of institute.history) await writer.insert(table, row);
  const zulip = await startZulipStandIn({
    users: institute.mentors.map(({ email, name }) => ({ email, fullName: name })),
  });
  stack.defer(() => zulip.close());

  const config = demoConfig(context.config, zulip, directory);
  const parts = stack.use(new OpenParts(config));
  const db = await parts.state();
  const lms = await openLms(config.lms, { sql: lmsDb.sql });
  stack.defer(() => lms.close());
  const notifier = createNotifier({ db, zulip: parts.zulip(), config, clock, log: logger("notify"), source: lms.name });

  const show = new Show(out, db, zulip, lms.name);
  const end = new AbortController();
  const soft = AbortSignal.any([stop.soft, end.signal]);
  const firstPoll = Promise.withResolvers<void>();
  const shown: Promise<void>[] = [];
  const watching = watch({ ...context, config, stop: { soft, hard: stop.hard } }, {
    db,
    lms,
    notifier,
    acceptSource: false,
    onPoll: ({ tally, firstContact }) => {
      if (firstContact.length > 0) {
        out.writeLine(`First contact: ${tally.events} events of the past are stored, and nobody is told about them.\n`);
        firstPoll.resolve();
      }
      shown.push(show.events());
    },
  });
  await Promise.race([firstPoll.promise, watching]);
  await play(institute.timeline, writer, clock, soft);
  await clock.sleep(LAST_ROUNDS * INTERVAL_MS, soft);
  end.abort();
  await watching;
  await Promise.all(shown);
  await show.events();
  await show.summary();
}

/** Applies the steps at their times, so that several fall into one poll. */
async function play(timeline: readonly DemoStep[], writer: LmsWriter, clock: Clock, stop: AbortSignal): Promise<void> {
  const beganMs = clock.monotonicMs();
  for (const { atS, table, op, row } of timeline) {
    await clock.sleep(atS * 1000 - (clock.monotonicMs() - beganMs), stop);
    if (stop.aborted) return;
    const { id, ...values } = row;
    if (op === "insert") await writer.insert(table, row);
    else await writer.update(table, Number(id), values);
  }
}

/** The defaults, with seconds where they have minutes, so that all of it can be seen in one short run. */
function demoConfig(config: Config, zulip: ZulipStandIn, directory: string): Config {
  return {
    ...config,
    source: { ...config.source, links: { exam_attempt: "https://inst.example/attempts/{attempt_id}" } },
    lms: { ...config.lms, url: "pglite:memory" },
    state: { url: `pglite:${directory}/state`, password: null },
    poll: { ...config.poll, intervalMs: INTERVAL_MS, fullPassMs: 4 * INTERVAL_MS },
    notify: {
      ...config.notify,
      digest: { ...config.notify.digest, at: [] },
      gatherMs: 2 * INTERVAL_MS,
      quiet: null,
      maxPerMentor: null,
    },
    zulip: {
      ...config.zulip,
      configFile: null,
      site: zulip.site,
      email: zulip.bot.email,
      apiKey: new Secret(zulip.bot.apiKey),
      apiKeyFile: null,
    },
  };
}

/** Prints events as they are found and direct messages as they arrive. */
class Show {
  #lastEvent = "0";
  #shownMessages = 0;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly out: Output,
    private readonly db: StateDb,
    private readonly zulip: ZulipStandIn,
    private readonly source: string,
  ) {}

  /** One at a time, in order. */
  events(): Promise<void> {
    this.#queue = this.#queue.then(() => this.#print());
    return this.#queue;
  }

  async #print(): Promise<void> {
    for (const event of await eventsAfter(this.db.sql, this.source, this.#lastEvent, 1000)) {
      this.#lastEvent = event.event_id;
      const score = event.score === null ? "" : `, ${event.score}`;
      this.out.writeLine(
        printable(`event ${event.event_id}  ${event.event_type.padEnd(17)} ${event.student}: ${event.title}${score}`),
      );
    }
    for (const message of this.zulip.messages.slice(this.#shownMessages)) {
      this.#shownMessages++;
      const mentor = message.participants.find((id) => id !== this.zulip.bot.id);
      const name = this.zulip.realm.users.get(mentor ?? 0)?.fullName ?? "a mentor";
      this.out.writeLine(`\n  ┌ Zulip, to ${printable(name)}`);
      for (const line of terminalText(message.content).split("\n")) this.out.writeLine(`  │ ${printable(line)}`);
      this.out.writeLine("  └\n");
    }
  }

  async summary(): Promise<void> {
    const [totals] = await stateTotals(this.db.sql, this.source);
    if (!totals) return;
    const { events, live, told, sent, waiting, other } = totals;
    const mentors = new Set(this.zulip.messages.map((message) => message.participants.join()));
    this.out.writeLine(
      `Done: ${events} events stored (${
        events - live
      } of the past, ${live} live); ${told} things to tell: ${sent} told in ` +
        `${this.zulip.messages.length} messages to ${mentors.size} mentors, ${waiting} still waiting, ${other} not sent.`,
    );
  }
}

/** A message roughly as Zulip shows it: entities decoded, emphasis and link targets gone. For a terminal. */
function terminalText(markdown: string): string {
  return markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*\*(.+?)\*\*/g, "$1")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
