import { giveBackMessages, markDead, markRefused, markSent, markUnknown } from "../../sql/state/messages.ts";
import type { EpochMicros } from "../model/time.ts";
import { failPoint } from "../base/fail_point.ts";
import type { NotifierDeps } from "./notify_types.ts";
import { retrying } from "./retrying.ts";

/** What is to be written down about one message, after its send or instead of it. */
export type Mark =
  | { readonly mark: "sent"; readonly messageId: string; readonly zulipMessageId: string }
  /** `unsent`: it provably never reached Zulip, now or earlier. */
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
    /** Whether this unclear try counts towards the poison limit. */
    readonly towardsPoison: boolean;
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

/** How long an outcome waits for others to be written down with it. */
const GATHER_MS = 50;

/** Pauses between tries to write an outcome down while the state database is away. A claim does not last much longer than these. */
const RETRY_MS = [100, 1000, 3000];

/**
 * Records the outcomes of one chunk as they come: those of 50 ms together, and those that come while these are being written make
 * the next group. So a fast Zulip costs one transaction a chunk, and a slow one leaves no outcome unwritten for long.
 */
export class OutcomeRecorder {
  readonly #deps: NotifierDeps;
  readonly #holder: string;
  readonly #losses: number;
  readonly #chunkEnded = new AbortController();
  #waiting: Mark[] = [];
  #writing: Promise<void> | null = null;
  #failed: { readonly error: unknown } | null = null;

  constructor(deps: NotifierDeps, holder: string) {
    this.#deps = deps;
    this.#holder = holder;
    this.#losses = deps.db.losses;
  }

  record(mark: Mark): void {
    this.#waiting.push(mark);
    this.#writing ??= this.#writeAll();
  }

  /** Nothing more comes: resolves when everything is written; throws what kept it from being written. */
  async finish(): Promise<void> {
    this.#chunkEnded.abort();
    while (this.#writing !== null) await this.#writing;
    if (this.#failed !== null) throw this.#failed.error;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#deps.clock.sleep(GATHER_MS, this.#chunkEnded.signal);
        const group = this.#waiting;
        this.#waiting = [];
        failPoint("send.before_mark");
        await this.#write(group);
        failPoint("send.after_mark");
      }
    } catch (error) {
      // Their claims expire, they become unknown and are looked up: nothing is sent twice for it.
      this.#failed = { error };
      this.#waiting = [];
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
 * Writes outcomes; safe to repeat. `holder` is whose sends they were, `null` for messages in doubt, which nobody sends. What was
 * taken over meanwhile is left to its new holder; but what Zulip has is marked as sent in any case.
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
        group.map((mark) => mark.towardsPoison),
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
