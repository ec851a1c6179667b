import {
  accountsToPreview,
  eventsToPreview,
  type PreviewAccountRow,
  type PreviewRow,
} from "../../sql/state/preview.ts";
import type { Config } from "../config/config.ts";
import { eventTypeOf } from "../model/event_types.ts";
import { readConstants } from "../insights/constants_file.ts";
import type { Person } from "../model/person.ts";
import { mentorRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import { planTelling } from "../tell/plan.ts";
import { type PreviewedDelivery, previewReader } from "../tell/preview_day.ts";
import { onDay } from "../tell/times_of_day.ts";
import { callsOf } from "../tell/write_letters.ts";
import { counted } from "../text/counted.ts";
import { localDay } from "../text/local_time.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { PreviewOptions } from "./command_options.ts";
import { hideErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

const PAGE = 5000;

/** `preview`: a stored day through the configuration as it is now. Nothing is sent, and nothing is written. */
export async function runPreview(context: CommandContext, options: PreviewOptions): Promise<void> {
  const { config } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  await hideErased(context, db);
  await using out = ownKeyOutput(context.out, db);
  const day = await previewDay(db, config, options);
  const weekly = await weeklyOf(db, context, options.since);
  const { since, until } = options;
  if (options.json) {
    const between = { source: config.source.name, since_at: jsonTime(since), until_at: jsonTime(until) };
    return out.writeJson(commandJson("preview", { ...between, ...day, weekly_messages: weekly }));
  }
  out.writeLine(`${counted(day.events, "event")} of that day, by the configuration as it is now; nothing is sent`);
  out.writeLine(
    `${counted(day.messages, "message")} to ${counted(day.mentors, "mentor")}: median ${day.median}, most ${day.most}${
      day.most_mentor_id === null ? "" : ` (mentor ${day.most_mentor_id})`
    }`,
  );
  const list = (title: string, counts: Readonly<Record<string, number>>) => {
    const parts = Object.entries(counts).map(([reason, n]) => `${reason} ${n.toLocaleString("en")}`);
    out.writeLine(`${title}: ${parts.length === 0 ? "none" : parts.join(", ")}`);
  };
  list("Events told to nobody", day.events_not_told);
  list("Deliveries held back for good", day.deliveries_not_told);
  list("Deliveries put off", day.put_off);
  out.writeLine(`Weekly messages, beside those above: ${weekly ?? "none, insights.tell is null"}`);
}

/** How many mentors a weekly message would reach that day, by what was told before it; `null`: it is off. */
async function weeklyOf(db: StateDb, { config, clock }: CommandContext, since: EpochMicros): Promise<number | null> {
  const { insights, notify, students, source: { name: source } } = config;
  const tell = notify.enabled ? insights?.tell ?? null : null;
  if (tell === null) return null;
  const day = localDay(since, notify.timezone);
  if (day.dayOfWeek !== tell.weekday) return 0;
  const week = {
    source,
    day: day.toString(),
    judgedDay: day.subtract({ days: 1 }).toString(),
    now: clock.now(),
  };
  const constants = await readConstants(insights?.constants ?? null);
  const seen = Math.min(week.now, onDay(day, tell.at, notify.timezone));
  const calls = await callsOf(db, week, { tell, constants, notify, students }, seen);
  return new Set(calls.map(({ mentor }) => mentor)).size;
}

/** The numbers of a preview. */
export async function previewDay(db: StateDb, config: Config, span: Pick<PreviewOptions, "since" | "until">) {
  const source = config.source.name;
  const accounts = new Map((await accountsToPreview(db.sql, source)).map((row) => [row.person_id, row]));
  const readers = new Map<string, PreviewedDelivery[]>();
  const eventsNotTold = new Map<string, number>();
  const deliveriesNotTold = new Map<string, number>();
  const putOff = new Map<string, number>();
  let events = 0;
  for await (const row of eventsOf(db, source, span)) {
    events++;
    const fate = fateOf(row, accounts, config);
    if (fate.eventNotTold !== null) add(eventsNotTold, fate.eventNotTold);
    for (const reason of fate.deliveriesNotTold) add(deliveriesNotTold, reason);
    for (const { mentor, delivery } of fate.told) {
      readers.getOrInsertComputed(mentor, () => []).push(delivery);
      if (fate.isPutOff) add(putOff, "digest");
    }
  }
  const results = [...readers].map(([mentor, deliveries]) => ({
    mentor,
    ...previewReader(deliveries, config.notify, accounts.get(mentor)?.timezone ?? null),
  })).toSorted((a, b) => b.messages - a.messages);
  for (const result of results) {
    for (const [reason, n] of result.putOff) add(putOff, reason, n);
    if (result.finishedSince > 0) add(deliveriesNotTold, "finished_since", result.finishedSince);
  }
  const [first] = results;
  return {
    events,
    messages: results.reduce((sum, { messages }) => sum + messages, 0),
    mentors: results.length,
    median: results[Math.floor(results.length / 2)]?.messages ?? 0,
    most: first?.messages ?? 0,
    most_mentor_id: first === undefined ? null : BigInt(first.mentor),
    events_not_told: Object.fromEntries(eventsNotTold),
    deliveries_not_told: Object.fromEntries(deliveriesNotTold),
    put_off: Object.fromEntries(putOff),
  };
}

async function* eventsOf(
  db: StateDb,
  source: string,
  { since, until }: Pick<PreviewOptions, "since" | "until">,
): AsyncGenerator<PreviewRow> {
  let [from, after] = [since, "0"];
  for (let page = PAGE; page === PAGE;) {
    const rows = await eventsToPreview(db.sql, source, { since: from, until, after, limit: PAGE });
    const last = rows.at(-1);
    page = rows.length;
    if (last !== undefined) [from, after] = [Number(last.occurred_us), last.event_id];
    yield* rows;
  }
}

/** What becomes of one event. */
interface Fate {
  /** Why nobody is told; `null`: somebody may be, or it is an event that this lmsmon does not know. */
  readonly eventNotTold: string | null;
  /** Why a mentor is not told, once for each. */
  readonly deliveriesNotTold: readonly string[];
  readonly told: readonly { readonly mentor: string; readonly delivery: PreviewedDelivery }[];
  /** All of it waits for a digest time from the start. */
  readonly isPutOff: boolean;
}

/** Pure. Mentors with one account are one reader. */
function fateOf(row: PreviewRow, accounts: ReadonlyMap<string, PreviewAccountRow>, config: Config): Fate {
  const nobody = { deliveriesNotTold: [], told: [], isPutOff: false };
  const plan = planOf(row, config);
  if (plan === null) return { ...nobody, eventNotTold: null };
  if (plan.tell === null) return { ...nobody, eventNotTold: plan.suppressed };
  if (row.mentor_ids.length === 0) return { ...nobody, eventNotTold: "no_mentor" };
  const seen = new Set<string>();
  const deliveriesNotTold: string[] = [];
  const told: { mentor: string; delivery: PreviewedDelivery }[] = [];
  for (const mentor of row.mentor_ids) {
    const account = accounts.get(mentor);
    // Never looked for: taken to have one, as a dry run does.
    const reader = account === undefined ? mentorRecipient(mentor) : account.zulip_user_id;
    if (reader === null) deliveriesNotTold.push("no_account");
    else if (seen.has(reader)) deliveriesNotTold.push("duplicate");
    else {
      seen.add(reader);
      told.push({ mentor, delivery: deliveryOf(row, mentor, plan.tell) });
    }
  }
  return { eventNotTold: null, deliveriesNotTold, told, isPutOff: plan.tell.status === "waiting" };
}

/** As at detection, at the moment at which it happened: as if lmsmon had seen it at once. */
function planOf(row: PreviewRow, config: Config) {
  const type = eventTypeOf(row.event_type);
  if (type === null) return null;
  const occurredAt = Number(row.occurred_us);
  const student: Person | null = row.student_id === null || row.active === null ? null : {
    role: "student",
    id: row.student_id,
    username: row.username,
    email: null,
    name: null,
    active: row.active,
    batchIds: row.batch_ids ?? [],
  };
  return planTelling(
    { type, change: row.change, firstSeen: true, revision: row.revision, occurredAt },
    { verdict: row.verdict, graded: row.graded, studentUsername: row.username },
    student,
    { firstContact: false, notifyHistory: false, now: occurredAt, notify: config.notify, students: config.students },
  );
}

function deliveryOf(
  row: PreviewRow,
  mentor: string,
  tell: { readonly dueAt: number; readonly reason: string | null },
): PreviewedDelivery {
  const type = eventTypeOf(row.event_type) ?? "exam_completed";
  return {
    recipient: mentorRecipient(mentor),
    type,
    dueAt: tell.dueAt,
    planned: tell.reason === "digest",
    attempt: `${row.kind} ${row.attempt_id} ${row.incarnation}`,
    isStart: row.stage === "started",
  };
}

function add(counts: Map<string, number>, reason: string, n = 1): void {
  counts.set(reason, (counts.get(reason) ?? 0) + n);
}
