import type { Kind } from "../model/event_types.ts";
import type { IdSort } from "../../sql/lms/preset.ts";
import { isPairId, isSameKey, isTextId, pairOf, textId } from "../model/key_space.ts";
import type { LmsId } from "../model/event.ts";
import type { Cell } from "./lms_driver.ts";
import { readId } from "./lms_values.ts";

/** What an id is of: a thing of the LMS, or a row of a kind. */
export type KeySort = IdSort | `${Kind}_row`;

export interface KeyEntry {
  readonly id: LmsId;
  readonly sort: KeySort;
  readonly key: string;
}

/** Remembers which text an id stands for, from one process to the next. */
export interface KeyStore {
  /** The texts of ids; unknown ones are absent. */
  keysOf(ids: readonly LmsId[]): Promise<ReadonlyMap<LmsId, string>>;
  /** Keeps new entries; gives those whose id stands for another text already. */
  remember(entries: readonly KeyEntry[]): Promise<readonly KeyEntry[]>;
}

/** For one process: a dry run, a check. What `stored` has it has, too. */
export function memoryKeyStore(stored?: Pick<KeyStore, "keysOf">): KeyStore {
  const known = new Map<LmsId, string>();
  return {
    keysOf: async (ids) => {
      const unknown = ids.filter((id) => !known.has(id));
      const found = new Map(unknown.length === 0 || stored === undefined ? [] : await stored.keysOf(unknown));
      for (const id of ids) {
        const key = known.get(id);
        if (key !== undefined) found.set(id, key);
      }
      return found;
    },
    remember: async (entries) => {
      const before = stored === undefined ? new Map<LmsId, string>() : await stored.keysOf(entries.map(({ id }) => id));
      return entries.filter((entry) => {
        const key = before.get(entry.id) ?? known.get(entry.id);
        if (key === undefined) known.set(entry.id, entry.key);
        return key !== undefined && !isSameKey(entry.sort, key, entry.key);
      });
    },
  };
}

/** Longer keys cannot be kept: no index of the state takes them, and no LMS has them. */
const LONGEST_KEY = 500;
/** Keys at hand; beyond it they are looked up again. */
const MOST_KNOWN = 100_000;

/** Ids that stand for the texts by which an LMS tells its things apart. Ids of whole numbers pass through as they are. */
export class LmsKeys {
  readonly #store: KeyStore;
  readonly #texts: ReadonlySet<KeySort>;
  readonly #idOf: typeof textId;
  /** What is known to be kept. */
  #known = new Map<LmsId, string>();
  #fresh = new Map<LmsId, KeyEntry>();
  #keeping: Promise<unknown> = Promise.resolve();
  /** `sort:key` of texts whose id stands for another one: they are never read as it. */
  readonly #collided = new Set<string>();

  constructor(store: KeyStore, texts: Iterable<KeySort>, idOf: typeof textId = textId) {
    this.#store = store;
    this.#texts = new Set(texts);
    this.#idOf = idOf;
  }

  isText(sort: KeySort): boolean {
    return this.#texts.has(sort);
  }

  /** The id of a cell; `null` for none, `undefined` for what no id can be. */
  read(sort: KeySort, cell: Cell | undefined): LmsId | null | undefined {
    if (!this.#texts.has(sort)) return readId(cell);
    if (cell === null || cell === undefined || cell === "") return null;
    if (cell.length > LONGEST_KEY || cell.includes("\0") || this.#collided.has(`${sort}:${cell}`)) return undefined;
    const id = this.#idOf(sort, cell);
    const other = this.#known.get(id) ?? this.#fresh.get(id)?.key;
    if (other === undefined) this.#fresh.set(id, { id, sort, key: cell });
    else if (!isSameKey(sort, other, cell)) { // whose id it is was said before: never two texts under one
      this.#collided.add(`${sort}:${cell}`);
      return undefined;
    }
    return id;
  }

  /** Whether this text was left out because its id stands for another one. */
  hasCollided(sort: KeySort, key: string): boolean {
    return this.#collided.has(`${sort}:${key}`);
  }

  /**
   * Keeps the keys read since the last call. True when some cannot be told from others: then what was read is to be read anew. Calls
   * wait for one another, since one may take along what another has read.
   */
  keep(): Promise<boolean> {
    const kept = this.#keeping.catch(() => {}).then(() => this.#keepFresh());
    this.#keeping = kept;
    return kept;
  }

  async #keepFresh(): Promise<boolean> {
    if (this.#fresh.size === 0) return false;
    const entries = [...this.#fresh.values()];
    this.#fresh = new Map();
    const collided = await this.#store.remember(entries);
    for (const { sort, key } of collided) this.#collided.add(`${sort}:${key}`);
    const lost = new Set(collided.map(({ id }) => id));
    if (this.#known.size > MOST_KNOWN) this.#known = new Map();
    for (const { id, key } of entries) if (!lost.has(id)) this.#known.set(id, key);
    return collided.length > 0;
  }

  /** The LMS's own keys for people to read, of ids of any sort: texts, pairs as `7/203`, numbers as they are. */
  async shown(ids: readonly LmsId[]): Promise<Map<LmsId, string>> {
    const unknown = ids.filter((id) => isTextId(id) && !this.#known.has(id));
    const found = unknown.length === 0 ? new Map<LmsId, string>() : await this.#store.keysOf(unknown);
    return new Map(
      ids.map((id) => [id, this.#known.get(id) ?? found.get(id) ?? (isPairId(id) ? pairOf(id).join("/") : id)]),
    );
  }

  /** The LMS's own keys; what stands for none is left out. */
  async textsOf(sort: KeySort, ids: readonly LmsId[]): Promise<Map<LmsId, string>> {
    if (!this.#texts.has(sort)) return new Map(ids.map((id) => [id, id]));
    const found = new Map<LmsId, string>();
    const unknown: LmsId[] = [];
    for (const id of ids) {
      const key = this.#known.get(id);
      if (key === undefined) unknown.push(id);
      else found.set(id, key);
    }
    if (unknown.length === 0) return found;
    const stored = await this.#store.keysOf(unknown);
    if (this.#known.size > MOST_KNOWN) this.#known = new Map();
    for (const [id, key] of stored) {
      this.#known.set(id, key);
      found.set(id, key);
    }
    return found;
  }
}
