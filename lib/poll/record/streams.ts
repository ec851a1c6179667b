import { forgetGone, forgetGoneKeys } from "../../../sql/state/quarantine.ts";
import * as q from "../../../sql/state/streams.ts";
import { ConfigError } from "../../base/errors.ts";
import type { LmsId } from "../../model/event.ts";
import type { Kind } from "../../model/event_types.ts";
import { KEY_SPACES, type KeyForm } from "../../model/key_space.ts";
import { type EpochMicros, fromInstant } from "../../model/time.ts";
import type { Stream } from "./batch.ts";
import type { Lease } from "../../state/leases.ts";
import { fenced } from "../../state/fenced.ts";
import type { StateDb } from "../../state/state_db.ts";

export interface StreamWanted {
  readonly kind: Kind;
  /** Version of the hash recipe, `LmsSource.recipe(kind)`. */
  readonly recipe: number;
  /** What its keys are; whole numbers where nothing is said. */
  readonly form?: KeyForm;
}

/**
 * The streams of a source, in the order asked for, made where they are missing. Another recipe than last time makes all
 * known hashes worthless: the bucket sums go, and the next full pass looks at every row again (events come from compared
 * values, so it gives none). With `lease` that change is fenced; do not call it without one where somebody may be polling.
 */
export async function ensureStreams(
  db: Pick<StateDb, "sql">,
  source: string,
  wanted: readonly StreamWanted[],
  lease: Lease | null = null,
): Promise<Stream[]> {
  let streams = await readStreams(db, source);
  const find = (kind: Kind) => streams.find((stream) => stream.kind === kind);
  if (wanted.some(({ kind }) => !find(kind))) {
    await db.sql.begin(async (tx) => {
      await q.addSource(tx, source);
      for (const { kind, recipe, form } of wanted) await q.addStream(tx, source, kind, recipe, formNumber(form));
    });
    streams = await readStreams(db, source);
  }
  const result: Stream[] = [];
  for (const { kind, recipe, form = "integer" } of wanted) {
    let stream = find(kind);
    if (!stream) throw new TypeError(`Cannot make stream "${kind}" of source "${source}": it vanished`);
    if (stream.bucketSize !== KEY_SPACES[form].bucketSize) stream = await changeKeys(db, stream, form);
    result.push(stream.recipe === recipe ? stream : await changeRecipe(db, stream, recipe, lease));
  }
  return result;
}

/** All streams of a source; empty before its first poll. */
export async function readStreams(db: Pick<StateDb, "sql">, source: string): Promise<Stream[]> {
  return (await q.readStreams(db.sql, source)).map((row) => ({
    streamId: row.stream_id,
    source: row.source,
    kind: row.kind,
    recipe: row.recipe,
    firstContactDone: row.first_contact_done,
    highestRowKey: row.highest_row_key,
    lastFullPassAt: row.last_full_pass_at === null ? null : fromInstant(row.last_full_pass_at),
    fullPasses: row.full_passes,
    bucketSize: KEY_SPACES[FORMS[row.key_form] ?? "integer"].bucketSize,
  }));
}

/** As stored. */
const FORMS: readonly KeyForm[] = ["integer", "pair", "text"];
const formNumber = (form: KeyForm = "integer") => FORMS.indexOf(form);

/** Rows under keys of another sort are other rows; only a stream without any may change. */
async function changeKeys(db: Pick<StateDb, "sql">, stream: Stream, form: KeyForm): Promise<Stream> {
  const [changed] = await q.setKeyForm(db.sql, stream.streamId, formNumber(form));
  if (changed !== undefined) return { ...stream, bucketSize: KEY_SPACES[form].bucketSize };
  throw new ConfigError(
    `Cannot poll "${stream.source}": the keys of its ${stream.kind} rows are of another sort than those that are known`,
    { hint: "Attempts under other keys are other attempts: give this LMS a name of its own (lms.name)" },
  );
}

async function changeRecipe(
  db: Pick<StateDb, "sql">,
  stream: Stream,
  recipe: number,
  lease: Lease | null,
): Promise<Stream> {
  const change = async (tx: Parameters<typeof q.dropBuckets>[0]) => {
    await q.dropBuckets(tx, stream.streamId);
    await q.setRecipe(tx, stream.streamId, recipe);
  };
  if (lease) await fenced(db, lease, change);
  else await db.sql.begin(change);
  return { ...stream, recipe };
}

/** Remembers when the first pass over a stream began; the first call counts. */
export async function startFirstContact(db: Pick<StateDb, "sql">, lease: Lease, stream: Stream): Promise<void> {
  await fenced(db, lease, (tx) => q.startFirstContact(tx, stream.streamId));
}

/** One whole pass has been stored: from now on what is found is news (P10). */
export async function completeFirstContact(db: Pick<StateDb, "sql">, lease: Lease, stream: Stream): Promise<void> {
  await fenced(db, lease, (tx) => q.completeFirstContact(tx, stream.streamId));
}

/**
 * Raises `highestRowKey` to the highest known row, or to where the LMS was read; it never falls. Where
 * the LMS was read counts, since rows that a query leaves out would otherwise be read in every poll. `skippedPass`: a full pass
 * was due and is known to find nothing; it counts as one that ended.
 */
export async function noteHighestKey(
  db: Pick<StateDb, "sql">,
  lease: Lease,
  stream: Stream,
  { skippedPass = false, readTo = null }: { readonly skippedPass?: boolean; readonly readTo?: LmsId | null } = {},
): Promise<string | null> {
  const [row] = await fenced(db, lease, (tx) => q.raiseHighestKey(tx, stream.streamId, skippedPass ? 1 : 0, readTo));
  return row?.highest_row_key ?? null;
}

/**
 * A pass over the whole stream ended now, by the state database's clock. Forgets quarantined rows that it did not meet.
 */
export async function noteFullPass(db: Pick<StateDb, "sql">, lease: Lease, stream: Stream): Promise<EpochMicros> {
  const [row] = await fenced(db, lease, async (tx) => {
    await forgetGone(tx, stream.streamId);
    await forgetGoneKeys(tx, stream.streamId);
    return await q.stampFullPass(tx, stream.streamId);
  });
  if (!row) throw new TypeError(`Cannot note a full pass: stream ${stream.streamId} does not exist`);
  return fromInstant(row.last_full_pass_at);
}
