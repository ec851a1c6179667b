import { jsonId } from "../model/lms_ids.ts";
import { pseudonymOf } from "../../sql/state/erasures.ts";
import { actsOf } from "../../sql/state/erase_acts.ts";
import { personData } from "../../sql/state/person_data.ts";
import { describeError } from "../base/describe_error.ts";
import { UsageError, ZulipError } from "../base/errors.ts";
import { findErased, findPeople, noSuchPerson } from "../people/find_person.ts";
import {
  erase,
  eraseAgain,
  type Erased,
  messagesNaming,
  namesOfPerson,
  type PersonKey,
  reasonsNaming,
  sweepFiles,
} from "../privacy/erase.ts";
import { journalPath, missingErasures, tryJournal, writeJournal } from "../privacy/journal.ts";
import { forgetUnsaid, unsaidErasures } from "../privacy/unsaid_erasures.ts";
import { recordAct } from "../state/acts.ts";
import { openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { PrivacyOptions, ReapplyOptions } from "./command_options.ts";
import { confirm } from "./confirm.ts";
import { withOwnKeys } from "./own_keys.ts";
import { ownKeyOutput, storedKeys } from "./state_key_store.ts";
import { hideErased, keepErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";

/** `privacy show` and `privacy erase`: all there is of a person, or nothing any more. */
export async function runPrivacy(context: CommandContext, options: PrivacyOptions): Promise<void> {
  const { config, clock } = context;
  await using db = await openState(config.state, { clock });
  // Whoever runs it again after it was killed finds nobody to erase any more: what it did not come to is done all the same.
  if (options.action === "show") await hideErased(context, db);
  else if (!options.dryRun) {
    await keepErased(context, db);
    await sayUnsaid(context, db, options);
  }
  const person = await onePerson(db, options);
  if (options.action === "show") {
    await using out = ownKeyOutput(context.out, db);
    return await show({ ...context, out }, db, person);
  }
  const { reasonCode, dryRun } = options;
  if (reasonCode === null) {
    throw new UsageError("Cannot erase: --reason-code is missing", {
      hint: "say why in one word, such as --reason-code art17",
    });
  }
  if (!dryRun) {
    const id = await withOwnKeys(person.id, storedKeys(db));
    const what = `Erase ${person.role} ${id} of ${person.source} everywhere`;
    confirm({ what, yes: options.yes });
  }
  const journal = journalPath(config.state.url, config.privacy.journal);
  if (!dryRun && journal !== null) await tryJournal(journal); // before anything is gone
  const erased = await erase(db, person, { reasonCode, dryRun });
  if (dryRun) return report(context, options, person, erased, { deleted: null, journal: null });
  // Nobody can ask again what lies in Zulip: it is told whatever goes wrong from here on, and one failure stops no other step.
  const failures: unknown[] = [];
  const step = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      failures.push(error);
      return null;
    }
  };
  const kept = journal === null ? null : await step(async () => {
    await writeJournal(db, journal);
    return journal;
  });
  await step(() => sweepFiles(db));
  const deleted = options.deleteMessages ? await step(() => deleteFromZulip(context, erased.alone)) : null;
  report(context, options, person, erased, { deleted, journal: kept });
  await step(() => forgetUnsaid(db.sql, erased.pseudonym));
  if (journal === null && !options.json) {
    context.out.writeLine(
      "Not kept for a restored backup, which would bring the person back: privacy.journal is not set",
    );
  }
  for (const error of failures.slice(1)) context.log.error("{message}", { message: describeError(error).message });
  if (failures.length > 0) throw failures[0];
}

/** What an erasure that was killed had no time to say, and to delete. */
async function sayUnsaid(
  context: CommandContext,
  db: StateDb,
  { deleteMessages, json }: PrivacyOptions,
): Promise<void> {
  for (const { role, source, pseudonym, zulipMessageIds, alone } of await unsaidErasures(db.sql)) {
    const deleted = deleteMessages ? await deleteFromZulip(context, alone) : [];
    const left = zulipMessageIds.filter((id) => !deleted.includes(id));
    const words = `Erased before, and cut short: ${role} ${pseudonym} of ${source}. Still in Zulip: ${
      left.length === 0 ? "nothing" : `messages ${left.join(", ")}`
    }`;
    if (json) context.log.warn("{words}", { words });
    else context.out.writeLine(words);
    await forgetUnsaid(db.sql, pseudonym);
  }
}

/** `privacy reapply FILE`: erases here who is erased by a journal. */
export async function runReapply(context: CommandContext, options: ReapplyOptions): Promise<void> {
  const { config, clock, out } = context;
  const { journal, dryRun, json } = options;
  await using db = await openState(config.state, { clock, dryRun });
  const missing = await missingErasures(db, journal, true);
  if (!dryRun && missing.length > 0) {
    const what = `Erase ${counted(missing.length, "person", "people")} of the journal everywhere`;
    confirm({ what, yes: options.yes, isSaid: true });
  }
  let applied = missing.length;
  if (!dryRun) {
    try {
      applied = await eraseAgain(db, missing);
    } finally {
      await sweepFiles(db); // also what an earlier erasure left that could not sweep
    }
    if (applied > 0) {
      const effect = `${counted(applied, "erasure")} of the journal applied`;
      await recordAct(db.sql, { source: config.source.name, command: "privacy reapply", effect });
    }
    const own = journalPath(config.state.url, config.privacy.journal);
    if (own !== null) await writeJournal(db, own);
  }
  if (json) return out.writeJson(commandJson("privacy", { action: "reapply", dry_run: dryRun, applied }));
  const were = applied === 1 ? "was" : "were";
  const done = dryRun ? "would be applied" : "applied";
  out.writeLine(`${counted(applied, "erasure")} of the journal ${were} not known here, and ${done}`);
}

