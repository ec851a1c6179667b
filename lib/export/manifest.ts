import { basename, dirname, join } from "node:path";
import program from "../../deno.json" with { type: "json" };
import { erasureCards, sourceCards } from "../../sql/state/data_card.ts";
import { type EpochMicros, formatUtc, fromInstant } from "../model/time.ts";
import type { Queryable } from "../state/state_db.ts";
import { openOutputFile } from "./output_file.ts";
import type { PartFacts, PartTarget } from "./part_files.ts";

/** How an export was asked for. */
export interface ManifestOf {
  readonly schema: 1 | 2;
  readonly format: string;
  readonly view: string;
  readonly ids: "lms" | "pseudonyms" | "pseudonyms under a key file";
  readonly filter: Readonly<Record<string, unknown>>;
  readonly now: EpochMicros;
  /** Of the state: event ids of another epoch are of another sequence. */
  readonly epoch: string;
  /** As of before the first line was read. */
  readonly card: Readonly<Record<string, unknown>>;
}

/** What no export of lmsmon can know, whatever is in it. */
export const CANNOT_KNOW: readonly string[] = [
  "what the LMS changed and changed back between two polls",
  "the true time of what the LMS gives no time of: occurred_at_approximate says where it was inferred",
  "rows that the LMS deleted before the first contact",
  "who a mentor was before lmsmon saw the event: mentors are as of detection",
  "why a result changed: a correction says what it was before and what it is now",
];

/** How people are called in what is handed over. */
export type CalledBy = "pseudonyms" | "lms_ids" | "names";

const PERSONAL: Readonly<Record<CalledBy, string>> = {
  pseudonyms: "pseudonymous, not anonymous: whoever knows one result of a student can find the others",
  lms_ids: "personal: students and mentors by their ids in the LMS, which says who they are",
  names: "personal: students and mentors by their ids in the LMS, with usernames and, where known, addresses or names",
};

/** What is true of all of it. */
export const aboutData = (calledBy: CalledBy) => ({
  about: "what students did in an LMS, as lmsmon saw it by comparing the LMS's rows poll by poll",
  origin: "backfill: history found at first contact; live: seen to happen since",
  personal: PERSONAL[calledBy],
});

const text = (time: Temporal.Instant | null) => time === null ? null : formatUtc(fromInstant(time));

/** The manifest of finished files: what they are, and a card that says what is in them. */
export function manifestOf(files: readonly PartFacts[], of: ManifestOf): Record<string, unknown> {
  const ids = files.flatMap(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]).filter((id) => id !== null);
  return {
    manifest: 1,
    lmsmon: program.version,
    created_at: formatUtc(of.now),
    schema: of.schema,
    format: of.format,
    view: of.view,
    ids: of.ids,
    state_epoch: of.epoch,
    filter: of.filter,
    lines: files.reduce((sum, file) => sum + file.lines, 0),
    first_event_id: ids[0] ?? null,
    last_event_id: ids.at(-1) ?? null,
    files: files.map((file) => ({
      name: file.name,
      bytes: file.bytes,
      lines: file.lines,
      first_event_id: file.firstEventId,
      last_event_id: file.lastEventId,
      sha256: file.sha256,
    })),
    data_card: of.card,
  };
}

/** What is in the state, for those who read of it. */
export async function dataCard(sql: Queryable, calledBy: CalledBy): Promise<Record<string, unknown>> {
  const [sources, erasures] = await Promise.all([sourceCards(sql), erasureCards(sql)]);
  return {
    ...aboutData(calledBy),
    sources: sources.map((row) => ({
      source: row.source,
      kind: row.kind,
      events: Number(row.events),
      watched_since: text(row.first_contact_completed_at),
      oldest_event: text(row.oldest),
      newest_event: text(row.newest),
    })),
    cannot_know: CANNOT_KNOW,
    follows_erasures: erasures.map((row) => ({
      event_id: row.event_id,
      role: row.role,
      erased_at: text(row.erased_at),
    })),
  };
}

/** Beside one file `FILE.manifest.json`, of several `NAME.manifest.json`: it comes last, so its files are there. */
export async function writeManifest(target: PartTarget, manifest: Record<string, unknown>): Promise<void> {
  const name = `${basename(target.path)}.manifest.json`;
  await using file = await openOutputFile(join(dirname(target.path), name));
  await file.write(new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
  await file.commit();
}
