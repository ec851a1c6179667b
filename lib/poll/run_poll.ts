import type { LmsSource } from "../source/lms_source.ts";
import type { LmsId } from "../model/event.ts";
import type { Clock } from "../base/clock.ts";
import { failPoint } from "../base/fail_point.ts";
import type { Stream } from "./record/batch.ts";
import type { Lease } from "../state/leases.ts";
import type { StateDb } from "../state/state_db.ts";
import {
  completeFirstContact,
  ensureStreams,
  noteFullPass,
  noteHighestKey,
  startFirstContact,
} from "./record/streams.ts";
import { beginPoll, closeAbandonedPolls, failPoll, finishPoll, type PollVerdict } from "./record/poll_runs.ts";
import { wakeAwaitedRows } from "../tell/absent_rows.ts";
import { refreshStatistics } from "../state/statistics.ts";
import { fullPass } from "./full_pass.ts";
import type { ShowProgress } from "../base/progress.ts";
import { readErasedPeople } from "../privacy/erased_people.ts";
import { PassProgress } from "./pass_progress.ts";
import { readCourseContext } from "./read_course_context.ts";
import { PeopleCache } from "./people_cache.ts";
import type { PollContext, PollSettings } from "./poll_context.ts";
import { quickPass, rowsAbove } from "./quick_pass.ts";
import { readLog } from "./read_log.ts";
import { quarantineOddKeys } from "./retry_quarantined.ts";
import { recordingSink, stateKnownRows } from "./state_edges.ts";
import { newPollTally, type PollTally } from "./tally.ts";
import { KindError, LmsError } from "../base/errors.ts";
import { studentsWithUndelivered } from "../../sql/state/people.ts";
import { refreshLinks } from "./record/people.ts";

export interface PollOptions {
  readonly mode: "quick" | "full";
  readonly notifyHistory: boolean;
  readonly signal: AbortSignal;
  /** A full pass was due, but nothing was committed since the last one. */
  readonly skippedFullPass?: boolean;
  /** Due dates and enrolments come with a full pass, but not again within so long; default: with each. */
  readonly contextRestMs?: number;
  /** What some kinds failed with in the last full pass: this poll fails with it, too, once it has polled. */
  readonly unresolved?: LmsError | null;
}

export interface PollResult {
  readonly pollId: string;
  readonly mode: PollOptions["mode"];
  readonly tally: PollTally;
  readonly verdict: PollVerdict;
  /** Kinds whose history was stored by this poll and told to nobody. */
  readonly firstContact: readonly string[];
}

export interface PollDeps {
  readonly db: StateDb;
  readonly lms: LmsSource;
  readonly clock: Clock;
  readonly settings: PollSettings;
  /** The fuse held a poll's messages: the administrator is to be told. */
  readonly onHeld?: (pollId: string, verdict: PollVerdict) => void;
  /** Shows how far a pass over all rows is. */
  readonly showProgress?: ShowProgress | undefined;
}

/** Rows per page of a first pass: enough that a transaction costs little beside its rows, few enough that memory stays low. */
const FIRST_PASS_ROWS = 2_500;
/** Students whose mentors are read again at a time. */
const PAGE_STUDENTS = 2_000;
/** From here on the planner's statistics are refreshed at once. */
const MANY_ROWS = 1_000;

/**
 * One poll under a lease: passes over every kind, refreshes who is to be told, and lets the fuse decide about its messages.
 * A failure leaves what was recorded in place, and the next poll finds the rest (P2). Throws KindError where what only some kinds
 * ask of the LMS failed, and the others were polled.
 */
export async function runPoll(deps: PollDeps, lease: Lease, options: PollOptions): Promise<PollResult> {
  const { db, lms } = deps;
  const streams = await ensureStreams(
    db,
    lms.name,
    lms.kinds.map((kind) => ({ kind, recipe: lms.recipe(kind), form: lms.keySpace(kind).form })),
    lease,
  );
  for (const closed of await closeAbandonedPolls(db, lease, deps.settings.notify)) {
    if (closed.delivery === "held") deps.onHeld?.(closed.pollId, closed);
  }
  const pollId = await beginPoll(db, lease, options.mode);
  failPoint("poll.begun");
  const tally = newPollTally();
  const erased = await readErasedPeople(db, lms.name);
  tally.skippedFullPass = options.skippedFullPass ?? false;
  const context: PollContext = {
    lms,
    known: stateKnownRows(db),
    sink: recordingSink(db, lease, (rows) => tally.quarantined += rows),
    clock: deps.clock,
    settings: deps.settings,
    pollId,
    now: () => deps.clock.now(),
    people: new PeopleCache(lms, erased),
    erased,
    tally,
    notifyHistory: options.notifyHistory,
    endsPass: options.mode === "full" || tally.skippedFullPass,
    signal: options.signal,
  };
  lms.takeFaults(); // of what was read before
  try {
    const firstContact: string[] = [];
    let failed: LmsError | null = options.unresolved ?? null;
    for (const stream of streams) {
      const error = await pollStream(deps, lease, context, stream, options.mode).then(() => null, failureOfKind);
      failed ??= error;
      if (error === null && !stream.firstContactDone) firstContact.push(stream.kind);
    }
    // Goes on beside what is read of the LMS; ended before anything is told.
    const statistics = tally.rowsChanged >= MANY_ROWS ? refreshStatistics(db) : null;
    try {
      await refreshWaitingLinks(context, db, lms.name);
      if (options.mode === "full") {
        const restMs = options.contextRestMs ?? 0;
        const { people, signal } = context;
        await readCourseContext({ db, lms, people, lease, now: deps.clock.now(), restMs, signal });
      }
    } finally {
      await statistics;
    }
    Object.assign(tally, lms.takeFaults());
    await wakeAwaitedRows(db, lms.name, deps.clock.now());
    if (failed !== null) throw new KindError(failed, tally.sumsMs);
    failPoint("poll.before_finish");
    const verdict = await finishPoll(db, lease, pollId, tally, deps.settings.notify);
    failPoint("poll.after_finish");
    if (verdict.delivery === "held") deps.onHeld?.(pollId, verdict);
    return { pollId, mode: options.mode, tally, verdict, firstContact };
  } catch (cause) {
    const error = await explainLmsError(lms, cause);
    // Closes the poll through the same fuse: what was recorded before the failure is told now, not after the repair.
    const verdict = await failPoll(db, lease, pollId, tally, deps.settings.notify, error).catch(() => null);
    if (verdict?.delivery === "held") deps.onHeld?.(pollId, verdict);
    throw error;
  }
}

