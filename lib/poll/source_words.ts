import type { DatabaseAddress } from "../database/database_address.ts";
import type { LmsIdentity } from "../model/source_identity.ts";
import { printAddress } from "../source/source_address.ts";
import { LmsError } from "../base/errors.ts";
import type { SourceNotice } from "../state/sources.ts";
import type { ExaminedSource } from "./judge_source.ts";

/** Database, server and address of one LMS, as people read them. */
export function describeSource(identity: LmsIdentity | null, address: DatabaseAddress | null): string {
  const parts = identity === null ? [] : [
    `${identity.dialect} database "${identity.database}"`,
    ...(identity.schema === null || identity.schema === "public" ? [] : [`schema "${identity.schema}"`]),
    ...(identity.system === null ? [] : [`system ${identity.system}`]),
  ];
  const where = address === null ? "" : `at ${printAddress(address)}`;
  return [parts.join(", "), where].filter((part) => part !== "").join(" ") || "nothing yet";
}

/** What was stored and what is there now, of an LMS that is not polled before a person confirms it. */
export function sourceRefusal(source: string, { stored, now, address, sample, verdict }: ExaminedSource): LmsError {
  const rows = sampled(sample);
  const asInAnyCopy = sample.known === 0 ? "" : `; ${rows}, as in any copy`;
  const why = verdict === "edited"
    ? `It cannot be proven to be the same database, and lms.url was edited${asInAnyCopy}`
    : verdict === "other_database"
    ? `Behind the same address is another database${asInAnyCopy}`
    : rows;
  return new LmsError(
    "identity",
    `Cannot poll "${source}": the database behind it is not the one that this state knows. ` +
      `Stored: ${describeSource(stored.identity, stored.address)}. Present: ${describeSource(now, address)}. ${why}`,
    { hint: "check lms.url; give another LMS another lms.name, or confirm the exchange once with --accept-source" },
  );
}

/** What the administrator hears of an LMS that goes on, though not unchanged. */
export function sourceNotice({ stored, now, address, sample, verdict }: ExaminedSource): SourceNotice | null {
  if (verdict !== "system_changed") return null;
  return {
    key: `system:${now.system}`,
    text: `behind the address of the LMS (${printAddress(address)}) is another database system than before: ` +
      `${stored.identity?.system ?? "unknown"}, now ${now.system ?? "unknown"}. ${
        sampled(sample)
      }, so polling goes on. ` +
      "An upgrade or a failover looks like this. If it was neither, stop lmsmon and look at what answers there.",
  };
}

export function sampled({ same, known }: ExaminedSource["sample"]): string {
  return known === 0 ? "No row was known yet" : `${same} of ${known} sampled rows are the same`;
}
