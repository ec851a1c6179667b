import { withPostgres } from "../../support/databases.ts";
import { sleep } from "./chaos_run.ts";

const EVERY_MS = 100;
/** What a machine that has nothing else to do needs for a timer and a statement, amply. */
const USUAL_MS = 5;

/**
 * How much later than it was asked to this machine does the least that there is to do: a timer and a statement. Who reads of a time
 * that was too long sees by it how much of that the machine lost.
 */
export class Lateness implements AsyncDisposable {
  #lostMs = 0;
  #begunMs = performance.now();
  #stop = false;
  readonly #measuring: Promise<void>;

  constructor(serverUrl: string) {
    this.#measuring = withPostgres(serverUrl, async (sql) => {
      await sql.unsafe("select 1"); // to connect is dearer
      for (; !this.#stop; this.#lostMs += this.#late()) {
        this.#begunMs = performance.now();
        await sleep(EVERY_MS);
        await sql.unsafe("select 1");
      }
    });
  }

  /** Milliseconds that were lost since the beginning. */
  get lostMs(): number {
    return this.#lostMs + this.#late();
  }

  #late(): number {
    return Math.max(0, performance.now() - this.#begunMs - EVERY_MS - USUAL_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop = true;
    await this.#measuring;
  }
}