async function onePerson(db: StateDb, { action, person, role, source }: PrivacyOptions): Promise<PersonKey> {
  const found = await findPeople(db.sql, person, { role, source });
  const [first, second] = found;
  if (first === undefined) throw await noSuchPerson(db.sql, person, { role, source });
  if (second !== undefined) {
    const shown = await withOwnKeys(found.map((person) => ({ ...person })), storedKeys(db));
    const choices = shown.map((row) => `${row.id} --role ${row.role} --source ${row.source}`).join(", or ");
    throw new UsageError(`Cannot tell whom "${person}" means: ${found.length} people`, { hint: `say ${choices}` });
  }
  // An id is a student's and a mentor's: whoever says once more that the one goes would have erased the other.
  const [erased] = action === "erase" ? await findErased(db.sql, person, { role, source }) : [];
  if (erased !== undefined) {
    const meant = await withOwnKeys({ ...first }, storedKeys(db));
    throw new UsageError(`Cannot tell whom "${person}" means: the ${erased.role} of that id was erased already`, {
      hint: `somebody else is left of that id: say ${meant.id} --role ${meant.role} --source ${meant.source}`,
    });
  }
  return first;
}

async function show({ out }: CommandContext, db: StateDb, person: PersonKey): Promise<void> {
  const { role, source, id } = person;
  const names = await namesOfPerson(db.sql, person);
  const messages = await messagesNaming(db.sql, person, names);
  const [row] = await personData(db.sql, person, messages.map((message) => message.message_id));
  const [known] = await pseudonymOf(db.sql, role, source, id);
  const reasons = await reasonsNaming(db.sql, source, names);
  const data = JSON.parse(row?.data ?? "{}", asInResults) as Record<string, unknown>;
  const acts = JSON.parse(
    JSON.stringify((await actsOf(db.sql, { ...person, reasons })).map(({ act }) => act)),
    asInResults,
  ) as unknown[];
  const pseudonym = known?.pseudonym ?? null;
  out.writeJson(commandJson("privacy", { action: "show", role, source, id: jsonId(id), pseudonym, ...data, acts }));
}

/** A time as the database has it in JSON. */
const DATABASE_TIME = /^\d{4,}-\d\d-\d\dT[\d:]{8}(\.\d{1,6})?[+-]\d\d:\d\d$/;

/**
 * For JSON.parse: times have the spelling of all results, and a whole number that a double cannot hold, such as an id that stands for
 * a text, stays what it is.
 */
function asInResults(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === "string" && /^(timestamp|until|(.*_)?at)$/.test(key) && DATABASE_TIME.test(value)) {
    return jsonTime(Temporal.Instant.from(value));
  }
  const source = context?.source ?? "";
  return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function report(
  { out }: CommandContext,
  { dryRun, json, reasonCode }: PrivacyOptions,
  { role, source }: PersonKey,
  erased: Erased,
  { deleted, journal }: { readonly deleted: readonly string[] | null; readonly journal: string | null },
): void {
  const { pseudonym, events, rowStates, messages, zulipMessageIds, alone } = erased;
  if (json) {
    return out.writeJson(commandJson("privacy", {
      action: "erase",
      dry_run: dryRun,
      role,
      source,
      pseudonym,
      reason_code: reasonCode,
      events,
      row_states: rowStates,
      messages,
      zulip_message_ids: zulipMessageIds.map(jsonId),
      zulip_message_ids_of_nobody_else: alone.map(jsonId),
      deleted_zulip_message_ids: deleted?.map(jsonId) ?? null,
      journal,
    }));
  }
  out.writeLine(
    `${dryRun ? "Would erase" : "Erased"} ${role} ${pseudonym} of ${source}: ${
      counted(events, "event")
    } without a name, ` +
      `${counted(messages, "message text")} gone`,
  );
  const left = zulipMessageIds.filter((id) => deleted?.includes(id) !== true);
  if (left.length > 0) out.writeLine(`Still in Zulip: messages ${left.join(", ")}`);
  if (deleted !== null) out.writeLine(`Deleted there: ${deleted.length === 0 ? "none" : deleted.join(", ")}`);
  if (journal !== null && !dryRun) out.writeLine(`Kept for a restored backup: ${journal}`);
}

/** Deletes messages in Zulip, one by one; returns those that are gone. One that Zulip does not delete is named and stays. */
async function deleteFromZulip(
  { config, log, stop }: CommandContext,
  messageIds: readonly string[],
): Promise<string[]> {
  if (messageIds.length === 0) return [];
  await using parts = new OpenParts(config);
  const zulip = parts.zulip();
  const deleted: string[] = [];
  for (const id of messageIds) {
    try {
      await zulip.deleteMessage(id, stop.hard);
      deleted.push(id);
    } catch (error) {
      if (!(error instanceof ZulipError)) throw error;
      log.warn("Message {id} stays in Zulip: {reason}", { id, reason: error.message });
    }
  }
  return deleted;
}
