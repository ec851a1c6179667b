import { counted } from "../text/counted.ts";
import type { ByteSink, Exported } from "../export/byte_sink.ts";
import { highestIds } from "../../sql/state/lineage.ts";
import { progressShower } from "../base/progress.ts";
import type { StateDb } from "../state/state_db.ts";
import { exportEvents, type ExportRequest, studentsNamed } from "../export/export_events.ts";
import { markProcessed } from "../export/mark_processed.ts";
import { openOutputFile } from "../export/output_file.ts";
import { formatUtc } from "../model/time.ts";
import { LeaseLostError, LmsmonError, StateError, StoppedError, UsageError } from "../base/errors.ts";
import { failPoint } from "../base/fail_point.ts";
import { type Output, OutputClosed, outputError, standardOutput } from "../base/output.ts";
import { openStdoutPipe, type PipeWriter } from "../drivers/deno/stdout_pipe.ts";
import { openState } from "../state/open_state.ts";
import { isConnectionLost } from "../base/database_errors.ts";
import { stateError } from "../state/state_errors.ts";
import type { CommandContext } from "./command_context.ts";
import type { ExportAiOptions } from "./command_options.ts";
import { takeExportTurn, turnLost } from "./export_turn.ts";

/**
 * `export-ai`: events as JSON lines to stdout or a file; marks them afterwards when asked to. A reader that goes away
 * (`| head`) ends it with 0 and marks nothing.
 */
export async function runExportAi(context: CommandContext, options: ExportAiOptions): Promise<number> {
  if (options.format !== "jsonl") {
    throw new UsageError(`Cannot export as "${options.format}": unknown format`, { hint: "use --format jsonl" });
  }
  // Before any work: who cannot write the file should not wait for a database to learn it.
  await using file = options.out === null ? null : await openOutputFile(options.out);
  const pipe = file === null && context.out === standardOutput ? openStdoutPipe() : null;
  using _ = { [Symbol.dispose]: () => pipe?.close() };
  const sink = file ?? sinkOf(context.out, pipe);
  await using db = await openState(context.config.state, { clock: context.clock });
  await using turn = options.unprocessed && options.markProcessed ? await takeExportTurn(db, context) : null;
  const filter = {
    since: options.since === null ? null : formatUtc(options.since),
    until: options.until === null ? null : formatUtc(options.until),
    types: options.types,
    students: options.student === null ? null : await studentsNamed(db, options.student),
    unprocessed: options.unprocessed,
  };
  if (filter.students?.length === 0) {
    context.log.warn("No student with this id or username is known: nothing to export");
  }
  const { soft } = context.stop;
  try {
    const exported = await exportShown(context, db, {
      request: { filter, limit: options.limit, identified: options.identified },
      sink,
      toTerminal: file === null && context.out.isTerminal,
      signal: turn === null ? soft : AbortSignal.any([soft, turn.signal]),
    });
    await file?.commit();
    failPoint("export.before_mark");
    if (turn?.signal.aborted) throw turnLost();
    const marked = options.markProcessed ? await markProcessed(db, filter, exported) : 0;
    context.log.info("Exported {exported}, {marked} newly marked as processed", {
      exported: counted(exported.lines, "event"),
      lines: exported.lines,
      marked,
    });
    return 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (error instanceof LeaseLostError) throw turnLost();
    if (error instanceof StoppedError) {
      throw error.withHint("nothing was marked as processed; start it again for the whole export");
    }
    if (error instanceof LmsmonError) throw error;
    if (isConnectionLost(error)) throw stateError(context.config.state.url, error);
    const detail = error instanceof Error ? error.message : String(error);
    throw new StateError(`Cannot export: the state database says: ${detail}`, { cause: error });
  }
}

function sinkOf(out: Output, pipe: PipeWriter | null): ByteSink {
  return {
    write: (bytes) =>
      pipe === null ? out.writeBytes(bytes) : pipe.write(bytes).catch((error) => {
        throw outputError(error);
      }),
  };
}

/** By event ids, so that nothing need be counted. Lines on the same terminal are progress enough. */
async function exportShown(
  { clock, log }: CommandContext,
  db: StateDb,
  { request, sink, toTerminal, signal }: {
    readonly request: ExportRequest;
    readonly sink: ByteSink;
    readonly toTerminal: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Exported> {
  if (toTerminal) return await exportEvents(db, request, sink, signal);
  const [newest] = await highestIds(db.sql);
  const highest = Number(newest?.newest_event ?? 0);
  using progress = progressShower(clock, log)("Exporting", "event");
  let first: number | null = null;
  return await exportEvents(db, request, sink, signal, (lines, last) => {
    const at = Number(last);
    first ??= at;
    const byIds = highest > first ? (at - first) / (highest - first) : null;
    progress.update(lines, request.limit === null ? byIds : Math.max(byIds ?? 0, lines / request.limit));
  });
}
