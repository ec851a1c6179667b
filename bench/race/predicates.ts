import type { Claim } from "./claims.ts";
import type { RaceLms } from "./race_lms.ts";

/** A cursor as polling tools keep it: what the last row was. */
interface Cursor {
  readonly time: string;
  readonly id: number;
}

const START: Cursor = { time: "1970-01-01 00:00:00", id: 0 };

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
export class PredicatePoller {
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
      `select id, user_id, score, state, last_started_time from attempts where ${
        where(this.#cursor)
      } order by ${order}`,
    );
    const knownMs = performance.now();
    for (const { id, user_id, score, state, last_started_time } of rows) {
      if (typeof last_started_time === "string") this.#cursor = { time: last_started_time, id: Number(id) };
      else if (this.name === "id") this.#cursor = { ...this.#cursor, id: Number(id) };
      if (state !== "Completed" || score === null) continue;
      this.claims.push({
        attempt: Number(id),
        student: Number(user_id),
        score: Number(score),
        knownMs,
        toldMs: knownMs,
      });
    }
  }
}
