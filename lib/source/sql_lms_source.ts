import { kindOf, newestOf, type PresetMaker } from "../../sql/lms/preset.ts";
import { integer } from "../../sql/lms/queries.ts";
import type { MappingText } from "../config/config.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import type { BucketSum, KeyHash } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
import { KEY_SPACES, type KeySpace } from "../model/key_space.ts";
import { type Kind, KINDS } from "../model/event_types.ts";
import type { EpochMicros } from "../model/time.ts";
import type { MentorLinks, Person, Role } from "../model/person.ts";
import { LmsError } from "../base/errors.ts";
import { type BucketAccess, firstIdFrom, readBuckets, readKeyHashes } from "./bucket_reads.ts";
import { type ActivityOptions } from "./activities.ts";
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import { type KeyStore, LmsKeys, memoryKeyStore } from "./lms_keys.ts";
import { type LmsTarget, ofQuery } from "./lms_errors.ts";
import type { LmsLog } from "./lms_log.ts";
import type { LmsSource, NewestPage, RowPage } from "./lms_source.ts";
import { logReads } from "./log_reads.ts";
import type { SiteFinding, SiteLook } from "./site_look.ts";
import type { PresentIdentity } from "../model/source_identity.ts";
import type { TimeReaders } from "./lms_times.ts";
import { checkQueries } from "./mapping_check.ts";
import { keyFormOf, type QueryAccess, type QuerySession } from "./query_access.ts";
import { QueryRows } from "./query_rows.ts";
import { recipeOf } from "./recipe.ts";
import { type ContextReading, readDatedActivities, readEnrolments, readExemptions } from "./course_context.ts";
import { inspectKind } from "./inspect_kind.ts";
import { everybody, linksOf, type PeopleAccess, peopleByIds } from "./people_reads.ts";
import { catalogChanged, fitting, prepare, type Prepared, rowsOf, textSorts } from "./prepared.ts";
import { TableRows } from "./table_rows.ts";
import { ChangeProof } from "./change_proof.ts";
import { readIdentityOf } from "./identity.ts";
import { type Faults, LmsFaults } from "./lms_faults.ts";
import { rowKeyReader } from "./row_reader.ts";
import { checkSchema, checkVersion } from "./schema_check.ts";
import { writeRightsOf } from "./write_rights.ts";

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
  readonly #tableRows: TableRows = new TableRows({
    read: (work) =>
      this.#read((session, prepared) =>
        work(session, {
          ...prepared,
          page: async (kind, query, known) =>
            await rowsOf(session, prepared, kind, await session.rows(query), this.#rowParts, known),
        })
      ),
  });

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
    return recipeOf(this.#options.preset.base, kind, this.#options.driver.dialect.number);
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
      if (look == null || !(error instanceof LmsError) || error.reason !== "schema") throw error;
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
    const [[micros] = []] = await this.#options.driver.read(({ rows }) => rows(this.#options.driver.dialect.clock));
    return Number(micros);
  }

  readonly writeRights = () => writeRightsOf(this.#options.driver, this.address.database);

  async tablesChanged(): Promise<boolean> {
    return this.#prepared !== null && await catalogChanged(this.#options.driver, this.#prepared);
  }

  changeToken(): Promise<string | null> {
    return this.#changes.token();
  }

  whyNoChangeToken(): Promise<string | null> {
    return this.#changes.whyNone();
  }

  async rowsAfter(kind: Kind, after: LmsId | null, limit: number): Promise<RowPage> {
    const from = after === null ? null : integer(after);
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`Cannot read a page of ${limit} rows`);
    return await (this.#queryRows[kind] ?? this.#tableRows).rowsAfter(from, limit, kind);
  }

  async rowsByIds(kind: Kind, ids: readonly LmsId[]): Promise<RowPage> {
    return await (this.#queryRows[kind] ?? this.#tableRows).rowsByIds(ids, kind);
  }

  async newestRows(kind: Kind, limit: number, skip: number): Promise<NewestPage | null> {
    return await this.#queryRows[kind]?.newest(limit, skip) ?? null;
  }

  newsBy(kind: Kind): string | null {
    const of = kindOf(this.#prepared?.preset ?? this.#options.preset.base, kind), newest = newestOf(of);
    return newest !== null ? `${newest.table}.${newest.column}` : of.log?.table ?? null;
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
    return look == null ? [] : await look.findings(driver);
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
    if (ofQuery !== undefined) return await ofQuery.oddKeys(limit);
    if (this.#prepared?.queries.oddKeys(kind, limit) === null) return []; // the key's type has none
    return await this.#tableRows.oddKeys(kind, limit);
  }

  async people(role: Role, ids: readonly LmsId[]): Promise<Person[]> {
    return await peopleByIds(this.#peopleAccess, role, ids);
  }

  allPeople(role: Role): AsyncIterable<readonly Person[]> {
    return everybody(this.#peopleAccess, role);
  }

  readonly links = (studentIds: readonly LmsId[]): Promise<MentorLinks> => linksOf(this.#peopleAccess, studentIds);
  readonly shownKeys = (ids: readonly LmsId[]): Promise<ReadonlyMap<LmsId, string>> => this.#keys.shown(ids);

  async inspect(kind: Kind): ReturnType<LmsSource["inspect"]> {
    await this.#checkWritten();
    const { dialect } = this.#options.driver;
    return await this.#read((session, prepared) => inspectKind(session, prepared, dialect, kind)).catch(ofQuery(kind));
  }
  readonly doubts = async (): Promise<readonly string[]> => {
    const looks = this.#options.written == null ? [] : this.kinds.map((kind) => this.inspect(kind));
    return (await Promise.all(looks)).flatMap(({ warnings }) => warnings);
  };
  readonly activities = () => readDatedActivities(this.#contextReading);
  readonly enrolments = () => readEnrolments(this.#contextReading, this.allPeople("student"));
  readonly exemptions = () => readExemptions(this.#contextReading, this.allPeople("student"));

  get #contextReading(): ContextReading {
    return { ...this.#options, read: (work) => this.#read(work) };
  }

  readonly takeFaults = (): Faults => this.#faults.take();
  readonly close = (): Promise<void> => this.#options.driver.close();

  get #peopleAccess(): PeopleAccess {
    return {
      faults: this.#faults,
      keys: this.#keys,
      read: (work) => this.#read((session, { queries, preset }) => work(session, queries, preset)),
    };
  }

  /** What rows are made with. */
  get #rowParts() {
    const { times, examDurationUnit } = this.#options;
    return { times, examDurationUnit, faults: this.#faults, keys: this.#keys };
  }

  #queryAccess(kind: Kind): QueryAccess {
    return {
      keys: this.#keys,
      sql: () => this.#prepared?.queries.queryKind(kind) ?? null,
      read: (work) =>
        this.#read((session, prepared) =>
          work(this.#sessionOf(session, prepared, kind), prepared.queries.queryKind(kind))
        ).catch(ofQuery(kind)),
    };
  }

  #sessionOf(session: LmsSession, prepared: Prepared, kind: Kind): QuerySession {
    return {
      rows: (query) => session.rows(query),
      page: (cells, known) => rowsOf(session, prepared, kind, cells, this.#rowParts, known),
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
    if (this.#checked || written == null) return;
    await checkQueries(driver, preset.base, written);
    this.#checked = true;
  }

  async #readAnew<T>(work: (session: LmsSession, prepared: Prepared) => Promise<T>): Promise<T> {
    const { driver } = this.#options;
    await this.#checkWritten();
    return await driver.read(async (session) => {
      const prepared = await prepare(session, driver, this.#options.preset, this.#rowParts);
      // An LMS whose tables are not there yet is looked at again next time.
      if (prepared.catalog.tables.size > 0 || prepared.catalog.described) this.#prepared = prepared;
      return await work(session, fitting(session, prepared));
    });
  }
}
