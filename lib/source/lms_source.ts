import type { DatabaseAddress } from "../database/database_address.ts";
import type { AttemptRow, BadRow } from "../model/attempt.ts";
import type { BucketSum, KeyHash } from "../model/bucket.ts";
import type { LmsId } from "../model/event.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Kind } from "../model/event_types.ts";
import type { MentorLinks, Person, Role } from "../model/person.ts";
import type { KeySpace } from "../model/key_space.ts";
import type { LmsLog } from "./lms_log.ts";
import type { CourseContextSource } from "../model/course_context.ts";
import type { Faults } from "./lms_faults.ts";
import type { SiteFinding } from "./site_look.ts";
import type { PresentIdentity } from "../model/source_identity.ts";

/** Rows of one page, in ascending id; rows the preset cannot read come in `bad` and block no other. */
export interface RowPage {
  readonly rows: readonly AttemptRow[];
  readonly bad: readonly BadRow[];
  /** Of `rowsAfter`: after which id to go on; absent when nothing comes after. */
  readonly next?: LmsId;
  /** Of the last page: up to here everything was looked at, also what a query leaves out. */
  readonly readTo?: LmsId;
}

export interface NewestPage extends RowPage {
  /** There are older ones behind it. */
  readonly more: boolean;
}

/**
 * The only door to the LMS. Every call is one short READ ONLY transaction with its own snapshot and a statement timeout;
 * nothing is held between calls. All calls throw `LmsError`, with the table, column or host and the remedy.
 */
export interface LmsSource extends CourseContextSource {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /**
   * Where `lms.url` points, in normal form (lib/source/source_address.ts). The user, the password and words about TLS are no part of
   * it: they may change, and the database is the same. Of an embedded LMS its URL, and no host.
   */
  readonly address: DatabaseAddress;
  /** Version of the hash recipe (preset, columns and dialect): another number makes all known hashes worthless. */
  recipe(kind: Kind): number;
  /**
   * Connects, and checks that every table and column of the preset can be read, naming all that cannot. `plaintextHost`: a
   * host beyond this machine that is spoken to without TLS.
   */
  check(): Promise<{ readonly version: string; readonly readOnly: true; readonly plaintextHost: string | null }>;
  identity(): Promise<PresentIdentity>;
  /** Whether its tables were altered since they were last looked at: what is read of a column depends on its type. */
  tablesChanged?(): Promise<boolean>;
  /** What the server's clock says. */
  serverTime(): Promise<EpochMicros>;
  /** What the role could write, a phrase each ("it is a superuser"); empty when it may only read, as it should. */
  writeRights(): Promise<readonly string[]>;
  /**
   * A token that is equal to an earlier one only if nothing at all was committed in between (PostgreSQL: the snapshot on a
   * primary, the replay position on a standby); `null` where that does not prove that every table reads as before (see
   * `skipObstacles`). Skips full passes only.
   */
  changeToken(): Promise<string | null>;
  /** What there is to say of the LMS as a whole, for `doctor`; a preset that knows its product knows what can be wrong with it. */
  findings?(): Promise<readonly SiteFinding[]>;
  /** The log of a kind, where the LMS keeps one that says more than its rows. */
  log?(kind: Kind): LmsLog | null;
  /** Why there is no such token now, naming what prevents it; `null` when there is one. */
  whyNoChangeToken(): Promise<string | null>;
  /** How the keys of a kind's rows lie in the comparison, and whether new ones come above all others. */
  keySpace(kind: Kind): KeySpace;
  /**
   * Up to `limit` whole rows with id > `after` (`null`: from the start), ascending; where keys do not ascend, in the LMS's own order,
   * and `after` is `next` of the page before. A page with `next` may be empty: a query may leave out rows of what drives it.
   */
  rowsAfter(kind: Kind, after: LmsId | null, limit: number): Promise<RowPage>;
  /** Whole rows for the given ids; absent ids are simply not returned. Any number of ids: the source pages. */
  rowsByIds(kind: Kind, ids: readonly LmsId[]): Promise<RowPage>;
  /**
   * Rows that the LMS wrote last, by a hint of the preset (`newest`), without the first `skip` of them; `null` where there is none. The full
   * pass finds what a hint overlooks.
   */
  newestRows?(kind: Kind, limit: number, skip: number): Promise<NewestPage | null>;
  /** What tells of new rows before the full pass does, although their keys do not ascend: a column, a log; `null` when nothing does. */
  newsBy?(kind: Kind): string | null;
  /** Smallest id >= `from`, `null` when there is none: lets a pass jump over gaps between ids. */
  firstIdFrom(kind: Kind, from: LmsId): Promise<LmsId | null>;
  /** Non-empty buckets with fromBucket <= bucket < toBucket, ascending. */
  buckets(kind: Kind, fromBucket: bigint, toBucket: bigint): Promise<BucketSum[]>;
  /** Ids and hashes of all rows in the given buckets, ascending by id. */
  keyHashes(kind: Kind, buckets: readonly bigint[]): Promise<KeyHash[]>;
  /** Up to `limit` rows whose key no id can be, with the key as the LMS writes it: no other call gives these rows. */
  oddKeys(kind: Kind, limit: number): Promise<{ readonly key: string; readonly reason: string }[]>;
  /** The LMS's own keys of ids, for people to read. */
  shownKeys(ids: readonly LmsId[]): Promise<ReadonlyMap<LmsId, string>>;
  /** What is doubtful about how a kind is read, and how the server reads it: for people who write mappings. */
  inspect(kind: Kind): Promise<{ readonly warnings: readonly string[]; readonly plan: readonly string[] }>;
  /** The warnings of `inspect` where somebody wrote the queries, for a log at the start: a few statements of a hundred keys each. */
  doubts?(): Promise<readonly string[]>;
  people(role: Role, ids: readonly LmsId[]): Promise<Person[]>;
  /** All people of a role in pages, ascending by id; bounded memory. */
  allPeople(role: Role): AsyncIterable<readonly Person[]>;
  /** Mentors of the given students; a student without any is absent or empty. */
  links(studentIds: readonly LmsId[]): Promise<MentorLinks>;
  /** What was read since the last call and could not be taken as it is. */
  takeFaults(): Faults;
  close(): Promise<void>;
}
