import { pseudonymOf } from "../../sql/state/erasures.ts";
import { actsOf } from "../../sql/state/erase_acts.ts";
import { messagesNaming } from "../../sql/state/erase_person.ts";
import { personData } from "../../sql/state/person_data.ts";
import { describeError } from "../base/describe_error.ts";
import { UsageError } from "../base/errors.ts";
import { findPeople, noSuchPerson } from "../people/find_person.ts";
import { erase, eraseAgain, type Erased, namesOfPerson, type PersonKey, sweepFiles } from "../privacy/erase.ts";
import { journalPath, missingErasures, tryJournal, writeJournal } from "../privacy/journal.ts";
import { recordAct } from "../state/acts.ts";
import { openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { PrivacyOptions, ReapplyOptions } from "./command_options.ts";
import { confirm } from "./confirm.ts";
import { deleteFromZulip } from "./delete_messages.ts";
import { withOwnKeys } from "./own_keys.ts";
import { ownKeyOutput, storedKeys } from "./state_key_store.ts";

/** `privacy show` and `privacy erase`: all there is of a person, or nothing any more. */
export async function runPrivacy(context: CommandContext, options: PrivacyOptions): Promise<void> {
  const { config, clock } = context;
  await using db = await openState(config.state, { clock });
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
  const effect = `${person.role} ${erased.pseudonym} erased`;
  const act = { source: person.source, command: "privacy erase", reason: reasonCode, effect };
  await step(() => recordAct(db.sql, act));
  const kept = journal === null ? null : await step(async () => {
    await writeJournal(db, journal);
    return journal;
  });
  await step(() => sweepFiles(db));
  const deleted = options.deleteMessages ? await step(() => deleteFromZulip(context, erased.alone)) : null;
  report(context, options, person, erased, { deleted, journal: kept });
  for (const error of failures.slice(1)) context.log.error("{message}", { message: describeError(error).message });
  if (failures.length > 0) throw failures[0];
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
    const own = journalPath(config.state.url, config.privacy.journal);
    if (own !== null) await writeJournal(db, own);
  }
  if (json) return out.writeJson(commandJson("privacy", { action: "reapply", dry_run: dryRun, applied }));
  const were = applied === 1 ? "was" : "were";
  const done = dryRun ? "would be applied" : "applied";
  out.writeLine(`${counted(applied, "erasure")} of the journal ${were} not known here, and ${done}`);
}

async function onePerson(db: StateDb, { person, role, source }: PrivacyOptions): Promise<PersonKey> {
  const found = await findPeople(db.sql, person, { role, source });
  const [first, second] = found;
  if (first === undefined) throw await noSuchPerson(db.sql, person, { role, source });
  if (second !== undefined) {
    const shown = await withOwnKeys(found.map((person) => ({ ...person })), storedKeys(db));
    const choices = shown.map((row) => `${row.id} --role ${row.role} --source ${row.source}`).join(", or ");
    throw new UsageError(`Cannot tell whom "${person}" means: ${found.length} people`, { hint: `say ${choices}` });
  }
  return first;
}

async function show({ out }: CommandContext, db: StateDb, person: PersonKey): Promise<void> {
  const { role, source, id } = person;
  const messages = await messagesNaming(db.sql, { ...person, names: await namesOfPerson(db.sql, person) }, false);
  const [row] = await personData(db.sql, person, messages.map((message) => message.message_id));
  const [known] = await pseudonymOf(db.sql, role, source, id);
  const data = JSON.parse(row?.data ?? "{}", exactly) as Record<string, unknown>;
  const acts = (await actsOf(db.sql, person)).map(({ act }) => act);
  const pseudonym = known?.pseudonym ?? null;
  out.writeJson(commandJson("privacy", { action: "show", role, source, id, pseudonym, ...data, acts }));
}

/** For JSON.parse: a whole number that a double cannot hold, such as an id that stands for a text, stays what it is. */
function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
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
      zulip_message_ids: zulipMessageIds,
      zulip_message_ids_of_nobody_else: alone,
      deleted_zulip_message_ids: deleted,
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
