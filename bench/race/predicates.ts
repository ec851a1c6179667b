import type { Claim, Fact } from "./claims.ts";
import type { RaceLms } from "./race_lms.ts";

/** Somebody else who reports finished rows of the table. */
export interface Contender {
  readonly name: string;
  readonly claims: Claim[];
  start(): Promise<void>;
  kill(): void;
  stop(): Promise<void>;
  /** Whether a fact that it knew at a time was known in time. */
  inTime(fact: Fact, knownMs: number): boolean;
}

/** A cursor as polling tools keep it: what the last row was. */
interface Cursor {
  readonly time: string;
  readonly id: number | string;
}

/** The columns that they read. The time keeps its six digits as a text: drivers would cut them. */
export const POLLED_COLUMNS = "id, user_id, score, state, cast(last_started_time as char(26)) as last_started_time";

/** What is claimed by reporting a row: nothing of one that is not finished. */
export function rowClaim(row: Readonly<Record<string, unknown>>, knownMs: number): Claim[] {
  const { id, user_id, score, state } = row;
  if (state !== "Completed" || score === null) return [];
  return [{ attempt: Number(id), student: Number(user_id), score: Number(score), knownMs, toldMs: knownMs }];
}

export const START: Cursor = { time: "1970-01-01 00:00:00", id: 0 };

/** What polling tools send with each poll, and what they remember after it. */
export const PREDICATES = {
  /** Kafka Connect's incrementing mode, and most flows of Node-RED and n8n. */
  id: { where: ({ id }: Cursor) => `id > ${id}`, order: "id" },
  /** One time column: the cursor of a first plan of this program, Logstash and Airbyte. */
  timestamp: { where: ({ time }: Cursor) => `last_started_time > '${time}'`, order: "last_started_time, id" },
  /** Kafka Connect's timestamp+incrementing mode. */
  "timestamp+id": {
    where: ({ time, id }: Cursor) => `(last_started_time > '${time}' or last_started_time = '${time}' and id > ${id})`,
    order: "last_started_time, id",
  },
} as const;

export type PredicateName = keyof typeof PREDICATES;

/** Polls a table by such a predicate, at most once an interval, and reports each finished row that it is given. */
export class PredicatePoller implements Contender {
  readonly claims: Claim[] = [];
  #cursor = START;
  #kept = START;
  #killed = false;
  #stop = false;
  #looping: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(private readonly lms: RaceLms, readonly name: PredicateName, private readonly intervalMs: number) {}

  /** What is there already is the past. */
  async start(): Promise<void> {
    await this.#poll();
    this.claims.length = 0;
    this.#kept = this.#cursor;
    this.#looping = this.#loop();
  }

  /** The process dies after it told what it read, and before it kept its cursor: what an at-least-once tool goes through. */
  kill(): void {
    this.#killed = true;
  }

  inTime({ visibleMs }: Fact, knownMs: number): boolean {
    return knownMs - visibleMs <= 1.5 * this.intervalMs;
  }

  async stop(): Promise<void> {
    this.#stop = true;
    this.#wake();
    await this.#looping;
  }

  async #loop(): Promise<void> {
    while (!this.#stop) {
      const began = performance.now();
      await this.#poll().catch(() => {}); // the LMS is away: again next time
      if (this.#killed) this.#cursor = this.#kept;
      this.#killed = false;
      this.#kept = this.#cursor;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, Math.max(0, this.intervalMs - (performance.now() - began)));
      });
    }
  }

  async #poll(): Promise<void> {
    const { where, order } = PREDICATES[this.name];
    const rows = await this.lms.read(
      `select ${POLLED_COLUMNS} from attempts where ${where(this.#cursor)} order by ${order}`,
    );
    const knownMs = performance.now();
    for (const row of rows) {
      const { id, last_started_time } = row;
      if (typeof last_started_time === "string") this.#cursor = { time: last_started_time, id: Number(id) };
      else if (this.name === "id") this.#cursor = { ...this.#cursor, id: Number(id) };
      this.claims.push(...rowClaim(row, knownMs));
    }
  }
}
