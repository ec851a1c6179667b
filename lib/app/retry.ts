import { explainedEvents } from "../../sql/state/explain.ts";
import { dissolveMessages } from "../../sql/state/messages.ts";
import { postponeMessages } from "../../sql/state/postpone.ts";
import { wakeRecipients } from "../../sql/state/recipients.ts";
import * as q from "../../sql/state/retry.ts";
import type { RetriableRow } from "../../sql/state/retry.ts";
import { retryLostRaces } from "../base/retry.ts";
import { findPerson } from "../people/find_person.ts";
import { mentorRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import { besideErasures } from "../privacy/beside_erasures.ts";
import { recordAct } from "../state/acts.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { recipientWords } from "../tell/reasons.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { RetryOptions } from "./command_options.ts";
import { noSuchEvent } from "./find_subject.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

/** Deliveries of one transaction. */
const PAGE = 1000;
const SHOWN = 20;

/**
 * `retry`: what Zulip refused is composed anew and sent again, without waiting for its next try. What was given up without an answer may be in
 * Zulip: it is looked up by its marker first.
 */
export async function runRetry(context: CommandContext, options: RetryOptions): Promise<void> {
  const { config, clock } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: options.dryRun });
  await using out = ownKeyOutput(context.out, db);
  const source = config.source.name;
  const { question, words } = await whatToRetry(db, source, options);
  const rows = await retryAll(db, source, question, {
    now: clock.now(),
    words,
    dryRun: options.dryRun,
    isStopped: () => context.stop.soft.aborted,
  });
  if (options.json) {
    return out.writeJson(commandJson("retry", {
      source,
      dry_run: options.dryRun,
      deliveries: rows.map((row) => ({
        event_id: BigInt(row.event_id),
        recipient: row.recipient,
        was: row.status,
        reason: row.reason,
        looked_up_first: isDoubtful(row),
      })),
    }));
  }
  if (rows.length === 0) {
    const whose = words.startsWith("--dead") ? "" : ` of ${words.replace(/^--/, "")}`;
    const what = question.deadOnly ? "was given up" : "was given up, was refused so far or waits for an account";
    return out.writeLine(`Nothing to retry: no delivery${whose} ${what}`);
  }
  for (const row of rows.slice(0, SHOWN)) {
    const why = row.reason === null ? "" : ` (${row.reason})`;
    const how = isDoubtful(row) ? ", looked up in Zulip first" : "";
    const what = options.dryRun ? "Would be tried again" : "Tried again";
    out.writeLine(`${what}: event ${row.event_id} to ${recipientWords(row.recipient)}, was ${row.status}${why}${how}`);
  }
  if (rows.length > SHOWN) out.writeLine(`… and ${(rows.length - SHOWN).toLocaleString("en")} more`);
  if (!options.dryRun) out.writeLine("They leave with the next round of watch or poll-once.");
}

async function whatToRetry(db: StateDb, source: string, options: RetryOptions) {
  const everything = { eventId: null, recipient: null, deadOnly: true };
  if (options.eventId !== null) {
    const [event] = await explainedEvents(db.sql, { source, eventId: options.eventId, limit: 1 });
    if (event === undefined) throw await noSuchEvent(db, source, options.eventId);
    const { dead } = options;
    return {
      question: { ...everything, eventId: options.eventId, deadOnly: dead },
      words: `--event ${options.eventId}`,
    };
  }
  if (options.mentor !== null) {
    const id = await findPerson(db.sql, source, "mentor", options.mentor);
    const { dead } = options;
    return { question: { ...everything, recipient: mentorRecipient(id), deadOnly: dead }, words: `--mentor ${id}` };
  }
  return { question: everything, words: "--dead" };
}

async function retryAll(
  db: StateDb,
  source: string,
  question: Omit<q.RetryQuestion, "limit" | "lock" | "after">,
  { now, words, dryRun, isStopped }: {
    readonly now: EpochMicros;
    readonly words: string;
    readonly dryRun: boolean;
    readonly isStopped: () => boolean;
  },
): Promise<RetriableRow[]> {
  const done: RetriableRow[] = [];
  while (!isStopped()) {
    const asked = { ...question, after: done.at(-1)?.log_id ?? null, limit: PAGE, lock: !dryRun };
    const rows = await retryLostRaces(() =>
      besideErasures(db, async (tx) => {
        const page = [...await q.retriable(tx, source, asked)];
        if (page.length === 0 || dryRun) return page;
        await retryRows(tx, source, page, now);
        const n = counted(page.length, "delivery", "deliveries");
        await recordAct(tx, { source, command: `retry ${words}`, effect: `${n} tried again` });
        return page;
      })
    );
    done.push(...rows);
    if (rows.length < PAGE) break;
  }
  return done;
}

async function retryRows(
  tx: Queryable,
  source: string,
  rows: readonly RetriableRow[],
  now: EpochMicros,
): Promise<void> {
  const doubtful = rows.filter(isDoubtful);
  const refused = rows.filter((row) => row.status === "dead" && !isDoubtful(row));
  const composed = messagesOf(rows.filter((row) => row.status === "pending"));
  const waiting = rows.filter((row) => row.status === "waiting");
  if (doubtful.length > 0) await q.reviveDoubtful(tx, messagesOf(doubtful), now);
  if (refused.length > 0) {
    await q.reviveRefused(tx, refused.map((row) => row.log_id), now);
    await q.dropEmptyMessages(tx, messagesOf(refused));
  }
  if (composed.length > 0) {
    // As a whole, since its text tells all of it; what was in doubt once keeps its text, and is only due at once.
    await dissolveMessages(tx, composed, now);
    await postponeMessages(tx, composed, now, null);
  }
  if (waiting.length > 0) await q.hurryWaiting(tx, waiting.map((row) => row.log_id), now);
  await wakeRecipients(tx, source, [...new Set(rows.flatMap((row) => row.recipient ?? []))], now);
}

const messagesOf = (rows: readonly RetriableRow[]) => [...new Set(rows.flatMap((row) => row.message_id ?? []))];

/** It may have arrived: nobody ever got an answer. */
const isDoubtful = ({ status, reason }: RetriableRow) => status === "dead" && reason !== "refused";
