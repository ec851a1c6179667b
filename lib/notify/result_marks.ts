import { giveBackMessages, markDead, markRefused, markSent, markUnknown } from "../../sql/state/messages.ts";
import type { EpochMicros } from "../model/time.ts";
import { failPoint } from "../ops/fail_point.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

/** What is to be written down about one message after its turn. */
export type Mark =
  | { readonly mark: "sent"; readonly messageId: string; readonly zulipMessageId: string }
  /** `unsent`: it provably never reached Zulip, in this turn or an earlier one. */
  | {
    readonly mark: "given_back";
    readonly messageId: string;
    readonly nextAttemptAt: EpochMicros;
    readonly unsent: boolean;
  }
  | {
    readonly mark: "unknown";
    readonly messageId: string;
    readonly lookUpAt: EpochMicros;
    readonly counted: boolean;
    readonly reason: string;
  }
  | {
    readonly mark: "refused";
    readonly messageId: string;
    readonly nextAttemptAt: EpochMicros;
    readonly error: string;
  }
  | { readonly mark: "dead"; readonly messageId: string; readonly reason: string; readonly error: string };

type Of<K extends Mark["mark"]> = Extract<Mark, { mark: K }>;

/** Outcomes written together, or those of so many milliseconds. */
const GROUP = 256;
const GROUP_MS = 50;

/** Pauses between tries to write an outcome down while the state database is away; a claim outlives them hardly. */
const RETRY_MS = [100, 1000, 3000];

/**
 * Writes outcomes in groups: what comes in while one group is being written makes the next. So a fast Zulip costs few
 * transactions, and a slow one leaves no outcome unwritten for long.
 */
export class ResultMarks {
  readonly #deps: NotifierDeps;
  readonly #holder: string;
  readonly #losses: number;
  #queue: Mark[] = [];
  #writing: Promise<void> | null = null;
  #hurry = new AbortController();
  #closing = false;
  #failed: { readonly error: unknown } | null = null;

  constructor(deps: NotifierDeps, holder: string) {
    this.#deps = deps;
    this.#holder = holder;
    this.#losses = deps.db.losses;
  }

  push(mark: Mark): void {
    this.#queue.push(mark);
    if (this.#queue.length >= GROUP) this.#wake();
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when everything pushed is written; throws what kept it from being written. */
  async settled(): Promise<void> {
    this.#closing = true;
    this.#hurry.abort();
    while (this.#writing !== null) await this.#writing;
    if (this.#failed !== null) throw this.#failed.error;
  }

  #wake(): void {
    this.#hurry.abort();
    if (!this.#closing) this.#hurry = new AbortController();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        if (this.#queue.length < GROUP) await this.#deps.clock.sleep(GROUP_MS, this.#hurry.signal);
        const group = this.#queue;
        this.#queue = [];
        failPoint("send.before_mark");
        await this.#write(group);
        failPoint("send.after_mark");
      }
    } catch (error) {
      // Their claims expire, they become unknown and are looked up: nothing is sent twice for it.
      this.#failed = { error };
      this.#queue = [];
    } finally {
      this.#writing = null;
    }
  }

  async #write(group: readonly Mark[]): Promise<void> {
    for (let tries = 0;; tries++) {
      try {
        const sameState = this.#deps.db.losses === this.#losses;
        return await writeMarks(this.#deps, group, this.#holder, sameState);
      } catch (error) {
        const pause = RETRY_MS[tries];
        if (pause === undefined) throw error;
        await this.#deps.clock.sleep(pause);
      }
    }
  }
}

/**
 * Writes outcomes; safe to repeat. `holder` is whose sends they were, `null` for messages in doubt that nobody sends: what was
 * taken over meanwhile is left to its new holder, except that sent is sent.
 */
export async function writeMarks(
  { db, clock }: NotifierDeps,
  marks: readonly Mark[],
  holder: string | null,
  /** False: the connection was lost since, and who answers now may give the same ids to other messages. */
  sameState = true,
): Promise<void> {
  const now = clock.now();
  const of = <K extends Mark["mark"]>(kind: K) => marks.filter((mark): mark is Of<K> => mark.mark === kind);
  const sent = of("sent");
  if (sent.length > 0) {
    await retrying(async () => {
      await markSent(
        db.sql,
        sent.map((mark) => mark.messageId),
        sent.map((mark) => mark.zulipMessageId),
        now,
        sameState ? null : holder,
      );
    });
  }
  const back = of("given_back");
  if (back.length > 0) {
    await retrying(async () => {
      await giveBackMessages(
        db.sql,
        holder,
        back.map((mark) => mark.messageId),
        back.map((mark) => mark.nextAttemptAt),
        back.map((mark) => mark.unsent),
      );
    });
  }
  const unknown = Map.groupBy(of("unknown"), (mark) => mark.reason);
  for (const [reason, group] of unknown) {
    await retrying(async () => {
      await markUnknown(
        db.sql,
        holder,
        group.map((mark) => mark.messageId),
        group.map((mark) => mark.lookUpAt),
        group.map((mark) => mark.counted),
        reason,
      );
    });
  }
  for (const { messageId, nextAttemptAt, error } of of("refused")) {
    await retrying(async () => {
      await markRefused(db.sql, holder, { messageId, nextAttemptAt, error });
    });
  }
  for (const { messageId, reason, error } of of("dead")) {
    await retrying(async () => {
      await markDead(db.sql, holder, { messageId, reason, error, countAttempt: reason === "refused", now });
    });
  }
}
