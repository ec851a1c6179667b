import { counted } from "../text/counted.ts";
import { progressShower } from "../base/progress.ts";
import { markErasures, newestLine, takeSchemaNotice } from "../../sql/state/export.ts";
import { acknowledge, addConsumer, listConsumers, readConsumer } from "../../sql/state/consumers.ts";
import { isConnectionLost } from "../base/database_errors.ts";
import { LeaseLostError, LmsmonError, StateError, StoppedError } from "../base/errors.ts";
import { failPoint } from "../base/fail_point.ts";
import { OutputClosed, standardOutput } from "../base/output.ts";
import { isStdoutNull } from "../drivers/deno/null_stdout.ts";
import type { Exported } from "../export/byte_sink.ts";
import { didYouMean } from "../config/problem.ts";
import { checkExport } from "../export/check_export.ts";
import { exportAggregates } from "../export/export_aggregates.ts";
import { exportPatterns } from "../export/export_patterns.ts";
import { exportEvents, type ExportRequest } from "../export/export_events.ts";
import { dataCard, manifestOf, writeManifest } from "../export/manifest.ts";
import { markProcessed } from "../export/mark_processed.ts";
import { formatUtc } from "../model/time.ts";
import { findPeople, isErasedStudent, noSuchPerson, severalPeople } from "../people/find_person.ts";
import { pseudonyms } from "../privacy/pseudonyms.ts";
import { requireSource } from "../state/sources.ts";
import { openState } from "../state/open_state.ts";
import type { StateDb } from "../state/state_db.ts";
import { stateError } from "../state/state_errors.ts";
import { epochMark } from "../state/epoch_mark.ts";
import { stateEpoch } from "../state/state_epoch.ts";
import type { CommandContext } from "./command_context.ts";
import type { ExportAiOptions } from "./command_options.ts";
import { type BatchAsked, batchAsked, exportBatch } from "./export_batch.ts";
import { type ExportPlace, openExportPlace } from "./export_place.ts";
import { keepErased } from "./keep_erased.ts";
import { consumerTurn, type ExportTurn, takeExportTurn, turnLost } from "./export_turn.ts";

/** How long `--follow` waits before it looks for more. */
const FOLLOW_MS = 1000;

/**
 * `export-ai`: what is stored as lines, rows or statements, to stdout or to files; afterwards marks it, or moves a consumer on,
 * when asked to. A reader that goes away (`| head`) ends it with 0, and nothing is marked or acknowledged.
 */
export async function runExportAi(context: CommandContext, given: ExportAiOptions): Promise<number> {
  const schema = given.schema ?? context.config.export.schema;
  const { maxTokens, answerTokens, model } = given;
  const batchOnly = Object.entries({ "--max-tokens": maxTokens, "--answer-tokens": answerTokens, "--model": model });
  checkExport({ ...given, schema, batchOnly: batchOnly.flatMap(([flag, value]) => value === null ? [] : [flag]) });
  const batch = await batchAsked(given);
  // Before any work: who cannot write the file should not wait for a database to learn it.
  await using place = await openExportPlace(context, given);
  await using db = await openState(context.config.state, { clock: context.clock });
  await keepErased(context, db);
  await using turn = await takeTurn(db, context, given);
  if (schema === 2 && given.schema === null) await tellOfSchema(context, db);
  const begin = given.consumer === null ? given.after : await consumerAt(context, db, given.consumer);
  if (given.after !== null) await tellOfAfter(context, db, given.after);
  const { soft } = context.stop;
  const work: Work = {
    context,
    db,
    given,
    place,
    turn,
    batch,
    request: { ...await selection(db, given), schema, after: begin },
    signal: turn === null ? soft : AbortSignal.any([soft, turn.signal]),
  };
  try {
    if (given.follow) await follow(work);
    else await exportOnce(work);
    return 0;
  } catch (error) {
    return explain(context, error);
  }
}

interface Work {
  readonly context: CommandContext;
  readonly db: StateDb;
  readonly given: ExportAiOptions;
  readonly place: ExportPlace;
  readonly turn: ExportTurn | null;
  readonly batch: BatchAsked | null;
  readonly request: Omit<ExportRequest, "upTo">;
  readonly signal: AbortSignal;
}

function takeTurn(db: StateDb, context: CommandContext, given: ExportAiOptions): Promise<ExportTurn | null> {
  if (given.consumer !== null) return takeExportTurn(db, context, consumerTurn(given.consumer));
  if (given.unprocessed && given.markProcessed) return takeExportTurn(db, context);
  return Promise.resolve(null);
}

