import type { Key, KeyRange, QueryKind } from "../../sql/lms/query_kind.ts";
import { drivers, type KindPreset, newestOf } from "../../sql/lms/preset.ts";
import type { BadRow } from "../model/attempt.ts";
import { bucketIn, type BucketSum, firstIdOf, HIGHEST_BUCKET, type KeyHash, lastIdOf } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { KEY_SPACES, type KeySpace, LOWEST_PAIR, LOWEST_TEXT, pairOf } from "../model/key_space.ts";
import { HIGHEST_ID } from "../model/lms_ids.ts";
import type { KnownActivities } from "./activities.ts";
import { LANES, sumsInLanes } from "./bucket_lanes.ts";
import { chunks } from "./id_lists.ts";
import type { CellRow } from "./lms_driver.ts";
import type { NewestPage, RowPage } from "./lms_source.ts";
import { drivingKeys, edgeOf, firstTextFrom, firstWholeFrom, newestKeys } from "./driving_keys.ts";
import { keyFormOf, NO_ID, type QueryAccess, type QuerySession } from "./query_access.ts";
import { bucketRanges, eachRange, firstInRanges, pageOfRanges } from "./key_ranges.ts";
import { compareIds } from "./lms_values.ts";
import { OddKeys } from "./odd_keys.ts";
import { isRepeated, repeatedKey } from "./query_keys.ts";
import { rowKeyReader } from "./row_reader.ts";
import { LOOKS, shortfall } from "./whole_pages.ts";

/** Keys of a driving table looked at in one statement of sums: above 50,000 MySQL and MariaDB turn to another plan. */
const KEYS_PER_SUM = 40_000;
/** Sums a lane, at least: each of them reads anew what the query joins, so there are few. */
const SUMS_A_LANE = 4;
/** Rows by their keys in one statement. */
const KEYS_PER_PAGE = 2_500;
/** Where a query leaves out all driving rows, a page reads on; after so many it comes back empty, and the next one goes on. */
const PAGES_AT_ONCE = 10;

/**
 * The rows of a kind that reads a query: keys of what drives it first, then the query for those keys. So no statement sorts a join, and a
 * page costs what its rows cost, whatever the optimiser thinks of the query as a whole.
 */
export class QueryRows {
  readonly #space: KeySpace;
  /** Where the last page ended, in the LMS's own key: texts have an order there that their ids do not have. */
  #cursor: { readonly id: LmsId; readonly key: Key; readonly known: KnownActivities } | null = null;
  readonly #odd: OddKeys;

  constructor(private readonly name: Kind, private readonly kind: KindPreset, private readonly access: QueryAccess) {
    this.#space = KEY_SPACES[keyFormOf(kind)];
    this.#odd = new OddKeys(name, kind, this.#space.form, access);
  }

  /** Keys that no row can be kept under, of rows that no other call gives. */
  readonly oddKeys = (limit: number) => this.#odd.take(limit);

