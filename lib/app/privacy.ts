import { pseudonymOf } from "../../sql/state/erasures.ts";
import { actsOf } from "../../sql/state/erase_acts.ts";
import { messagesNaming, namesOf, personData } from "../../sql/state/erase_person.ts";
import { UsageError } from "../base/errors.ts";
import { findPeople, noSuchPerson } from "../people/find_person.ts";
import { erase, eraseAgain, type Erased, type PersonKey, sweepFiles } from "../privacy/erase.ts";
import { journalPath, missingErasures, writeJournal } from "../privacy/journal.ts";
import { recordAct } from "../state/acts.ts";
import { openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { PrivacyOptions, ReapplyOptions } from "./command_options.ts";
import { confirm } from "./confirm.ts";
import { deleteFromZulip } from "./delete_messages.ts";

/** `privacy show` and `privacy erase`: all there is of a person, or nothing any more. */
export async function runPrivacy(context: CommandContext, options: PrivacyOptions): Promise<void> {
  const { config, clock } = context;
  await using db = await openState(config.state, { clock });
  const person = await onePerson(db, options);
  if (options.action === "show") return await show(context, db, person);
  const { reasonCode, dryRun } = options;
  if (reasonCode === null) throw new UsageError("Cannot erase: --reason-code is missing", { hint: "such as art17" });
  if (!dryRun) {
    const what = `Erase ${person.role} ${person.id} of ${person.source} everywhere`;
    confirm({ what, yes: options.yes });
  }
  const journal = journalPath(config.state.url, config.privacy.journal);
  const erased = await erase(db, person, { reasonCode, dryRun });
  if (!dryRun) {
    const effect = `${person.role} ${erased.pseudonym} erased`;
    await recordAct(db.sql, { source: person.source, command: "privacy erase", reason: reasonCode, effect });
    if (journal !== null) await writeJournal(db, journal);
    await sweepFiles(db);
  }
  const deleted = options.deleteMessages && !dryRun ? await deleteFromZulip(context, erased.alone) : null;
  report(context, options, person, erased, { deleted, journal });
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
  const applied = dryRun ? missing.length : await eraseAgain(db, missing);
  if (!dryRun && applied > 0) {
    const own = journalPath(config.state.url, config.privacy.journal);
    if (own !== null) await writeJournal(db, own);
    await sweepFiles(db);
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
    const choices = found.map((row) => `${row.id} --role ${row.role} --source ${row.source}`).join(", or ");
    throw new UsageError(`Cannot tell whom "${person}" means: ${found.length} people`, { hint: `say ${choices}` });
  }
  return first;
}

async function show({ out }: CommandContext, db: StateDb, person: PersonKey): Promise<void> {
  const { role, source, id } = person;
  const names = await namesOf(db.sql, role, source, id);
  const texts = names.flatMap((row) => [row.username, row.email, row.name]).filter((text) => text !== null)
    .filter((text) => text.trim().length >= 4);
  const messages = await messagesNaming(db.sql, { ...person, names: texts });
  const [row] = await personData(db.sql, person, messages.map((message) => message.message_id));
  const [known] = await pseudonymOf(db.sql, role, source, id);
  const data = row?.data as Record<string, unknown>;
  const acts = (await actsOf(db.sql, person)).map(({ act }) => act);
  const pseudonym = known?.pseudonym ?? null;
  out.writeJson(commandJson("privacy", { action: "show", role, source, id, pseudonym, ...data, acts }));
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
  if (zulipMessageIds.length > 0) out.writeLine(`Still in Zulip: messages ${zulipMessageIds.join(", ")}`);
  if (deleted !== null) out.writeLine(`Deleted there: ${deleted.length === 0 ? "none" : deleted.join(", ")}`);
  if (journal !== null && !dryRun) out.writeLine(`Kept for a restored backup: ${journal}`);
}
