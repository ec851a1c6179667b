import { z } from "zod";
import * as q from "../../sql/state/sources.ts";
import type { DatabaseAddress } from "../database/database_address.ts";
import type { LmsIdentity } from "../model/source_identity.ts";
import { CommandError, StateError } from "../base/errors.ts";
import { nearest } from "../text/nearest.ts";
import type { Queryable, StateDb } from "./state_db.ts";

/** What this state knows of the LMS behind a source. */
export interface StoredSource {
  /** `null` before the first poll. */
  readonly identity: LmsIdentity | null;
  /** `null` before the first poll, and in a state of 0.1. */
  readonly address: DatabaseAddress | null;
}

/** What the administrator is to be told of a source. */
export interface SourceNotice {
  /** Another notice of the same source and day has another key. */
  readonly key: string;
  readonly text: string;
}

const dialect = z.enum(["postgres", "mysql"]);

const Identity: z.ZodType<LmsIdentity | null> = z.object({
  dialect,
  system: z.string().nullable(),
  database: z.string(),
  schema: z.string().nullable().default(null),
}).nullable();

const Address: z.ZodType<DatabaseAddress | null> = z.object({
  dialect,
  hosts: z.array(z.object({ host: z.string(), port: z.int() })),
  database: z.string(),
}).nullable();

const Notice: z.ZodType<SourceNotice> = z.object({ key: z.string(), text: z.string() });

/** What the LMS behind a source was, and where, when it was accepted. */
export async function readSource(db: Pick<StateDb, "sql">, source: string): Promise<StoredSource> {
  const [row] = await q.readSource(db.sql, source);
  const identity = Identity.safeParse(row?.identity ?? null);
  if (identity.success && identity.data === null) return { identity: null, address: null };
  const address = Address.safeParse(row?.address ?? null);
  if (identity.success && address.success) return { identity: identity.data, address: address.data };
  // Guessing here would let an exchanged LMS through.
  const what = identity.success ? "address" : "identity";
  throw new StateError(`Cannot tell which LMS "${source}" was: its stored ${what} has another form`, {
    cause: identity.error ?? address.error,
    hint: `set identity to null in lmsmon.sources for "${source}": the next poll accepts the LMS that it finds`,
  });
}

/** From now on this is the LMS behind the source. The notice goes with it, in one statement. */
export async function acceptSource(
  db: Pick<StateDb, "sql">,
  source: string,
  identity: LmsIdentity,
  address: DatabaseAddress,
  notice: SourceNotice | null = null,
): Promise<void> {
  await q.writeSource(db.sql, source, {
    identity: JSON.stringify(identity),
    address: JSON.stringify(address),
    notice: notice === null ? null : JSON.stringify(notice),
  });
}

/** What the administrator was not told yet. */
export async function readSourceNotice(db: Pick<StateDb, "sql">, source: string): Promise<SourceNotice | null> {
  const [row] = await q.readSourceNotice(db.sql, source);
  return Notice.safeParse(row?.notice).data ?? null;
}

/** The administrator was told, or there is none. */
export async function noticeTold(db: Pick<StateDb, "sql">, source: string, { key }: SourceNotice): Promise<void> {
  await q.clearSourceNotice(db.sql, source, key);
}

/** Throws CommandError, naming those that may have been meant, where the state keeps nothing of a source of this name. */
export async function requireSource(sql: Queryable, asked: string): Promise<void> {
  const names = (await q.sourceNames(sql)).map(({ source }) => source);
  if (names.includes(asked)) return;
  const near = nearest(asked, names.map((name) => ({ id: name, text: name })));
  const known = names.length === 0 ? "it has none yet: poll first" : `it has ${names.join(", ")}`;
  throw new CommandError(`Cannot find a source "${asked}" in the state`, {
    hint: near.length > 0 ? `Did you mean ${near.join(", ")}?` : known,
  });
}
