import { CommandError, LmsmonError, StateError } from "../base/errors.ts";
import { describeError } from "../base/describe_error.ts";
import { isSweepLeft, sweepFiles } from "../privacy/erase.ts";
import { journalPath, missingErasures, reapplyJournal, writeJournal } from "../privacy/journal.ts";
import { openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";

/**
 * Before people are shown by a command that writes nothing else: nobody who was erased after the state was saved. `db` may be one that
 * must not be written to.
 */
export async function hideErased(
  { config, clock, log }: Pick<CommandContext, "config" | "clock" | "log">,
  db: Pick<StateDb, "sql">,
): Promise<void> {
  const path = journalPath(config.state.url, config.privacy.journal);
  if (path === null) return;
  await warned(log, async () => {
    try {
      if ((await missingErasures(db, path)).length === 0) return;
      await using writing = await openState(config.state, { clock });
      await applyJournal(log, writing, path);
    } catch (error) {
      if (error instanceof LmsmonError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new StateError(`Cannot show people of a state that is older than erasures in ${path}: ${why}`, {
        cause: error,
        hint: `lmsmon privacy reapply ${path}, by whoever may write to the state, erases them again`,
      });
    }
  });
}

async function applyJournal(log: CommandContext["log"], db: Pick<StateDb, "sql">, path: string): Promise<void> {
  const applied = await reapplyJournal(db, path);
  if (applied === 0) return;
  log.warn("This state is older than {applied} erasures of its journal, which were applied again", { applied });
}

async function warned(log: CommandContext["log"], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    log.warn("{message}: {hint}", { message: error.message, hint: error.hint ?? "" });
  }
}

/**
 * Before a state is used: who was erased after it was saved is erased again, the journal gets what it has not, and files are swept
 * that an erasure left. What of it cannot be done is a warning: nothing else depends on it.
 */
export async function keepErased(
  { config, log }: Pick<CommandContext, "config" | "log">,
  db: Pick<StateDb, "sql" | "mode">,
): Promise<void> {
  const path = journalPath(config.state.url, config.privacy.journal);
  if (path !== null) {
    await warned(log, async () => {
      await applyJournal(log, db, path);
      await writeJournal(db, path);
    });
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
