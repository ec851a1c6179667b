import { sampleRows } from "../../sql/state/row_states.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import { hostAddresses } from "../source/host_addresses.ts";
import { LmsError } from "../base/errors.ts";
import type { LmsSource } from "../source/lms_source.ts";
import type { LmsIdentity, PresentIdentity } from "../model/source_identity.ts";
import { type AddressChange, compareAddresses } from "../source/source_address.ts";
import type { Logger } from "../base/log.ts";
import { recordAct } from "../state/acts.ts";
import { acceptSource, readSource } from "../state/sources.ts";
import type { StateDb } from "../state/state_db.ts";
import { readStreams } from "./record/streams.ts";
import { type ExaminedSource, isRefusal, judgeSource, type Sample, SAMPLE_EACH_END } from "./judge_source.ts";
import { describeSource, sampled, sourceNotice, sourceRefusal } from "./source_words.ts";

/** The machine's name service, as an edge. */
export type FindAddresses = (host: string) => Promise<readonly string[]>;

/** Compares, and changes nothing; throws only where the LMS or the state cannot be asked. */
export async function compareSource(
  db: StateDb,
  lms: LmsSource,
  findAddresses: FindAddresses = hostAddresses,
): Promise<ExaminedSource> {
  const now = await lms.identity();
  const stored = await readSource(db, lms.name);
  const sample = stored.identity === null ? { known: 0, same: 0 } : await sampleSource(db, lms);
  const addressChange = stored.address === null
    ? "none"
    : await compareWith(stored.address, lms.address, findAddresses);
  return { stored, now, address: lms.address, sample, verdict: judgeSource(stored, { now, sample, addressChange }) };
}

/** What was edited in the address, as far as that can be told without the LMS. */
export async function compareWith(
  stored: DatabaseAddress,
  now: DatabaseAddress,
  findAddresses: FindAddresses = hostAddresses,
): Promise<AddressChange> {
  if (compareAddresses(stored, now, () => []) === "none") return "none";
  const hosts = [...new Set([...stored.hosts, ...now.hosts].map(({ host }) => host))];
  const found = new Map(
    await Promise.all(hosts.map(async (host) => [host, await findAddresses(host)] as const)),
  );
  return compareAddresses(stored, now, (host) => found.get(host) ?? []);
}

/**
 * Looks whether the LMS can be polled, changing nothing. Throws LmsError("schema") that names every table and column that
 * cannot be read, and LmsError("identity") when a person must confirm this LMS first and `accept` is false.
 */
export async function examineSource(
  db: StateDb,
  lms: LmsSource,
  accept: boolean,
  findAddresses: FindAddresses = hostAddresses,
): Promise<ExaminedSource> {
  await lms.check();
  const examined = await compareSource(db, lms, findAddresses);
  if (isRefusal(examined.verdict) && !accept) throw sourceRefusal(lms.name, examined);
  return examined;
}

/** For a command that stores what the LMS says without polling (map-users): throws LmsError("identity") when it is to be confirmed first. */
export async function requireKnownSource(db: StateDb, lms: LmsSource): Promise<void> {
  if ((await readSource(db, lms.name)).identity === null) return;
  const examined = await compareSource(db, lms);
  if (isRefusal(examined.verdict)) throw sourceRefusal(lms.name, examined);
}

/** As examineSource, and remembers what the LMS is and where: from the first poll on, and when it was let through. */
export async function checkSource(
  db: StateDb,
  lms: LmsSource,
  log: Logger,
  accept: boolean,
  findAddresses: FindAddresses = hostAddresses,
): Promise<PresentIdentity> {
  const examined = await examineSource(db, lms, accept, findAddresses);
  const { stored, now, verdict } = examined;
  const { identity: before } = stored;
  const kept = isRefusal(verdict) ? null : before;
  // What cannot be read any more (a right was taken away) is kept for the next look to be compared with.
  const identity: LmsIdentity = {
    dialect: now.dialect,
    system: now.system ?? kept?.system ?? null,
    database: now.database,
    schema: now.schema ?? kept?.schema ?? null,
  };
  const same = JSON.stringify(stored) === JSON.stringify({ identity, address: lms.address });
  if (!same) await acceptSource(db, lms.name, identity, lms.address, sourceNotice(examined));
  if (isRefusal(verdict)) {
    const effect = `the LMS that answers now is accepted as ${lms.name} (${verdict})`;
    await recordAct(db.sql, { source: lms.name, command: "--accept-source", effect });
  }
  say(log, lms.name, examined);
  await sayDoubts(log, lms);
  return now;
}

