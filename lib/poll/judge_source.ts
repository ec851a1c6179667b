import type { DatabaseAddress } from "../database/database_address.ts";
import type { AddressChange } from "../source/source_address.ts";
import type { LmsIdentity, PresentIdentity } from "../model/source_identity.ts";
import type { StoredSource } from "../state/sources.ts";

/** Known rows asked for at each end of a stream. */
export const SAMPLE_EACH_END = 10;

/** Known rows that the LMS still has, unchanged, among those sampled. */
export interface Sample {
  readonly known: number;
  readonly same: number;
}

/** What there is to go by besides what was stored. */
export interface Evidence {
  readonly now: PresentIdentity;
  readonly sample: Sample;
  /** Of the stored address against the configured one; of no meaning while none is stored. */
  readonly addressChange: AddressChange;
}

export type SourceVerdict =
  /** Nothing is known of the source yet. */
  | "first"
  | "known"
  /** No address was stored (0.1), and all else says that it is the same LMS. */
  | "address_learned"
  /** It is provably the same database, at another address. */
  | "address_changed"
  /** Another server with the same rows behind the same address: an upgrade, a failover. */
  | "system_changed"
  /** Not polled until a person confirms it. */
  | "edited"
  | "other_database"
  | "other_rows";

const REFUSALS: ReadonlySet<SourceVerdict> = new Set(["edited", "other_database", "other_rows"]);

export function isRefusal(verdict: SourceVerdict): boolean {
  return REFUSALS.has(verdict);
}

/**
 * Whether the LMS is the one that this state knows. Rows alone cannot say so, since a copy has the same: whoever edited the
 * address is asked, unless server and database are provably the same. Behind an address that nobody edited, the rows are the
 * evidence: a failover or an upgrade keeps them.
 */
export function judgeSource({ identity, address }: StoredSource, evidence: Evidence): SourceVerdict {
  if (identity === null) return "first";
  const { now, sample, addressChange } = evidence;
  if (address === null) return judgeWithoutAddress(identity, now, sample);
  const system = identity.system === null || now.system === null
    ? "unknown"
    : identity.system === now.system
    ? "equal"
    : "other";
  const samePlace = identity.dialect === now.dialect && identity.database === now.database &&
    (identity.schema === null || now.schema === null || identity.schema === now.schema);
  if (addressChange === "edited") {
    return samePlace && system === "equal" && now.systemIsUnique ? "address_changed" : "edited";
  }
  if (!samePlace) return "other_database";
  if (system === "equal") return addressChange === "none" ? "known" : "address_changed";
  // Another spelling and another server at once: nothing says that the spelling was all that changed.
  if (system === "other" && addressChange === "spelling") return "edited";
  if (system === "other") return sample.known === 0 || mostlySame(sample) ? "system_changed" : "other_rows";
  if (!rowsSpeakForIt(identity, now, sample)) return "other_rows";
  return addressChange === "none" ? "known" : "address_changed";
}

/** As version 0.1 did: by dialect, database, system identifier and sampled rows. */
function judgeWithoutAddress(identity: LmsIdentity, now: LmsIdentity, sample: Sample): SourceVerdict {
  const sameName = identity.dialect === now.dialect && identity.database === now.database;
  const known = sameName && identity.system !== null && identity.system === now.system;
  if (known || sample.known === 0) return "address_learned";
  const same = sameName ? rowsSpeakForIt(identity, now, sample) : mostlySame(sample);
  return same ? "address_learned" : "other_rows";
}

/**
 * With no system identifier on either side the rows count as the same, unless ten or more were sampled and none is the same. Where
 * only one side has an identifier (a right was granted since), at least half of the rows must be the same.
 */
function rowsSpeakForIt(identity: LmsIdentity, now: LmsIdentity, sample: Sample): boolean {
  if (sample.known === 0) return true;
  if (identity.system === null && now.system === null) return sample.known < SAMPLE_EACH_END || sample.same > 0;
  return mostlySame(sample);
}

const mostlySame = ({ known, same }: Sample) => same * 2 >= known;

/** The LMS at the configured address, compared with the one that this state knows. */
export interface ExaminedSource {
  readonly stored: StoredSource;
  readonly now: PresentIdentity;
  /** As configured. */
  readonly address: DatabaseAddress;
  readonly sample: Sample;
  readonly verdict: SourceVerdict;
}
