import { CommandError } from "../base/errors.ts";
import { describeError } from "../base/describe_error.ts";
import { isSweepLeft, sweepFiles } from "../privacy/erase.ts";
import { journalPath, reapplyJournal, writeJournal } from "../privacy/journal.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";

/**
 * Before a state is used: who was erased after it was saved is erased again, the journal gets what it has not, and files are swept
 * that an erasure left. What of it cannot be done is a warning: nothing else depends on it.
 */
export async function keepErased(
  { config, log }: Pick<CommandContext, "config" | "log">,
  db: Pick<StateDb, "sql" | "mode">,
): Promise<void> {
  const path = journalPath(config.state.url, config.privacy.journal);
  try {
    if (path !== null) {
      const applied = await reapplyJournal(db, path);
      if (applied > 0) {
        log.warn("This state is older than {applied} erasures of its journal, which were applied again", { applied });
      }
      await writeJournal(db, path);
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    log.warn("{message}: {hint}", { message: error.message, hint: error.hint ?? "" });
  }
  if (!await isSweepLeft(db)) return;
  try {
    await sweepFiles(db);
  } catch (error) {
    log.warn("Cannot sweep what an erasure left in the files of the state; tried again at the next start: {message}", {
      message: describeError(error).message,
    });
  }
}
