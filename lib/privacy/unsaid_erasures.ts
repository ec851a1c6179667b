import { z } from "zod";
import { dropFact, factsBeginning, writeFact } from "../../sql/state/facts.ts";
import type { Role } from "../model/person.ts";
import type { Queryable } from "../state/state_db.ts";

/** An erasure of which nobody was told yet what it left in Zulip. Kept no longer: with them the name could be found again. */
export interface UnsaidErasure {
  readonly role: Role;
  readonly source: string;
  readonly pseudonym: string;
  readonly zulipMessageIds: readonly string[];
  /** Of these, the ones that name nobody else. */
  readonly alone: readonly string[];
}

/** Of the whole state, not of one LMS. */
const OF_ALL = "";
const BEGINNING = "unsaid_erasure/";

const Kept = z.object({
  role: z.enum(["student", "mentor"]),
  source: z.string(),
  pseudonym: z.string(),
  zulipMessageIds: z.array(z.string()),
  alone: z.array(z.string()),
});

/** In the transaction of the erasure: after a kill nothing else knows these ids any more. */
export async function noteUnsaid(
  tx: Queryable,
  { role, source, pseudonym, zulipMessageIds, alone }: UnsaidErasure,
): Promise<void> {
  if (zulipMessageIds.length === 0) return;
  const json = JSON.stringify({ role, source, pseudonym, zulipMessageIds, alone });
  await writeFact(tx, OF_ALL, BEGINNING + pseudonym, json);
}

export async function unsaidErasures(sql: Queryable): Promise<UnsaidErasure[]> {
  return (await factsBeginning(sql, OF_ALL, BEGINNING)).map(({ value }) => Kept.parse(value));
}

/** The ids were said: nothing needs them here any more. */
export async function forgetUnsaid(sql: Queryable, pseudonym: string): Promise<void> {
  await dropFact(sql, OF_ALL, BEGINNING + pseudonym);
}
