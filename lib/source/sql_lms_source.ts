import type { Preset } from "../../sql/lms/preset.ts";
import { integer, type LmsQueries, lmsQueries } from "../../sql/lms/queries.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import type { AttemptRow, BadRow } from "../model/attempt.ts";
import type { BucketSum, KeyHash } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
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
import type { LmsDriver, LmsSession } from "./lms_driver.ts";
import type { LmsTarget } from "./lms_errors.ts";
import type { LmsSource, RowPage } from "./lms_source.ts";
import type { PresentIdentity } from "../model/source_identity.ts";
import type { TimeReader } from "./lms_times.ts";
import { readDatedActivities, readEnrolments } from "./course_context.ts";
import { ChangeProof } from "./change_proof.ts";
import { readIdentityOf } from "./identity.ts";
import { isBeyondIds } from "./lms_values.ts";
import { readLinks, readPeople } from "./people.ts";
import { type Faults, LmsFaults } from "./lms_faults.ts";
import { BEYOND_IDS, complete, isBad, type ReadRow, type RowReader, rowReader } from "./row_reader.ts";
import { type Catalog, checkSchema, checkVersion, readCatalog } from "./schema_check.ts";
import { mysqlWriteRights, postgresWriteRights } from "./write_rights.ts";

/** Ids per query: some thousand, so that a statement stays short and an `in` list small. */
const IDS_PER_PAGE = 2000;
const PEOPLE_PER_PAGE = 1000;

export interface SqlLmsOptions {
  readonly name: string;
  readonly preset: Preset;
  readonly driver: LmsDriver;
  readonly target: LmsTarget;
  readonly address: DatabaseAddress;
  readonly readTime: TimeReader;
  readonly examDurationUnit: ActivityOptions["examDurationUnit"];
}

/** What is known once the tables have been looked at: on MySQL a query depends on the types of its time columns. */
interface Prepared {
  readonly catalog: Catalog;
  readonly queries: LmsQueries;
  /** For a session in which texts come as bytes. */
  readonly raw: LmsQueries;
}

