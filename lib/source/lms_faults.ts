import { logger } from "../base/log.ts";

const log = logger("lms");
/** Rows remembered at most, so that each is counted once a poll and named once a process. */
const MAX_KNOWN = 100_000;

/** What a poll read and could not take as it is: it was kept with U+FFFD in it, or is a link whose id does not fit. */
export interface Faults {
  /** Rows (attempts, activities, people) whose text had bytes that are none: U+FFFD stands there. */
  readonly unreadableTexts: number;
  /** Links to mentors and batches whose id is beyond 64 bits. */
  readonly unusableLinks: number;
}

/** Counts faults of an LMS from one poll to the next, and names each in the log once. */
export class LmsFaults {
  #texts = new Set<string>();
  #links = new Set<string>();
  readonly #named = new Set<string>();

  noteText(table: string, key: string): void {
    if (this.#note(this.#texts, `${table}/${key}`)) {
      log.warning("Text of {table} {key} is not what the LMS's encoding says: what cannot be read became \uFFFD", {
        table,
        key,
      });
    }
  }

  noteLink(table: string, id: string): void {
    if (this.#note(this.#links, `${table}/${id}`)) {
      log.warning("A link of {table} is left out: {id} is no id that can be kept (64 bits with a sign)", { table, id });
    }
  }

  /** What was noted since the last call. */
  take(): Faults {
    const faults = { unreadableTexts: this.#texts.size, unusableLinks: this.#links.size };
    this.#texts = new Set();
    this.#links = new Set();
    return faults;
  }

  /** Whether it is new to the log. */
  #note(noted: Set<string>, what: string): boolean {
    if (noted.size < MAX_KNOWN) noted.add(what);
    if (this.#named.has(what) || this.#named.size >= MAX_KNOWN) return false;
    this.#named.add(what);
    return true;
  }
}