/** Who exported before is told once that the line is another one now. */
async function tellOfSchema({ log }: CommandContext, db: StateDb): Promise<void> {
  if ((await takeSchemaNotice(db.sql)).length === 0) return;
  log.warn(
    "Lines have schema 2 now: every id of the LMS is text, and students, mentors and attempts have pseudonyms. " +
      "--schema 1, or export.schema: 1, gives the lines of before",
  );
}

/** Whoever counts on by ids would otherwise wait without a word for a state that was set back to come that far again. */
async function tellOfAfter({ log }: CommandContext, db: StateDb, after: string): Promise<void> {
  const newest = (await newestLine(db.sql))[0]?.newest ?? "0";
  if (BigInt(after) <= BigInt(newest)) return;
  log.warn(
    "--after {after} is beyond the newest event, {newest}: was this state set back? The epoch in manifests says so",
    {
      after,
      newest,
    },
  );
}

async function consumerAt({ log }: CommandContext, db: StateDb, name: string): Promise<string> {
  const [added] = await addConsumer(db.sql, name);
  if (added !== undefined) {
    const others = (await listConsumers(db.sql)).map((row) => row.name).filter((other) => other !== name);
    const meant = didYouMean(name, others);
    log[meant === "" ? "info" : "warn"]("New consumer {name}: it begins with the first event{meant}", { name, meant });
  }
  const [known] = added === undefined ? await readConsumer(db.sql, name) : [added];
  return known?.acknowledged ?? "0";
}

async function selection(db: StateDb, given: ExportAiOptions) {
  if (given.source !== null) await requireSource(db.sql, given.source);
  const { students, erased } = await studentsAsked(db, given);
  return {
    filter: {
      since: given.since === null ? null : formatUtc(given.since),
      until: given.until === null ? null : formatUtc(given.until),
      types: given.types,
      source: given.source,
      students,
      unprocessed: given.unprocessed,
    },
    erased,
    limit: given.limit,
    identified: given.identified,
    latest: given.view === "latest",
    xapi: given.format === "xapi",
  };
}

/**
 * The student meant, of each source one, and the pseudonyms that an erasure of them has: whoever takes the lines of one student hears of
 * it, also when it is made while they are followed.
 */
async function studentsAsked({ sql }: StateDb, { student: asked, source }: ExportAiOptions) {
  if (asked === null) return { students: null, erased: [] };
  const where = { role: "student", source } as const;
  const students = (await findPeople(sql, asked, where)).map(({ source, id }) => ({ source, id }));
  for (const ofOne of Map.groupBy(students, (student) => student.source).values()) {
    if (ofOne.length > 1) throw await severalPeople(sql, "student", ofOne);
  }
  const pseudonymOf = await pseudonyms(sql);
  const erased = students.map(({ source, id }) => pseudonymOf("student", source, id));
  if (await isErasedStudent(sql, asked)) return { students, erased: [...erased, asked.trim()] };
  if (students.length === 0) throw await noSuchPerson(sql, asked, where);
  return { students, erased };
}

async function exportOnce(work: Work): Promise<void> {
  const { context, db, given, place, request } = work;
  // Fixed before anything is read: what is recorded meanwhile is not acknowledged.
  const upTo = given.consumer === null ? null : (await newestLine(db.sql))[0]?.newest ?? "0";
  // Who is erased while the lines are written may be in them: only earlier erasures are followed.
  const calledBy = given.identified ? "names" : request.schema === 1 ? "lms_ids" : "pseudonyms";
  const card = given.manifest ? await dataCard(db.sql, calledBy) : {};
  const exported = await exportShown(work, { ...request, upTo });
  await place.end();
  if (place.target !== null && given.manifest) {
    const manifest = manifestOf(place.facts, {
      epoch: await stateEpoch(db, epochMark(context.config.state.url, context.log)),
      card,
      schema: request.schema,
      format: given.batch === null ? given.format : `requests for ${given.batch}`,
      view: given.view,
      ids: given.identified || request.schema === 1
        ? "lms"
        : given.pseudonyms === null
        ? "pseudonyms"
        : "pseudonyms under a key file",
      filter: {
        ...request.filter,
        students: request.filter.students === null ? null : "one",
        after: request.after,
        limit: given.limit,
      },
      now: context.clock.now(),
    });
    await place.commit();
    await writeManifest(place.target, manifest);
  } else await place.commit();
  await noteTaken(work, exported, upTo);
}

