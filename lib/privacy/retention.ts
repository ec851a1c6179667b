import { z } from "zod";
import { allowActsToChange, forbidActsToChange } from "../../sql/state/erase_acts.ts";
import { readFact, writeFact } from "../../sql/state/facts.ts";
import { preferIndexes } from "../../sql/state/recipients.ts";
import {
  countOldActs,
  oldEvents,
  oldTexts,
  type RetentionBatch,
  takeActs,
  takeEvents,
  takeLetters,
  type TakenRow,
  takeTexts,
} from "../../sql/state/retention.ts";
import type { Clock } from "../base/clock.ts";
import { LeaseLostError, StoppedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { RetentionConfig } from "../config/config.ts";
import type { EpochMicros } from "../model/time.ts";
import { fenced } from "../state/fenced.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb, Transaction } from "../state/state_db.ts";

const DAY_US = 24 * 3_600_000_000;
/** Rows that one transaction looks at. */
const BATCH = 500;
/** After trouble: not with every poll. */
const AGAIN_US = 3_600_000_000;

/** What the last whole sweep took. */
const lastRetention = z.object({
  /** Microseconds. */
  at: z.number(),
  events: z.number(),
  /** Weekly messages. */
  letters: z.number().default(0),
  message_texts: z.number(),
  acts: z.number(),
  /** The highest id of an event that was ever taken; decimal text. */
  highest_event: z.string(),
});
export type LastRetention = z.infer<typeof lastRetention>;

export const parseRetention = (value: unknown): LastRetention | null => lastRetention.safeParse(value).data ?? null;

/** `null`: nothing was ever taken. */
export async function readRetention({ sql }: Pick<StateDb, "sql">, source: string): Promise<LastRetention | null> {
  const [row] = await readFact(sql, source, "retention");
  return row === undefined ? null : parseRetention(row.value);
}

export interface RetentionDeps {
  readonly db: StateDb;
  readonly clock: Clock;
  readonly log: Logger;
  readonly source: string;
  readonly keep: RetentionConfig;
  /** A slice of work between two polls; the rest comes after the next one. Milliseconds. */
  readonly sliceMs: number;
  readonly batch?: number;
}

type Part = "events" | "letters" | "message_texts" | "acts";

/** What one sweep has still to look at, and what it took so far. */
interface Sweep {
  readonly at: EpochMicros;
  readonly taken: Record<Part, number>;
  highestEvent: string;
  part: Part | null;
  /** The ids of this part that are still to be looked at; `null`: not asked for yet. */
  range: { readonly after: string; readonly upTo: string } | null;
}

const NEXT: Readonly<Record<Part, Part | null>> = {
  events: "letters",
  letters: "message_texts",
  message_texts: "acts",
  acts: null,
};

/** Once a day takes away what is older than `retention` says, under the lease of the poll that it follows. One instance a process. */
export class Retention {
  #sweep: Sweep | null = null;
  #notBefore = 0;

  constructor(private readonly deps: RetentionDeps) {}

  /** Trouble is logged and tried again later: no poll fails for it. Throws only when the lease was lost. */
  async afterPoll(lease: Lease, signal: AbortSignal): Promise<void> {
    const { clock, keep, log } = this.deps;
    if (keep.eventsMs === null && keep.messageTextMs === null && keep.auditMs === null) return;
    if (clock.now() < this.#notBefore) return;
    try {
      await this.#go(lease, signal);
    } catch (error) {
      if (signal.aborted || error instanceof StoppedError) return;
      if (error instanceof LeaseLostError) throw error;
      this.#sweep = null;
      this.#notBefore = clock.now() + AGAIN_US;
      log.warn("Cannot take away what is older than retention says; tried again in an hour", { error });
    }
  }

  async #go(lease: Lease, signal: AbortSignal): Promise<void> {
    const { db, clock, source, sliceMs, log } = this.deps;
    const sweep = this.#sweep ??= await this.#begin();
    if (sweep === null) return;
    const untilMs = clock.monotonicMs() + sliceMs;
    while (sweep.part !== null) {
      if (signal.aborted || clock.monotonicMs() > untilMs) return;
      const { taken, last, highest } = await this.#batch(lease, sweep, sweep.part);
      sweep.taken[sweep.part] += taken;
      if (sweep.part === "events" && highest !== null) sweep.highestEvent = highest;
      if (last === null || sweep.range === null) {
        sweep.part = NEXT[sweep.part];
        sweep.range = null;
      } else sweep.range = { ...sweep.range, after: last };
    }
    const done: LastRetention = { at: sweep.at, ...sweep.taken, highest_event: sweep.highestEvent };
    await fenced(db, lease, (tx) => writeFact(tx, source, "retention", JSON.stringify(done)).execute(), clock);
    this.#sweep = null;
    this.#notBefore = sweep.at + DAY_US;
    log.info("Taken away as older than retention says: {events} events, texts of {texts} messages, {acts} acts", {
      events: done.events,
      texts: done.message_texts,
      acts: done.acts,
    });
  }

  /** `null`: it was done less than a day ago, by whatever process. */
  async #begin(): Promise<Sweep | null> {
    const { db, clock, source } = this.deps;
    const last = await readRetention(db, source);
    const now = clock.now();
    if (last !== null && now < last.at + DAY_US) {
      this.#notBefore = last.at + DAY_US;
      return null;
    }
    const taken = { events: 0, letters: 0, message_texts: 0, acts: 0 };
    return { at: now, taken, highestEvent: last?.highest_event ?? "0", part: "events", range: null };
  }

  async #batch(lease: Lease, sweep: Sweep, part: Part): Promise<TakenRow> {
    const { db, clock, source, keep, batch: limit = BATCH } = this.deps;
    const nothing = { taken: 0, last: null, highest: null };
    const { eventsMs, messageTextMs, auditMs } = keep;
    const keepMs = { events: eventsMs, letters: eventsMs, message_texts: messageTextMs, acts: auditMs }[part];
    if (keepMs === null) return nothing;
    const before = sweep.at - keepMs * 1000;
    sweep.range ??= await this.#oldRange(part, before);
    if (sweep.range === null) return nothing;
    const asked: RetentionBatch = { source, before, ...sweep.range, limit };
    const take = { events: takeEvents, letters: takeLetters, message_texts: takeTexts, acts: takeOldActs }[part];
    const [row] = await fenced(db, lease, async (tx) => {
      await preferIndexes(tx);
      return await take(tx, asked);
    }, clock);
    return row ?? nothing;
  }

  /** Once a sweep: rows are looked at where there is something old, and no further. */
  async #oldRange(part: Part, before: EpochMicros): Promise<Sweep["range"]> {
    const { sql } = this.deps.db;
    const { source } = this.deps;
    if (part === "acts") {
      const [old] = await countOldActs(sql, source, before);
      return old === undefined || old.acts === "0" ? null : { after: "0", upTo: "0" };
    }
    if (part === "letters") return { after: "0", upTo: "0" }; // few rows: one a mentor and week
    const [found] = await (part === "events" ? oldEvents : oldTexts)(sql, source, before);
    const { after = null, up_to: upTo = null } = found ?? {};
    return after === null || upTo === null || BigInt(upTo) <= BigInt(after) ? null : { after, upTo };
  }
}

async function takeOldActs(tx: Transaction, asked: RetentionBatch): Promise<TakenRow[]> {
  await allowActsToChange(tx);
  const rows = await takeActs(tx, asked);
  await forbidActsToChange(tx);
  return [...rows];
}
