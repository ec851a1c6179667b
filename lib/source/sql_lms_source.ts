import { ID_SORTS, kindOf, type Preset, type PresetMaker } from "../../sql/lms/preset.ts";
import { integer, type LmsQueries, lmsQueries } from "../../sql/lms/queries.ts";
import type { KeyRange } from "../../sql/lms/query_kind.ts";
import type { MappingText } from "../config/config.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import type { AttemptRow, BadRow } from "../model/attempt.ts";
import type { BucketSum, KeyHash } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
import { KEY_SPACES, type KeySpace } from "../model/key_space.ts";
import { type Kind, KINDS } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { MentorLinks, Person, Role } from "../model/person.ts";
import { LmsError } from "../base/errors.ts";
import { takeTurns, turnIsOver } from "../drivers/deno/take_turns.ts";
import { type BucketAccess, firstIdFrom, readBuckets, readKeyHashes } from "./bucket_reads.ts";
import { wholeChunk, wholePage } from "./whole_pages.ts";
import { type ActivityOptions, type KnownActivities, readActivities } from "./activities.ts";
import { ascending, chunks, distinct } from "./id_lists.ts";
import { lastOf } from "./last_of.ts";
import { describePreset } from "./described_preset.ts";
import type { CellRow, LmsDriver, LmsSession } from "./lms_driver.ts";
import { type KeySort, type KeyStore, LmsKeys, memoryKeyStore } from "./lms_keys.ts";
import type { LmsTarget } from "./lms_errors.ts";
import type { LmsLog } from "./lms_log.ts";
import type { LmsSource, RowPage } from "./lms_source.ts";
import { logReads } from "./log_reads.ts";
import type { SiteFinding, SiteLook } from "./site_look.ts";
import type { PresentIdentity } from "../model/source_identity.ts";
import type { TimeReaders } from "./lms_times.ts";
import { explained, kindWarnings, queryProblems } from "./mapping_check.ts";
import { keyFormOf, type QueryAccess, QueryRows, type QuerySession } from "./query_rows.ts";
import { recipeOf } from "./recipe.ts";
import { ChangeProof } from "./change_proof.ts";
import { readIdentityOf } from "./identity.ts";
import { isBeyondIds } from "./lms_values.ts";
import { readLinks, readPeople } from "./people.ts";
import { type Faults, LmsFaults } from "./lms_faults.ts";
import { BEYOND_IDS, complete, isBad, type ReadRow, rowKeyReader, type RowReader, rowReader } from "./row_reader.ts";
import { type Catalog, checkSchema, checkVersion, readCatalog, readTables } from "./schema_check.ts";
import { mysqlWriteRights, postgresWriteRights } from "./write_rights.ts";

/** Ids per query: some thousand, so that a statement stays short and an `in` list small. */
const IDS_PER_PAGE = 2000;
const PEOPLE_PER_PAGE = 1000;

export interface SqlLmsOptions {
  readonly name: string;
  readonly preset: PresetMaker;
  readonly driver: LmsDriver;
  readonly target: LmsTarget;
  readonly address: DatabaseAddress;
  readonly times: TimeReaders;
  /** The mapping as it is written, where it is one in YAML: its queries are checked before the first use. */
  readonly written?: MappingText | null;
  /** Where it is remembered which text an id stands for; for one process only when it is not given. */
  readonly keyStore?: KeyStore | undefined;
  readonly examDurationUnit: ActivityOptions["examDurationUnit"];
  /** What is asked of the product beside its tables. */
  readonly look?: SiteLook | null;
}

/** What is known once the tables have been looked at: on MySQL a query depends on the types of its time columns. */
interface Prepared {
  /** As the tables and queries are: with what optional parts there are. */
  readonly preset: Preset;
  readonly catalog: Catalog;
  readonly queries: LmsQueries;
  /** For a session in which texts come as bytes. */
  readonly raw: LmsQueries;
  readonly readers: Partial<Readonly<Record<Kind, RowReader>>>;
}