/** Everything is safely out: marks it, or moves the consumer on. */
async function noteTaken(work: Work, exported: Exported, upTo: string | null): Promise<void> {
  const { context, db, given, turn, request } = work;
  if (exported.lines > 0 && (given.markProcessed || given.ack)) warnOfNobody(work);
  failPoint("export.before_mark");
  if (turn?.signal.aborted) throw turnLost();
  let marked = 0;
  if (given.markProcessed) {
    marked = await markProcessed(db, request.filter, exported);
    const { erasures = [] } = exported;
    if (erasures.length > 0) await markErasures(db.sql, erasures);
  }
  if (given.ack && given.consumer !== null && upTo !== null && turn !== null) {
    // A limit that was reached leaves events for the next time; else all were looked at, also those that a filter left out.
    const isCut = given.limit !== null && exported.lines >= given.limit;
    const to = isCut ? exported.last ?? request.after ?? "0" : upTo;
    failPoint("export.before_ack");
    const moved = await acknowledge(db.sql, { name: given.consumer, from: request.after ?? "0", to }, turn.lease);
    if (moved.length === 0) throw turnLost();
    await stateEpoch(db, epochMark(context.config.state.url, context.log));
  }
  context.log.info("Exported {exported}, {marked} newly marked as processed", {
    exported: counted(
      exported.lines,
      given.batch !== null ? "request" : given.view === "events" || given.view === "latest" ? "event" : "line",
    ),
    lines: exported.lines,
    marked,
  });
}

/** No error, since `>/dev/null` may be meant, to begin with what is new. Whoever closed stdout by mistake has no other sign of the loss. */
function warnOfNobody({ context, place }: Work): void {
  if (place.target !== null || context.out !== standardOutput || !isStdoutNull()) return;
  context.log.warn("stdout is /dev/null, or closed: what is marked or acknowledged now reached nobody");
}

/** Until a signal: that is how it is meant to end. */
async function follow(work: Work): Promise<void> {
  const { context, db, given, place } = work;
  let request = work.request;
  try {
    for (;;) {
      work.signal.throwIfAborted();
      const upTo = (await newestLine(db.sql))[0]?.newest ?? "0";
      if (BigInt(upTo) > BigInt(request.after ?? "0")) {
        const exported = await exportEvents(db, { ...request, upTo }, place.writer, work.signal);
        if (exported.lines > 0 || given.ack) await noteTaken({ ...work, request }, exported, upTo);
        request = { ...request, after: upTo };
      }
      await context.clock.sleep(FOLLOW_MS, work.signal);
    }
  } catch (error) {
    if (!(error instanceof StoppedError) && !context.stop.soft.aborted) throw error;
    await place.end();
  }
}

/** By event ids, so that nothing need be counted. Lines on the same terminal are progress enough. */
async function exportShown(work: Work, request: ExportRequest): Promise<Exported> {
  const { context, db, given, place, signal } = work;
  const { view, limit } = given;
  if (work.batch !== null) return await exportBatch(context, db, { ...request, ...work.batch }, place.writer, signal);
  if (view === "students" || view === "weeks") {
    const timezone = context.config.notify.timezone;
    return await exportAggregates(db, { ...request, view, timezone }, place.writer, signal);
  }
  if (view === "patterns") return await exportPatterns(db, request, place.writer, signal);
  if (place.isTerminal) return await exportEvents(db, request, place.writer, signal);
  const highest = Number((await newestLine(db.sql))[0]?.newest ?? 0);
  using progress = progressShower(context.clock, context.log)("Exporting", "event");
  let first: number | null = null;
  return await exportEvents(db, request, place.writer, signal, (lines, last) => {
    const at = Number(last);
    first ??= at;
    const byIds = highest > first ? (at - first) / (highest - first) : null;
    progress.update(lines, limit === null ? byIds : Math.max(byIds ?? 0, lines / limit));
  });
}

function explain(context: CommandContext, error: unknown): number {
  if (error instanceof OutputClosed) return 0;
  if (error instanceof LeaseLostError) throw turnLost();
  if (error instanceof StoppedError) {
    throw error.withHint("nothing was marked as processed or acknowledged; start it again for the whole export");
  }
  if (error instanceof LmsmonError) throw error;
  if (isConnectionLost(error)) throw stateError(context.config.state.url, error);
  const detail = error instanceof Error ? error.message : String(error);
  throw new StateError(`Cannot export: the state database says: ${detail}`, { cause: error });
}