/** What nobody can have meant in a sample of what a mapping gives, such as several rows of one key; it stops no poll. */
async function sayDoubts(log: Logger, lms: LmsSource): Promise<void> {
  const doubts = await lms.doubts?.().catch(() => []) ?? [];
  for (const doubt of doubts) log.warning("{doubt} (docs/presets.md)", { doubt });
}

function say(log: Logger, source: string, { stored, now, address, sample, verdict }: ExaminedSource): void {
  const before = describeSource(stored.identity, stored.address);
  const present = describeSource(now, address);
  switch (verdict) {
    case "first":
    case "known":
      return;
    case "address_learned":
      log.info("The address of the LMS is remembered from now on", { source, present });
      return;
    case "address_changed":
      log.info("The address of the LMS changed, and it is the same database", { source, before, present });
      return;
    case "system_changed":
      log.warning("Another database system answers at the LMS's address: {rows}, so polling goes on", {
        source,
        rows: sampled(sample),
        before,
        present,
      });
      return;
    case "edited":
    case "other_database":
    case "other_rows":
      log.info("The LMS was confirmed with --accept-source", { source, before, present });
  }
}

/**
 * Looks before every poll of a long-lived process. A failover behind the same address need not break a poll: between two of
 * them connections end and are made anew in silence.
 */
export class SourceWatch {
  #accept: boolean;
  #isUnconfirmed = false;
  #accepted: PresentIdentity | null = null;

  constructor(
    private readonly db: StateDb,
    private readonly lms: LmsSource,
    private readonly log: Logger,
    accept: boolean,
  ) {
    this.#accept = accept;
  }

  /** `thorough`: compares with what is stored even when the same server answers as last time, with the same tables. */
  async check(thorough: boolean): Promise<void> {
    const isSame = !thorough && isSameIdentity(this.#accepted, await this.lms.identity());
    if (isSame && !(await this.lms.tablesChanged?.())) return;
    this.#accepted = null;
    try {
      this.#accepted = await checkSource(this.db, this.lms, this.log, this.#accept);
    } catch (error) {
      if (error instanceof LmsError && error.reason === "identity") this.#isUnconfirmed = true;
      throw error;
    }
    this.#isUnconfirmed = false;
    this.#accept = false; // confirmed once, not for every later exchange
  }

  /** The last look found another LMS than the one that the state knows. */
  get isUnconfirmed(): boolean {
    return this.#isUnconfirmed;
  }

  /** Whether a check would let it through. Stores nothing; false also where the LMS or the state cannot be asked. */
  async isKnown(): Promise<boolean> {
    const known = await compareSource(this.db, this.lms).then(({ verdict }) => !isRefusal(verdict), () => false);
    if (known) this.#isUnconfirmed = false;
    return known;
  }
}

function isSameIdentity(a: LmsIdentity | null, b: LmsIdentity): boolean {
  return a !== null && a.dialect === b.dialect && a.system === b.system && a.database === b.database &&
    a.schema === b.schema;
}

async function sampleSource(db: StateDb, lms: LmsSource): Promise<Sample> {
  let known = 0;
  let same = 0;
  for (const stream of await readStreams(db, lms.name)) {
    const ours = await sampleRows(db.sql, stream.streamId, lms.recipe(stream.kind), SAMPLE_EACH_END);
    if (ours.length === 0) continue;
    const { rows, bad } = await lms.rowsByIds(stream.kind, ours.map((row) => row.row_key));
    const theirs = new Map([...rows, ...bad].map((row) => [row.id, row.hash]));
    known += ours.length;
    same += ours.filter((row) => theirs.get(row.row_key) === row.hash).length;
  }
  return { known, same };
}