  async rowsAfter(after: LmsId | null, limit: number): Promise<RowPage> {
    if (drivers(this.kind).length === 0) {
      return await pageOfRanges(after, limit, (range) => this.#any(range), (range) => this.#inRange(range));
    }
    // A pass over millions of rows meets the same few activities again and again.
    const known: KnownActivities = this.#cursor !== null && this.#cursor.id === after ? this.#cursor.known : new Map();
    let from = await this.#keyAt(after);
    for (let page = 1;; page++) {
      const start: Key | null = from;
      const { keys, more, rows } = await this.access.read(async (session, sql) => {
        const range = { from: start, fromItself: false, to: null };
        const driving = await drivingKeys(this.#space.form, session, sql, range, limit);
        return { ...driving, rows: await this.#byKeys(session, sql, driving.keys, known) };
      });
      const last = keys.at(-1);
      if (last !== undefined) from = last;
      if (await this.access.keys.keep()) {
        from = start; // some keys cannot be told from others: they are left out now
        continue;
      }
      if (last === undefined || !more) {
        this.#cursor = null;
        const readTo = from === null || !this.#space.ascending ? "" : this.#idOf(from);
        return readTo === "" ? rows : { ...rows, readTo };
      }
      const next = this.#idOf(last) || NO_ID[this.#space.form];
      this.#cursor = { id: next, key: last, known };
      if (rows.rows.length + rows.bad.length > 0 || page >= PAGES_AT_ONCE) return { ...rows, next };
    }
  }

  /** Rows that were written last; `null` where nothing says which these are. */
  async newest(limit: number, skip: number): Promise<NewestPage | null> {
    if (newestOf(this.kind) === null) return null;
    while (true) {
      const page = await this.access.read(async (session, sql) => {
        const { keys, more } = await newestKeys(this.#space.form, session, sql, limit, skip);
        return { ...await this.#byKeys(session, sql, keys), more };
      });
      if (!await this.access.keys.keep()) return page;
    }
  }

  async rowsByIds(ids: readonly LmsId[]): Promise<RowPage> {
    const rows: RowPage["rows"][number][] = [], bad: BadRow[] = [];
    for (const chunk of chunks([...new Set(ids)].sort(compareIds), KEYS_PER_PAGE)) {
      for (let look = 1;; look++) {
        const keys = await this.#keysOf(chunk);
        const { page, counted } = await this.access.read(async (session, sql) => {
          const page = onlyOf(chunk, await this.#byKeys(session, sql, keys));
          const came = page.rows.length + page.bad.length;
          if (came >= keys.length) return { page, counted: came };
          const [count] = await session.rows(sql.count({ keys }));
          return { page, counted: Number(count?.[0]) };
        });
        if (await this.access.keys.keep()) continue;
        if (page.rows.length + page.bad.length < counted && !page.bad.some(isRepeated)) {
          if (look === LOOKS) {
            throw shortfall(`${page.rows.length + page.bad.length} rows of ${this.name} attempts by id`, counted);
          }
          continue;
        }
        rows.push(...page.rows);
        bad.push(...page.bad);
        break;
      }
    }
    return { rows, bad };
  }

  /** The smallest id >= `from`, or one below it with nothing in between; `null` when there is none. */
  async firstIdFrom(from: LmsId): Promise<LmsId | null> {
    const { form } = this.#space;
    if (form === "text") return await this.access.read((session, sql) => firstTextFrom(from, session, sql));
    const start = form === "pair" && BigInt(from) < LOWEST_PAIR ? String(LOWEST_PAIR) : from;
    if (form === "pair" && BigInt(from) >= -LOWEST_TEXT) return null;
    const range: KeyRange = { from: form === "pair" ? pairOf(start) : [start], fromItself: true, to: null };
    if (drivers(this.kind).length === 0) return await firstInRanges(start, (range) => this.#any(range));
    return await this.access.read(async (session, sql) => {
      if (form === "integer") return await firstWholeFrom(session, sql, range);
      const { keys: [first] } = await drivingKeys(form, session, sql, range, 1);
      return first === undefined ? null : this.#idOf(first) || start;
    });
  }

  /** Sums of the buckets with from <= bucket < to that have rows. */
  async buckets(from: bigint, to: bigint): Promise<BucketSum[]> {
    const { form, bucketSize: size } = this.#space;
    if (form === "integer") {
      return await sumsInLanes(
        {
          page: (from, to) =>
            this.#sums({ from: [firstIdOf(from, size)], fromItself: true, to: [lastIdOf(to - 1n, size)] }),
          nextBucket: async (from) => {
            const id = await this.firstIdFrom(firstIdOf(from, size));
            return id === null ? null : BigInt(bucketIn(id, size));
          },
        },
        from,
        to > HIGHEST_BUCKET ? HIGHEST_BUCKET + 1n : to,
        { buckets: KEYS_PER_SUM / Number(size), aLane: SUMS_A_LANE },
      );
    }
    const sums = new Map<bigint, BucketSum>();
    this.#odd.hasPairs = false;
    await this.#eachRange(firstIdOf(from, size), lastIdOf(to - 1n, size), async (range) => {
      // A bucket of pairs may lie in two ranges, and one of texts lies in all of them.
      for (const { bucket, count, xor } of await this.#sums(range)) {
        const sum = sums.get(bucket) ?? { count: 0, xor: "0" };
        sums.set(bucket, { bucket, count: sum.count + count, xor: String(BigInt(sum.xor) ^ BigInt(xor)) });
      }
    });
    return [...sums.values()].filter(({ bucket }) => bucket >= from && bucket < to)
      .sort((a, b) => a.bucket < b.bucket ? -1 : 1);
  }

  async #sums(range: KeyRange): Promise<BucketSum[]> {
    const rows = await this.access.read((session, sql) => session.rows(sql.buckets(range, this.#space.bucketSize)));
    if (this.#space.form === "pair") this.#odd.hasPairs ||= rows.some(([bucket]) => bucket === null);
    return rows.flatMap(([bucket, count, xor]) =>
      bucket == null ? [] : [{ bucket: BigInt(bucket), count: Number(count), xor: xor ?? "0" }]
    );
  }

  /** Ids and hashes of the rows of the buckets, ascending by id. */
  async keyHashes(buckets: readonly bigint[]): Promise<KeyHash[]> {
    const { form, bucketSize: size } = this.#space;
    const wanted = [...new Set(buckets)].sort((a, b) => a < b ? -1 : 1);
    const first = wanted[0], last = wanted.at(-1);
    if (first === undefined || last === undefined) return [];
    const found: KeyHash[] = [];
    const readKey = rowKeyReader(this.name, this.kind, this.access.keys);
    const add = (rows: readonly CellRow[]) => {
      for (const [key, hash] of rows) {
        const id = readKey(key);
        if (id && hash) found.push({ id, hash });
        else this.#odd.note(key ?? "");
      }
    };
    if (form === "text") {
      await this.#eachRange(String(LOWEST_TEXT), HIGHEST_ID, async (range) => {
        add(
          await this.access.read((session, sql) =>
            session.rows(sql.keyHashes({ ranges: [range] }, { list: wanted, size }))
          ),
        );
        await this.access.keys.keep();
      });
    } else {
      for (const ranges of chunks(bucketRanges(form, size, wanted), 20)) {
        await this.#wholeRanges(ranges, add);
      }
    }
    return found.sort((a, b) => compareIds(a.id, b.id));
  }

  /** As many rows as the same snapshot counts: one that does not come would pass for one that is gone. */
  async #wholeRanges(ranges: readonly KeyRange[], add: (rows: readonly CellRow[]) => void): Promise<void> {
    for (let look = 1;; look++) {
      const { rows, counted } = await this.access.read(async (session, sql) => {
        const rows = await session.rows(sql.keyHashes({ ranges }, null));
        const [count] = await session.rows(sql.count({ ranges }));
        return { rows, counted: Number(count?.[0]) };
      });
      if (rows.length >= counted) return add(rows);
      if (look === LOOKS) throw shortfall(`${rows.length} rows of ${this.name} attempts in a range of keys`, counted);
    }
  }

  /** Rows of the query for these keys; those that share a key are bad, all of them. */
  async #byKeys(
    session: QuerySession,
    sql: QueryKind,
    keys: readonly Key[],
    known?: KnownActivities,
  ): Promise<RowPage> {
    if (keys.length === 0) return { rows: [], bad: [] };
    const cells: CellRow[] = [];
    for (const chunk of chunks(keys, KEYS_PER_PAGE)) cells.push(...await session.rows(sql.rows({ keys: chunk })));
    return await this.#page(session, cells, known);
  }

  async #page(session: QuerySession, cells: readonly CellRow[], known?: KnownActivities): Promise<RowPage> {
    const readKey = rowKeyReader(this.name, this.kind, this.access.keys);
    const byKey = new Map<string, CellRow[]>();
    for (const row of cells) {
      const key = row[0];
      if (typeof key !== "string" || !readKey(key)) this.#odd.note(key ?? "");
      else byKey.getOrInsertComputed(key, () => []).push(row);
    }
    const single: CellRow[] = [], repeated: BadRow[] = [];
    for (const [key, rows] of byKey) {
      const [row] = rows;
      if (row !== undefined && rows.length === 1) single.push(row);
      else repeated.push(repeatedKey(this.name, readKey(key) ?? "", rows));
    }
    const page = await session.page(single, known);
    return { rows: page.rows, bad: [...page.bad, ...repeated].sort((a, b) => compareIds(a.id, b.id)) };
  }

  #idOf(key: Key): LmsId {
    const cell = key.length > 1 ? key.join("/") : key[0];
    return rowKeyReader(this.name, this.kind, this.access.keys)(cell) ?? "";
  }

  async #keyAt(after: LmsId | null): Promise<Key | null> {
    if (after === null) return null;
    if (this.#cursor?.id === after) return this.#cursor.key;
    return (await this.#keysOf([after]))[0] ?? null;
  }

  async #keysOf(ids: readonly LmsId[]): Promise<Key[]> {
    const { form } = this.#space;
    if (form === "integer") return ids.map((id) => [id]);
    if (form === "pair") return ids.map(pairOf);
    return [...(await this.access.keys.textsOf(`${this.name}_row`, ids)).values()].map((key) => [key]);
  }

  /** Ranges of at most {@link KEYS_PER_SUM} keys that together hold all of these ids; of pairs and texts. */
  async #eachRange(first: LmsId, last: LmsId, work: (range: KeyRange) => Promise<void>): Promise<void> {
    const { form } = this.#space;
    const ofPairs = form === "pair";
    await eachRange(
      { from: ofPairs ? pairOf(first) : null, fromItself: true, to: ofPairs ? pairOf(last) : null },
      (range) => this.access.read((session, sql) => edgeOf(form, session, sql, range, KEYS_PER_SUM)),
      work,
      LANES,
    );
  }

  async #inRange(range: KeyRange): Promise<RowPage> {
    const page = await this.access.read(async (session, sql) =>
      this.#page(session, await session.rows(sql.rows({ ranges: [range] })))
    );
    await this.access.keys.keep();
    return page;
  }

  async #any(range: KeyRange): Promise<boolean> {
    return await this.access.read(async (session, sql) => (await session.rows(sql.any(range))).length > 0);
  }
}

/** A database that compares texts whatever their case gives rows that nobody asked for, and of which nothing is at hand. */
function onlyOf(ids: readonly LmsId[], page: RowPage): RowPage {
  const asked = new Set(ids);
  const isAsked = ({ id }: { readonly id: LmsId }) => asked.has(id);
  return { ...page, rows: page.rows.filter(isAsked), bad: page.bad.filter(isAsked) };
}
