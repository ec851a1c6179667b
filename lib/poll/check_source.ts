import { sampleRows } from "../../sql/state/sample_rows.ts";
import { addSource } from "../../sql/state/streams.ts";
import type { LmsIdentity, LmsSource } from "../lms/lms_source.ts";
import { LmsError } from "../ops/errors.ts";
import type { Logger } from "../ops/log.ts";
import type { StateDb } from "../store/state_db.ts";
import { acceptIdentity, readIdentity, readStreams } from "../store/streams.ts";

const SAMPLE_EACH_END = 10;

/** Known rows that the LMS still has, unchanged, among those sampled. */
export interface Sample {
  readonly known: number;
  readonly same: number;
}

/**
 * Whether the LMS is the one that this state knows. Another database under the same name would make every row look changed
 * or gone, so it stops the source until a person says otherwise. A failover or a move keeps the rows, and is let through.
 */
export function judgeSource(
  stored: LmsIdentity | null,
  now: LmsIdentity,
  sample: Sample,
): "known" | "accept" | "exchanged" {
  if (stored === null) return "accept";
  const sameName = stored.dialect === now.dialect && stored.database === now.database;
  if (sameName && stored.system !== null && stored.system === now.system) return "known";
  if (sample.known === 0) return sameName && stored.system === now.system ? "known" : "accept";
  // Without a system identifier (or with another one) the rows themselves are the evidence.
  if (sameName && stored.system === null && now.system === null) {
    return sample.known >= SAMPLE_EACH_END && sample.same === 0 ? "exchanged" : "known";
  }
  return sample.same * 2 >= sample.known ? "accept" : "exchanged";
}

interface Examined {
  readonly now: LmsIdentity;
  readonly stored: LmsIdentity | null;
  readonly verdict: "known" | "accept";
}

/**
 * Looks whether the LMS can be polled, changing nothing. Throws LmsError("schema") that names every table and column that
 * cannot be read, and LmsError("identity") when the LMS was exchanged and `accept` is false.
 */
export async function examineSource(db: StateDb, lms: LmsSource, accept: boolean): Promise<Examined> {
  await lms.check();
  const now = await lms.identity();
  const stored = await readIdentity(db, lms.name);
  if (accept) return { now, stored, verdict: "accept" };
  const sample = stored === null ? { known: 0, same: 0 } : await sampleSource(db, lms);
  const verdict = judgeSource(stored, now, sample);
  if (verdict !== "exchanged") return { now, stored, verdict };
  throw new LmsError(
    "identity",
    `Cannot poll "${lms.name}": the database behind it is not the one that this state knows ` +
      `(${describe(stored)}, now ${describe(now)}; ${sample.same} of ${sample.known} sampled rows are the same)`,
    { hint: "check lms.url; give another LMS another lms.name, or confirm the exchange once with --accept-source" },
  );
}

/** As examineSource, and remembers what the LMS is: from the first poll on, and when it was let through. */
export async function checkSource(db: StateDb, lms: LmsSource, log: Logger, accept: boolean): Promise<void> {
  const { now, stored, verdict } = await examineSource(db, lms, accept);
  if (verdict === "known" && stored !== null) return;
  if (stored !== null) log.info("The LMS moved or was accepted", { source: lms.name, identity: describe(now) });
  await addSource(db.sql, lms.name);
  await acceptIdentity(db, lms.name, now);
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

function describe(identity: LmsIdentity | null): string {
  return identity === null
    ? "unknown"
    : `${identity.dialect} database "${identity.database}"${identity.system ? ` of system ${identity.system}` : ""}`;
}
