import { UsageError } from "../base/errors.ts";
import { placeOfCursor } from "../history/items.ts";
import { pseudonyms } from "../privacy/pseudonyms.ts";
import { readHistory } from "../history/read_history.ts";
import { findPerson } from "../people/find_person.ts";
import type { CommandContext } from "./command_context.ts";
import type { HistoryOptions } from "./command_options.ts";
import { hideErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";
import { withOwnKeys } from "./own_keys.ts";
import { ownKeyOutput, storedKeys } from "./state_key_store.ts";

/** `history`: everything about one student, in order and within a budget. For a model the student is a pseudonym. */
export async function runHistory(context: CommandContext, options: HistoryOptions): Promise<void> {
  const { config, clock } = context;
  const before = options.cursor === null ? null : placeOfCursor(options.cursor);
  if (options.cursor !== null && before === null) {
    throw new UsageError(`Cannot go on at ${JSON.stringify(options.cursor.slice(0, 60))}: it is no cursor`, {
      hint: "give --cursor what an earlier answer said behind `cursor`",
    });
  }
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  await hideErased(context, db);
  await using out = ownKeyOutput(context.out, db);
  const source = config.source.name;
  const id = await findPerson(db.sql, source, "student", options.student);
  // By the LMS's own key from the start: the budget counts it.
  const called = options.format === "prompt"
    ? (await pseudonyms(db.sql))("student", source, id)
    : await withOwnKeys(id, storedKeys(db));
  const { since, format, maxTokens } = options;
  const request = { source, student: id, called, since, before, now: clock.now(), timezone: config.notify.timezone };
  const { text } = await readHistory(db.sql, { ...request, format, maxTokens });
  if (format === "json") out.writeJson(JSON.parse(text));
  else out.writeLine(text);
}
