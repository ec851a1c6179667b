import {
  addKnownTombstone,
  addTombstone,
  eraseKey,
  lockErasures,
  personsBehind,
  pseudonymOf,
  type TombstoneRow,
} from "../../sql/state/erasures.ts";
import * as acts from "../../sql/state/erase_acts.ts";
import * as q from "../../sql/state/erase_person.ts";
import { lockEventOrder } from "../../sql/state/leases.ts";
import { dropFact, readFact, writeFact } from "../../sql/state/facts.ts";
import { systemClock } from "../base/clock.ts";
import { failPoint } from "../base/fail_point.ts";
import { retryLostRaces } from "../base/retry.ts";
import { escapeText, NAME_LENGTH, OTHER_NAME_LENGTH, TITLE_LENGTH } from "../format/escape_text.ts";
import { ALSO_TOLD } from "../format/phrases.ts";
import { markersIn } from "../model/marker.ts";
import type { Role } from "../model/person.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import { recordAct } from "../state/acts.ts";
import { renewHere } from "../state/state_epoch.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import { NamesInTexts } from "./names_in_texts.ts";
import { noteUnsaid } from "./unsaid_erasures.ts";

export interface PersonKey {
  readonly role: Role;
  readonly source: string;
  /** LMS id. */
  readonly id: string;
}

/** What an erasure took away, or would. */
export interface Erased {
  readonly pseudonym: string;
  readonly events: number;
  readonly rowStates: number;
  /** Messages whose text went. */
  readonly messages: number;
  /** Zulip's ids of those that lie in Zulip, for whoever deletes them there. */
  readonly zulipMessageIds: readonly string[];
  /** Of these, the ones that name nobody else. */
  readonly alone: readonly string[];
}

/** Shorter ones stand in too many texts that mean something else; in scripts whose signs are syllables or words two are a name. */
const isTelling = (name: string) => name.trim().length >= (/[^\0-\u024f]/.test(name) ? 2 : 4);
/** Where messages cut names. */
const LENGTHS = [OTHER_NAME_LENGTH, NAME_LENGTH, TITLE_LENGTH];
const ERASED_TEXT = "(erased)";
/** Of the whole state, not of one LMS: somebody was erased, and the files were not swept since. */
const TO_SWEEP = ["", "files_to_sweep"] as const;

/**
 * Erases a person everywhere in the state, in one transaction that waits for those who are writing texts or events, and they
 * for it. Only a tombstone is left: a keyed hash, without name and id, by which the next poll knows whom not to bring back; and until
 * somebody was told of them, the ids of what lies in Zulip (`forgetUnsaid`).
 * With `dryRun` everything is done and taken back.
 */