/** An error that keeps no other kind from being polled: the server answered, but cannot do what this one asks. Throws any other. */
export function failureOfKind(error: unknown): LmsError {
  if (error instanceof LmsError && error.reason === "failed") return error;
  throw error;
}

/** One stream of a poll: its pass, and what is remembered of how far that went. */
async function pollStream(
  deps: PollDeps,
  lease: Lease,
  context: PollContext,
  stream: Stream,
  mode: PollOptions["mode"],
): Promise<void> {
  const { db } = deps;
  if (!stream.firstContactDone) await startFirstContact(db, lease, stream);
  let readTo: LmsId | null;
  {
    await using progress = progressOf(deps, stream, mode);
    readTo = await passOver({ ...context, progress }, stream, mode);
  }
  const skippedPass = context.tally.skippedFullPass && stream.firstContactDone;
  await noteHighestKey(db, lease, stream, { skippedPass, readTo });
  if (mode === "full" || !stream.firstContactDone) await noteFullPass(db, lease, stream);
  if (stream.firstContactDone) return;
  failPoint("poll.before_first_contact_done");
  await completeFirstContact(db, lease, stream);
}

function progressOf(
  { lms, clock, showProgress }: PollDeps,
  stream: Stream,
  mode: PollOptions["mode"],
): PassProgress | null {
  if (showProgress === undefined || (mode === "quick" && stream.firstContactDone)) return null;
  const what = stream.firstContactDone ? "Comparing every row" : "First poll";
  return new PassProgress(showProgress(`${what} of ${lms.name}, ${stream.kind}`, "row"), lms, stream.kind, clock);
}

/**
 * A stream that was never passed over whole is in first contact: everything is read, and its rows are history (P10). After a
 * crash the comparison skips what was stored already. Gives the id up to which all new rows were looked at, where it is known.
 */
export async function passOver(context: PollContext, stream: Stream, mode: "quick" | "full"): Promise<LmsId | null> {
  let readTo: LmsId | null = null;
  if (stream.firstContactDone && mode === "quick") readTo = await quickPass(context, stream);
  else if (stream.firstContactDone || !await context.known.isEmpty(stream)) await fullPass(context, stream);
  else readTo = await rowsAbove(context, stream, null, FIRST_PASS_ROWS);
  await readLog(context, stream); // after the rows, so that it speaks of what no row was found for
  await quarantineOddKeys(context, stream); // after the rows: only reading them shows which keys a query has
  return readTo;
}

/**
 * The error that a person gets when a poll failed because of the LMS's tables: a server names one column that it missed
 * first, the check of the whole preset names all that are missing, with their tables.
 */
async function explainLmsError(lms: Pick<LmsSource, "check">, error: unknown): Promise<unknown> {
  if (!(error instanceof LmsError) || error.reason !== "schema") return error;
  return await lms.check().then(
    () => error,
    (better) => better instanceof LmsError && better.reason === "schema" ? better : error,
  );
}

/**
 * Reads again the mentors of every student with something left to tell, so that recipients are resolved by what the LMS says
 * now, also by a delivery that goes on while the LMS is away.
 */
async function refreshWaitingLinks(context: PollContext, db: StateDb, source: string): Promise<void> {
  let after: LmsId | null = null;
  while (true) {
    context.signal.throwIfAborted();
    const students = await studentsWithUndelivered(db.sql, source, after, PAGE_STUDENTS);
    const ids = students.map((row) => row.student_id);
    if (ids.length === 0) return;
    const { fresh, links } = await context.people.of(new Set(ids));
    await refreshLinks(db, source, fresh, new Map(ids.map((id) => [id, links.get(id) ?? []])));
    after = ids.at(-1) ?? null;
  }
}