/** An LMS behind SQL: a preset's queries through a driver. See LmsSource for the contract of each method. */
export class SqlLmsSource implements LmsSource {
  readonly name: string;
  readonly kinds: readonly Kind[] = KINDS;
  readonly address: DatabaseAddress;
  readonly #options: SqlLmsOptions;
  readonly #faults = new LmsFaults();
  readonly #changes: ChangeProof;
  readonly #readers: Readonly<Record<Kind, RowReader>>;
  readonly #access: BucketAccess = { read: (work) => this.#read((session, { queries }) => work(session, queries)) };
  #prepared: Prepared | null = null;
  /** Where the last full page of `rowsAfter` ended, and what its pass knows of activities. */
  readonly #passes: Record<Kind, { readonly last: LmsId; readonly known: KnownActivities } | null> = {
    exam: null,
    content: null,
  };

  constructor(options: SqlLmsOptions) {
    this.name = options.name;
    this.address = options.address;
    this.#changes = new ChangeProof(options.driver, options.preset);
    this.#options = options;
    const { kinds } = options.preset;
    this.#readers = {
      exam: rowReader("exam", kinds.exam, options.readTime),
      content: rowReader("content", kinds.content, options.readTime),
    };
  }

  recipe(kind: Kind): number {
    const { preset, driver } = this.#options;
    return preset.number * 10_000 + driver.dialect.number * 1000 + preset.kinds[kind].version;
  }

  async check(): ReturnType<LmsSource["check"]> {
    const { driver, preset, target } = this.#options;
    this.#prepared = null; // look again: tables may have been added or granted since
    const { version, prepared } = await this.#read(async (session, prepared) => {
      const [about] = await session.rows(driver.dialect.about);
      return { version: about?.[0] ?? "unknown", prepared };
    });
    checkVersion(driver.dialect, version, target);
    await checkSchema(driver, preset, prepared.catalog, prepared.queries, target);
    return { version, readOnly: true, plaintextHost: driver.plaintextHost() };
  }

  identity(): Promise<PresentIdentity> {
    return readIdentityOf(this.#options.driver, this.#options.preset, this.address.database);
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
    this.#passes[kind] = full ? { last: lastOf(page), known } : null;
    return page;
  }

  async rowsByIds(kind: Kind, ids: readonly LmsId[]): Promise<RowPage> {
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

  firstIdFrom(kind: Kind, from: LmsId): Promise<LmsId | null> {
    return firstIdFrom(this.#access, kind, integer(from));
  }

  buckets(kind: Kind, fromBucket: bigint, toBucket: bigint): Promise<BucketSum[]> {
    return readBuckets(this.#access, kind, fromBucket, toBucket);
  }

  keyHashes(kind: Kind, buckets: readonly bigint[]): Promise<KeyHash[]> {
    return readKeyHashes(this.#access, kind, buckets);
  }

  async oddKeys(kind: Kind, limit: number): ReturnType<LmsSource["oddKeys"]> {
    if (this.#prepared?.queries.oddKeys(kind, limit) === null) return []; // the key's type has none
    const { table, key: column } = this.#options.preset.kinds[kind];
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
        ...await this.#read((session, { queries }) =>
          readPeople(session, queries, this.#options.preset, role, { ids: chunk }, this.#faults)
        ),
      );
    }
    return found;
  }

  async *allPeople(role: Role): AsyncIterable<readonly Person[]> {
    for (let after: LmsId | null = null;;) {
      const where: { after: LmsId | null; limit: number } = { after, limit: PEOPLE_PER_PAGE };
      const page: Person[] = await this.#read((session, { queries }) =>
        readPeople(session, queries, this.#options.preset, role, where, this.#faults)
      );
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      if (page.length < PEOPLE_PER_PAGE) return;
      after = last.id;
    }
  }

  async links(studentIds: readonly LmsId[]): Promise<MentorLinks> {
    const links = new Map<LmsId, readonly LmsId[]>();
    for (const chunk of chunks(distinct(studentIds), PEOPLE_PER_PAGE)) {
      const found = await this.#read((session, { queries }) =>
        readLinks(session, queries, this.#options.preset, chunk, this.#faults)
      );
      for (const [student, mentors] of found) links.set(student, mentors);
    }
    return links;
  }

  readonly activities = () => readDatedActivities(this.#options, (work) => this.#read(work));
  readonly enrolments = () => readEnrolments(this.#options.preset, this.allPeople("student"));
  takeFaults(): Faults {
    return this.#faults.take();
  }

  close(): Promise<void> {
    return this.#options.driver.close();
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

  #readAnew<T>(work: (session: LmsSession, prepared: Prepared) => Promise<T>): Promise<T> {
    const { driver, preset } = this.#options;
    return driver.read(async (session) => {
      const catalog = await readCatalog(session, preset, driver);
      const queriesOf = (raw: boolean) => lmsQueries(preset, driver.dialect, catalog.types, raw);
      const prepared = { catalog, queries: queriesOf(false), raw: queriesOf(true) };
      // An LMS whose tables are not there yet is looked at again next time.
      if (catalog.tables.size > 0) this.#prepared = prepared;
      return await work(session, fitting(session, prepared));
    });
  }

  async #page(
    session: LmsSession,
    prepared: Prepared,
    kind: Kind,
    query: string,
    known: KnownActivities = new Map(),
  ): Promise<RowPage> {
    const { preset, examDurationUnit } = this.#options;
    const read = this.#readers[kind];
    const good: ReadRow[] = [], bad: BadRow[] = [];
    for (const [i, cells] of (await session.rows(query)).entries()) {
      if (turnIsOver(i)) await takeTurns();
      const row = read(cells);
      if (isBad(row)) {
        bad.push(row);
        continue;
      }
      good.push(row);
      if (row.unreadable) this.#faults.noteText(preset.kinds[kind].table, row.row.id);
    }
    const chapterTable = preset.kinds[kind].activity.chapterOfContent;
    const activities = await readActivities(session, prepared.queries, preset, kind, good, {
      examDurationUnit,
      faults: this.#faults,
      chapterOfContent: chapterTable !== null &&
        prepared.catalog.has(chapterTable.table, [chapterTable.key, ...Object.values(chapterTable.columns)]),
    }, known);
    return {
      rows: ascending(good.map((row, i) => complete(row, activities[i] ?? null))),
      bad: ascending(bad),
    };
  }
}

function fitting({ raw }: LmsSession, prepared: Prepared): Prepared {
  return raw ? { ...prepared, queries: prepared.raw } : prepared;
}