export async function erase(
  db: Pick<StateDb, "sql">,
  person: PersonKey,
  { reasonCode, dryRun }: { readonly reasonCode: string; readonly dryRun: boolean },
): Promise<Erased> {
  class TakenBack extends Error {}
  let erased: Erased | null = null;
  try {
    await retryLostRaces(() =>
      db.sql.begin(async (tx) => {
        await lockErasures(tx);
        await lockEventOrder(tx);
        await addTombstone(tx, { ...person, reasonCode });
        erased = await eraseRows(tx, person);
        const effect = `${person.role} ${erased.pseudonym} erased`;
        await recordAct(tx, { source: person.source, command: "privacy erase", reason: reasonCode, effect });
        await noteUnsaid(tx, { ...person, ...erased });
        await writeFact(tx, ...TO_SWEEP, "true");
        failPoint("privacy.before_commit");
        if (dryRun) throw new TakenBack();
      }), systemClock);
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  if (erased === null) throw new TypeError("Cannot erase: the transaction did not run");
  if (!dryRun) failPoint("privacy.after_commit");
  return erased;
}

/** Every place, in the order of sql/state/erase_person.ts. */
async function eraseRows(tx: Queryable, person: PersonKey): Promise<Erased> {
  const { role, source, id } = person;
  const [known] = await pseudonymOf(tx, role, source, id);
  const pseudonym = known?.pseudonym ?? "";
  await q.lockRecipients(tx, source);
  const names = await namesOfPerson(tx, person);
  const messages = await messagesNaming(tx, person, names, true);
  const sent = messages.filter((row) => row.zulip_message_id !== null);
  const alone = await ofNobodyElse(tx, person, sent);
  await q.eraseTexts(tx, messages.map((row) => row.message_id), messages.map(textLeft));
  let events = 0;
  let rowStates = 0;
  if (role === "student") {
    await q.endStudentDeliveries(tx, source, id);
    await q.eraseNamings(tx, source, id);
    rowStates = (await q.eraseRowStates(tx, { source, id, pseudonym })).count;
    events = (await q.eraseEvents(tx, source, id)).count;
  } else {
    events = Number((await q.eventsOfMentor(tx, source, id))[0]?.events ?? 0);
    await q.eraseMentorDeliveries(tx, { source, id, pseudonym });
    await q.eraseMentorLinks(tx, source, id);
    for (const set of await q.mentorSetsWith(tx, source, id)) {
      if (set.is_empty || set.twin !== null) await q.replaceMentorSet(tx, set.mentor_set_id, set.twin);
      else await q.shrinkMentorSet(tx, set.mentor_set_id, id);
    }
    await q.eraseFirstMentor(tx, source, id);
  }
  await q.dissolveErased(tx, source, messages.map((row) => row.message_id));
  await q.erasePerson(tx, role, source, id);
  await eraseActs(tx, person, names, pseudonym);
  await eraseKey(tx, id);
  return {
    pseudonym,
    events,
    rowStates,
    messages: messages.length,
    zulipMessageIds: sent.flatMap((row) => row.zulip_message_id ?? []),
    alone: alone.flatMap((row) => row.zulip_message_id ?? []),
  };
}

/**
 * Reasons of acts by hand that name a person. They are a few words of a colleague: a part of the name is enough, in large letters or
 * small.
 */
export async function reasonsNaming(sql: Queryable, source: string, whole: readonly string[]): Promise<string[]> {
  const parts = whole.flatMap((name) => name.split(/\s+/)).filter(isTelling);
  const names = new NamesInTexts([...whole, ...parts].map(asTyped));
  return (await acts.givenReasons(sql, source)).map(({ reason }) => reason).filter((reason) =>
    names.isOneIn(asTyped(reason))
  );
}

/** What people wrote down of acts by hand. The audit is locked only where it must change. */
async function eraseActs(tx: Queryable, person: PersonKey, names: readonly string[], pseudonym: string): Promise<void> {
  const reasons = await reasonsNaming(tx, person.source, names);
  if (reasons.length > 0) {
    await acts.erasePauseReasons(tx, person.source, reasons);
    await acts.eraseDropReasons(tx, person.source, reasons);
  }
  const of = { ...person, reasons, pseudonym };
  const [found] = await acts.actsNaming(tx, of);
  if (found === undefined || found.acts === "0") return;
  await acts.allowActsToChange(tx);
  await acts.eraseActs(tx, of);
  await acts.forbidActsToChange(tx);
}

/** A name that a person types has other letters, large or small, than in the LMS, and marks that are put together otherwise. */
const asTyped = (text: string) => text.normalize("NFC").toLowerCase();

/** All that these messages tell of is this student, and no other person's name is in the text. */
async function ofNobodyElse(
  tx: Queryable,
  { role, source, id }: PersonKey,
  sent: readonly q.NamingMessageRow[],
): Promise<q.NamingMessageRow[]> {
  if (role === "mentor" || sent.length === 0) return [];
  const found = await q.messagesOfStudentAlone(tx, id, sent.map(({ message_id }) => message_id));
  const isHers = new Set(found.map(({ message_id }) => message_id));
  const others = new NamesInTexts((await q.namesOfOthers(tx, role, source, id)).map(({ name }) => name));
  // Of a text that is gone nobody can say whom it names.
  return sent.filter(({ message_id, content }) =>
    isHers.has(message_id) && content !== "" && !content.startsWith(ERASED_TEXT) && !others.isOneIn(content)
  );
}

/** A message in doubt is looked up by its marks, so these stay until it is known what became of it. */
function textLeft({ state, content }: q.NamingMessageRow): string {
  if (state !== "sending" && state !== "unknown") return ERASED_TEXT;
  const marks = markersIn(content);
  return marks.length === 0 ? ERASED_TEXT : `${ERASED_TEXT}\n\`ref ${marks.join(" ")}\``;
}

/** Messages that name a person, who is called so; only an erasure locks them. */
export const messagesNaming = (sql: Queryable, person: PersonKey, names: readonly string[], lock = false) =>
  q.messagesNaming(sql, { ...person, names, alsoTold: ALSO_TOLD }, lock);

/** What a person is called in texts: names as people have them, and as messages write them, without those that are too short. */
export async function namesOfPerson(sql: Queryable, { role, source, id }: PersonKey): Promise<string[]> {
  const rows = await q.namesOf(sql, role, source, id);
  const plain = rows.flatMap(({ username, email, name }) => [username, email, name]);
  const asWritten = (name: string) => LENGTHS.flatMap((length) => escapeText(name, length) ?? []);
  const names = plain.flatMap((name) => name === null ? [] : [name, ...asWritten(name)]);
  return [...new Set(names)].filter(isTelling);
}

/** Messages of erased people that turned out not to have arrived: their other rows are composed anew. */
export async function takeErasedApart(db: Pick<StateDb, "sql">, source: string): Promise<void> {
  await retryLostRaces(() => db.sql.begin((tx) => q.dissolveErased(tx, source, null)));
}

/** An erasure as a journal keeps it. */
export type KnownErasure = Omit<TombstoneRow, "event_id" | "erased_at"> & { readonly erased_at: string };

/**
 * Erases again who was erased before this state was saved and restored; of each also what came back since, all in one transaction. Returns
 * how many erasures the state did not know.
 */
export async function eraseAgain(db: Pick<StateDb, "sql">, erasures: readonly KnownErasure[]): Promise<number> {
  if (erasures.length === 0) return 0;
  const { unknown } = await retryLostRaces(() =>
    db.sql.begin(async (tx) => {
      await lockErasures(tx);
      await lockEventOrder(tx);
      const added: string[] = [];
      for (const { reason_code: reasonCode, erased_at: erasedAt, ...erasure } of erasures) {
        const rows = await addKnownTombstone(tx, { ...erasure, reasonCode, erasedAt });
        added.push(...rows.map(({ pseudonym }) => pseudonym));
      }
      // Everybody is hashed to find them: once for all.
      if (added.length > 0) {
        for (const person of await personsBehind(tx, added)) await eraseRows(tx, person);
        await renewHere(tx);
        await writeFact(tx, ...TO_SWEEP, "true");
      }
      return { unknown: added.length };
    })
  );
  return unknown;
}

export const asKnown = (row: TombstoneRow): KnownErasure => ({
  role: row.role,
  source: row.source,
  pseudonym: row.pseudonym,
  reason_code: row.reason_code,
  erased_at: formatUtc(fromInstant(row.erased_at)),
});

/**
 * What is left in files after the rows are gone: dead rows, statistics, and the write-ahead log of an embedded state, whose
 * directory somebody may copy. A server's own files are its administrator's affair.
 */
export async function sweepFiles(db: Pick<StateDb, "sql" | "mode">): Promise<void> {
  for (const table of q.ERASED_TABLES) await q.analyzeTable(db.sql, table);
  if (db.mode === "server") return void await dropFact(db.sql, ...TO_SWEEP);
  for (const table of q.ERASED_TABLES) await q.rewriteTable(db.sql, table);
  await q.rewriteStatistics(db.sql);
  await q.forgetRecycledLog(db.sql);
  // Two rounds: the first checkpoint still needs the segment in which it began.
  for (let round = 0; round < 2; round++) {
    await q.switchLog(db.sql);
    await q.checkpoint(db.sql);
  }
  await dropFact(db.sql, ...TO_SWEEP);
}

/** Whether an erasure ended before its sweep did, such as by a kill. */
export async function isSweepLeft({ sql }: Pick<StateDb, "sql">): Promise<boolean> {
  return (await readFact(sql, ...TO_SWEEP)).length > 0;
}