/** An LMS behind SQL: a preset's queries through a driver. See LmsSource for the contract of each method. */
export class SqlLmsSource implements LmsSource {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly address: DatabaseAddress;
  readonly #options: SqlLmsOptions;
  readonly #faults = new LmsFaults();
  readonly #changes: ChangeProof;
  readonly #keys: LmsKeys;
  readonly #queryRows: Partial<Readonly<Record<Kind, QueryRows>>>;
  readonly #access: BucketAccess = { read: (work) => this.#read((session, { queries }) => work(session, queries)) };
  #prepared: Prepared | null = null;
  /** The queries of a written mapping were found good. */
  #checked = false;
  /** Where the last full page of `rowsAfter` ended, and what its pass knows of activities. */
  readonly #passes: Record<Kind, { readonly last: LmsId; readonly known: KnownActivities } | null> = {
    exam: null,
    content: null,
  };

  constructor(options: SqlLmsOptions) {
    this.name = options.name;
    this.address = options.address;
    this.#options = options;
    const { base } = options.preset;
    this.kinds = KINDS.filter((kind) => base.kinds[kind] !== null);
    this.#changes = new ChangeProof(options.driver, () => this.#prepared?.preset ?? base);
    this.#keys = new LmsKeys(options.keyStore ?? memoryKeyStore(), textSorts(base));
    this.#queryRows = Object.fromEntries(this.kinds.flatMap((kind) => {
      const preset = kindOf(base, kind);
      return "from" in preset ? [[kind, new QueryRows(kind, preset, this.#queryAccess(kind))]] : [];
    }));
  }

  recipe(kind: Kind): number {
    const { preset, driver } = this.#options;
    return recipeOf(preset.base, kind, driver.dialect.number);
  }

  keySpace(kind: Kind): KeySpace {
    return KEY_SPACES[keyFormOf(kindOf(this.#options.preset.base, kind))];
  }

  async check(): ReturnType<LmsSource["check"]> {
    const { driver, look } = this.#options;
    await look?.before(driver);
    try {
      const checked = await this.#checkTables();
      await look?.after(driver);
      return checked;
    } catch (error) {
      if (!look || !(error instanceof LmsError) || error.reason !== "schema") throw error;
      throw await look.explain(driver, error);
    }
  }

  async #checkTables(): ReturnType<LmsSource["check"]> {
    const { driver, target } = this.#options;
    this.#checked = false;
    this.#prepared = null; // look again: tables may have been added or granted since
    const { version, prepared } = await this.#read(async (session, prepared) => {
      const [about] = await session.rows(driver.dialect.about);
      return { version: about?.[0] ?? "unknown", prepared };
    });
    checkVersion(driver.dialect, version, target);
    await checkSchema(driver, prepared.preset, prepared.catalog, prepared.queries, target);
    return { version, readOnly: true, plaintextHost: driver.plaintextHost() };
  }

  identity(): Promise<PresentIdentity> {
    return readIdentityOf(this.#options.driver, this.#options.preset.base, this.address.database);
  }

  async serverTime(): Promise<EpochMicros> {
    const { driver } = this.#options;
    const [row] = await driver.read((session) => session.rows(driver.dialect.clock));
    return Number(row?.[0]);
  }

  async writeRights(): Promise<readonly string[]> {
    const { driver } = this.#options;
    const rows = await driver.read((session) => session.rows(driver.dialect.writeRights));
    return driver.dialect.name === "postgres"
      ? postgresWriteRights(rows)
      : mysqlWriteRights(rows, this.address.database);
  }

  async changeToken(): Promise<string | null> {
    const { token, obstacles } = await this.#changes.look();
    return obstacles.length === 0 ? token : null;
  }

  async whyNoChangeToken(): Promise<string | null> {
    const { token, obstacles } = await this.#changes.look();
    if (obstacles.length > 0) return obstacles.join(", ");
    return token === null ? "this database has no proof that nothing was committed" : null;
  }

  async rowsAfter(kind: Kind, after: LmsId | null, limit: number): Promise<RowPage> {
    const from = after === null ? null : integer(after);
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`Cannot read a page of ${limit} rows`);
    const ofQuery = this.#queryRows[kind];
    if (ofQuery !== undefined) return await ofQuery.rowsAfter(from, limit);
    const pass = this.#passes[kind];
    const known: KnownActivities = from !== null && pass?.last === from ? pass.known : new Map();
    const page = await this.#read((session, prepared) =>
      wholePage(
        session,
        prepared.queries,
        kind,
        limit,
        from,
        (after, limit) => this.#page(session, prepared, kind, prepared.queries.rows(kind, { after, limit }), known),
      )
    );
    // A page that is not full ends its pass: what comes later reads titles anew.
    const full = page.rows.length + page.bad.length >= limit;
    const last = lastOf(page);
    this.#passes[kind] = full ? { last, known } : null;
    return full ? { ...page, next: last } : page;
  }

  async rowsByIds(kind: Kind, ids: readonly LmsId[]): Promise<RowPage> {
    const ofQuery = this.#queryRows[kind];
    if (ofQuery !== undefined) return await ofQuery.rowsByIds(ids);
    const rows: AttemptRow[] = [], bad: BadRow[] = [];
    for (const chunk of chunks(distinct(ids), IDS_PER_PAGE)) {
      const page = await wholeChunk(kind, () =>
        this.#read(async (session, prepared) => {
          const { queries } = prepared;
          const page = await this.#page(session, prepared, kind, queries.rows(kind, { ids: chunk }));
          const came = page.rows.length + page.bad.length;
          const [count] = came < chunk.length ? await session.rows(queries.countByIds(kind, chunk)) : [[String(came)]];
          return { page, came, counted: Number(count?.[0]) };
        }));
      rows.push(...page.rows);
      bad.push(...page.bad);
    }
    return { rows, bad };
  }

  log(kind: Kind): LmsLog | null {
    const of = kindOf(this.#options.preset.base, kind);
    if (of.log === undefined) return null;
    return logReads({
      read: (work) =>
        this.#read((session, prepared) => work(this.#sessionOf(session, prepared, kind), prepared.queries.log(kind))),
      idOf: rowKeyReader(kind, of, this.#keys),
    });
  }

  async findings(): Promise<readonly SiteFinding[]> {
    const { look, driver } = this.#options;
    return look ? await look.findings(driver) : [];
  }

  firstIdFrom(kind: Kind, from: LmsId): Promise<LmsId | null> {
    return this.#queryRows[kind]?.firstIdFrom(integer(from)) ?? firstIdFrom(this.#access, kind, integer(from));
  }

  buckets(kind: Kind, fromBucket: bigint, toBucket: bigint): Promise<BucketSum[]> {
    return this.#queryRows[kind]?.buckets(fromBucket, toBucket) ??
      readBuckets(this.#access, kind, fromBucket, toBucket);
  }

  keyHashes(kind: Kind, buckets: readonly bigint[]): Promise<KeyHash[]> {
    return this.#queryRows[kind]?.keyHashes(buckets) ?? readKeyHashes(this.#access, kind, buckets);
  }

  async oddKeys(kind: Kind, limit: number): ReturnType<LmsSource["oddKeys"]> {
    const ofQuery = this.#queryRows[kind];
    if (ofQuery !== undefined) return ofQuery.takeOdd().slice(0, limit);
    if (this.#prepared?.queries.oddKeys(kind, limit) === null) return []; // the key's type has none
    const of = kindOf(this.#options.preset.base, kind);
    const table = "table" in of ? of.table : kind, column = of.key;
    return await this.#read(async (session, { queries }) => {
      const query = queries.oddKeys(kind, limit);
      const found = query === null ? [] : await session.rows(query);
      return found.map(([key]) => ({
        key: key ?? "",
        reason: `${table}.${column}: ${isBeyondIds(key) ? BEYOND_IDS : "is no whole number"}`,
      }));
    });
  }

  async people(role: Role, ids: readonly LmsId[]): Promise<Person[]> {
    const found: Person[] = [];
    for (const chunk of chunks(distinct(ids), PEOPLE_PER_PAGE)) {
      found.push(
        ...await this.#read((session, { queries, preset }) =>
          readPeople(session, queries, preset, role, { ids: chunk }, this.#linking)
        ),
      );
    }
    await this.#keys.keep();
    return found;
  }

  async *allPeople(role: Role): AsyncIterable<readonly Person[]> {
    for (let after: LmsId | null = null;;) {
      const where: { after: LmsId | null; limit: number } = { after, limit: PEOPLE_PER_PAGE };
      const page: Person[] = await this.#read((session, { queries, preset }) =>
        readPeople(session, queries, preset, role, where, this.#linking)
      );
      const last = page.at(-1);
      if (last === undefined) return;
      await this.#keys.keep();
      yield page;
      if (page.length < PEOPLE_PER_PAGE) return;
      after = last.id;
    }
  }

  async links(studentIds: readonly LmsId[]): Promise<MentorLinks> {
    const links = new Map<LmsId, readonly LmsId[]>();
    for (const chunk of chunks(distinct(studentIds), PEOPLE_PER_PAGE)) {
      const found = await this.#read((session, { queries, preset }) =>
        readLinks(session, queries, preset, chunk, this.#linking)
      );
      for (const [student, mentors] of found) links.set(student, mentors);
    }
    await this.#keys.keep();
    return links;
  }

  takeFaults(): Faults {
    return this.#faults.take();
  }

  close(): Promise<void> {
    return this.#options.driver.close();
  }

  get #linking() {
    return { faults: this.#faults, keys: this.#keys };
  }

  #queryAccess(kind: Kind): QueryAccess {
    return {
      keys: this.#keys,
      read: (work) =>
        this.#read((session, prepared) =>
          work(this.#sessionOf(session, prepared, kind), prepared.queries.queryKind(kind))
        ),
    };
  }

  #sessionOf(session: LmsSession, prepared: Prepared, kind: Kind): QuerySession {
    return {
      rows: (query) => session.rows(query),
      page: (cells) => this.#rowsOf(session, prepared, kind, cells),
    };
  }

  /** One transaction; the first one also looks at the tables, and so does one more when they changed since. */
  async #read<T>(work: (session: LmsSession, prepared: Prepared) => Promise<T>): Promise<T> {
    const known = this.#prepared;
    if (known === null) return await this.#readAnew(work);
    try {
      return await this.#options.driver.read((session) => work(session, fitting(session, known)));
    } catch (error) {
      if (!(error instanceof LmsError && error.reason === "schema")) throw error;
      this.#prepared = null;
      return await this.#readAnew(work);
    }
  }

  /** Throws LmsError with everything that the database says against the queries of a mapping. */
  async #checkWritten(): Promise<void> {
    const { written, driver, preset } = this.#options;
    if (this.#checked || written === undefined || written === null) return;
    const problems = await queryProblems(driver, preset.base, written);
    if (problems.length > 0) {
      throw new LmsError("schema", `Cannot use the mapping:\n${problems.join("\n")}`, {
        hint: "`lmsmon preset check custom` tries a mapping; docs/presets.md says what each query gives",
      });
    }
    this.#checked = true;
  }

  async inspect(kind: Kind): ReturnType<LmsSource["inspect"]> {
    const { dialect } = this.#options.driver;
    await this.#checkWritten();
    return await this.#read(async (session, { queries, preset }) => {
      const explain = async (query: string) =>
        (await session.rows(explained(dialect, query))).map((cells) => cells.map((cell) => cell ?? "").join(" | "));
      if (this.#queryRows[kind] === undefined) {
        return { warnings: [], plan: await explain(queries.rows(kind, { after: null, limit: 100 })) };
      }
      const sql = queries.queryKind(kind);
      const warnings = await kindWarnings(session, dialect, preset, kind, sql);
      const from: KeyRange = { from: null, fromItself: false, to: null };
      const [keysQuery] = sql.keysAfter(from, 100);
      const keys = keysQuery === undefined
        ? []
        : (await session.rows(keysQuery)).map((cells) => cells.map((cell) => cell ?? ""));
      const plan = [
        ...keysQuery === undefined ? [] : await explain(keysQuery),
        ...await explain(keys.length === 0 ? sql.any(from) : sql.rows({ keys })),
      ];
      return { warnings, plan };
    });
  }

  async #readAnew<T>(work: (session: LmsSession, prepared: Prepared) => Promise<T>): Promise<T> {
    const { driver } = this.#options;
    await this.#checkWritten();
    return await driver.read(async (session) => {
      const prepared = await this.#prepare(session);
      // An LMS whose tables are not there yet is looked at again next time.
      if (prepared.catalog.tables.size > 0 || prepared.catalog.described) this.#prepared = prepared;
      return await work(session, fitting(session, prepared));
    });
  }

  async #prepare(session: LmsSession): Promise<Prepared> {
    const { driver, preset: maker, times } = this.#options;
    const wanted = maker.build === null ? maker.base : maker.build(await readTables(session, driver));
    const { preset, types } = await describePreset(session, wanted, driver.dialect);
    const catalog = await readCatalog(session, preset, driver, types);
    const queriesOf = (raw: boolean) => lmsQueries(preset, driver.dialect, catalog.types, raw);
    const readers = Object.fromEntries(
      this.kinds.map((kind) => [kind, rowReader(kind, kindOf(preset, kind), { times, keys: this.#keys })]),
    );
    return { preset, catalog, queries: queriesOf(false), raw: queriesOf(true), readers };
  }

  async #page(
    session: LmsSession,
    prepared: Prepared,
    kind: Kind,
    query: string,
    known: KnownActivities = new Map(),
  ): Promise<RowPage> {
    return await this.#rowsOf(session, prepared, kind, await session.rows(query), known);
  }

  async #rowsOf(
    session: LmsSession,
    { preset, catalog, queries, readers }: Prepared,
    kind: Kind,
    cellRows: readonly CellRow[],
    known: KnownActivities = new Map(),
  ): Promise<RowPage> {
    const read = readers[kind];
    if (read === undefined) throw new TypeError(`Cannot read ${kind} rows: the preset has none`);
    const of = kindOf(preset, kind);
    const good: ReadRow[] = [], bad: BadRow[] = [];
    for (const [i, cells] of cellRows.entries()) {
      if (turnIsOver(i)) await takeTurns();
      const row = read(cells);
      if (isBad(row)) {
        bad.push(row);
        continue;
      }
      good.push(row);
      if (row.unreadable) this.#faults.noteText("table" in of ? of.table : kind, row.row.id);
    }
    // Look-ups by ids that stand for texts need to know which, also of rows just read.
    await this.#keys.keep();
    const chapterTable = of.activity?.chapterOfContent ?? null;
    const activities = await readActivities(session, queries, preset, kind, good, {
      examDurationUnit: this.#options.examDurationUnit,
      faults: this.#faults,
      keys: this.#keys,
      chapterOfContent: chapterTable !== null &&
        ("from" in chapterTable ||
          catalog.has(chapterTable.table, [chapterTable.key, ...Object.values(chapterTable.columns)])),
    }, known);
    return {
      rows: ascending(good.map((row, i) => complete(row, activities[i] ?? null))),
      bad: ascending(bad),
    };
  }
}

/** What of a preset's keys are texts. */
function textSorts(preset: Preset): KeySort[] {
  return [
    ...ID_SORTS.filter((sort) => preset.ids?.[sort] === "text"),
    ...KINDS.flatMap((kind): KeySort[] => {
      const of = preset.kinds[kind];
      return of !== null && keyFormOf(of) === "text" ? [`${kind}_row`] : [];
    }),
  ];
}

function fitting({ raw }: LmsSession, prepared: Prepared): Prepared {
  return raw ? { ...prepared, queries: prepared.raw } : prepared;
}
