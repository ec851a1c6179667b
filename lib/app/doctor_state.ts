import { dirname } from "node:path";
import { lastSkippedPass, otherWriters, readBacklog, readStanding, tryToWrite } from "../../sql/state/doctor.ts";
import { leaseStats } from "../../sql/state/stats.ts";
import { readStreams } from "../../sql/state/streams.ts";
import { errorCode } from "../base/database_errors.ts";
import { StateError } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { formerStateWords } from "../config/default_state.ts";
import { memoryLimit } from "../drivers/deno/memory_limit.ts";
import { fromInstant } from "../model/time.ts";
import { describePeriod } from "../poll/pass_policy.ts";
import { readMeasuredPass } from "../poll/pass_schedule.ts";
import { describeHolder } from "../poll/holder.ts";
import { rootIsAStranger } from "../state/directory_user.ts";
import { openState } from "../state/open_state.ts";
import { cannotOpen, isCreated, stateDirectory } from "../state/owner_directory.ts";
import { requireMemory } from "../state/require_memory.ts";
import type { StateDb } from "../state/state_db.ts";
import { formatDuration } from "../text/parse_duration.ts";
import type { CommandContext } from "./command_context.ts";
import type { Findings } from "./doctor_findings.ts";

/** A server's clock may be so far off before results are late or early by it. */
const SKEW_MS = 60_000;
/** What was due so long ago should have been sent. */
const OVERDUE_S = 600;

/** Where an embedded state lies, or would: looked at before it is opened, since that needs memory and rights. */
export async function lookAtPlace({ state }: Config, { ok, warn }: Findings): Promise<{ readonly exists: boolean }> {
  if (state.former !== undefined) {
    const { message, hint } = formerStateWords(state.former);
    warn(message, hint);
  }
  if (!state.url.startsWith("pglite:")) return { exists: true };
  const directory = stateDirectory(state.url.slice("pglite:".length));
  requireMemory(directory.path, memoryLimit());
  const exists = await isCreated(directory);
  if (exists) return { exists };
  const stranger = rootIsAStranger(directory);
  if (stranger !== null) throw stranger;
  await tryPlace(directory.path);
  ok(`there is none yet: the first command that stores something makes ${directory.path}, where this user can write`);
  return { exists };
}

/** Whether this user can make that directory, or write into it: makes something there and removes it. */
async function tryPlace(path: string): Promise<void> {
  let existing = path;
  while (!(await Deno.stat(existing).then(() => true, isThere)) && existing !== dirname(existing)) {
    existing = dirname(existing);
  }
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: existing, prefix: ".lmsmon-doctor-" }));
  } catch (error) {
    throw cannotOpen(stateDirectory(path), error, existing === path ? "" : `${existing} cannot be written: `);
  }
}

const isThere = (error: unknown) => !(error instanceof Deno.errors.NotFound);

/** The open state: who can write there, its clock, what waits in it, who polls and when the next full pass comes. */
export async function lookIntoState(
  { config, clock, log }: CommandContext,
  db: StateDb,
  { ok, warn }: Findings,
): Promise<void> {
  const asked = clock.now();
  const [standing] = await readStanding(db.sql);
  if (standing === undefined) return;
  if (db.mode === "server") {
    const between = (asked + clock.now()) / 2;
    const skewMs = Math.round((fromInstant(standing.now) - between) / 1000);
    const ahead = `${formatDuration(Math.abs(Math.round(skewMs / 1000)) * 1000)} ${skewMs > 0 ? "ahead of" : "behind"}`;
    if (Math.abs(skewMs) > SKEW_MS) {
      warn(
        `the clock of its server is ${ahead} this machine's`,
        "set both by NTP: messages are due by the server's clock",
      );
    } else ok("its server's clock agrees with this machine's");
    if (standing.is_standby) {
      throw new StateError(
        "The state's server is a standby: it follows another server, and nothing can be stored there",
        {
          hint: "name the primary in state.url, or all hosts with ?target_session_attrs=read-write",
        },
      );
    }
    // Over a connection that may write: the one that looks may not.
    await using writing = await openState(config.state, { migrate: "skip", connections: 1, log });
    await tryWriting(writing, standing.role);
    const others = (await otherWriters(db.sql)).map(({ rolname }) => rolname);
    ok(
      `the role "${standing.role}" can write there` + (others.length === 0 ? "" : `, and so can ${others.join(", ")}`),
    );
  } else {
    const { path } = stateDirectory(config.state.url.slice("pglite:".length));
    if (db.mode === "embedded") await tryPlace(path);
    await tryWriting(db, standing.role);
    ok(`can be written in ${path}` + (db.mode === "embedded" ? "" : ", through the process that has it open"));
  }
}

/** Writes and takes it back. */
async function tryWriting(db: StateDb, role: string): Promise<void> {
  const undone = new Error("rolled back");
  try {
    await db.sql.begin(async (tx) => {
      await tryToWrite(tx);
      throw undone;
    });
  } catch (error) {
    if (error === undone) return;
    const detail = error instanceof Error ? error.message : String(error);
    const readOnly = errorCode(error) === "25006";
    throw new StateError(`Cannot write to the state database as "${role}": ${detail}`, {
      cause: error,
      hint: readOnly
        ? "the server, the database or the role is set to read only (default_transaction_read_only; a full disk on some managed servers)"
        : "make the role the owner of the schema lmsmon (README, Permissions)",
    });
  }
}

/** What is on its way through the state: the backlog, the poller, the full pass. */
export async function lookAtWork(
  { config, clock }: CommandContext,
  db: StateDb,
  { ok, warn }: Findings,
): Promise<void> {
  const { sql } = db;
  const { name } = config.source;
  const backlog = await readBacklog(sql, name, OVERDUE_S);
  const counts = backlog.map(({ status, deliveries }) => `${deliveries} ${status}`).join(", ");
  const late = backlog.filter(({ status, overdue }) => status !== "held" && overdue !== "0");
  const oldest = late.map((row) => row.oldest_due).filter((due) => due !== null).map(String).sort()[0];
  if (late.length > 0) {
    warn(
      `not yet told: ${counts}; overdue by more than ${formatDuration(OVERDUE_S * 1000)}: since ${
        seconds(oldest ?? "")
      }`,
      "see the log of watch for what keeps it from sending; lmsmon stats shows the reasons",
    );
  } else ok(`not yet told: ${counts || "nothing"}`);
  if (backlog.some(({ status }) => status === "held")) {
    warn("some of it is held by the fuse", "lmsmon release --list shows what, and how to let it go");
  }
  const lease = (await leaseStats(sql)).find(({ source, valid }) => source === name && valid);
  const poller = lease === undefined ? null : describeHolder(lease.holder);
  ok(poller === null ? `nobody polls "${name}" at this moment` : `"${name}" is polled by ${poller}`);
  const pass = await readMeasuredPass(db, name);
  if (pass !== null) {
    const costs = `which costs the LMS ${Math.round(pass.costMs)} ms`;
    ok(`watch compares every row ${describePeriod(pass.periodMs)}, ${costs}`);
  }
  const periodMs = pass === null ? config.poll.fullPassMs : Math.max(pass.periodMs, config.poll.intervalMs);
  const [skipped] = await lastSkippedPass(sql, name);
  for (const { kind, last_full_pass_at: last } of await readStreams(sql, name)) {
    if (last === null) ok(`${kind}: no full pass is over yet, so the next poll makes one`);
    else {
      const proven = skipped?.at != null && fromInstant(skipped.at) > fromInstant(last) ? skipped.at : null;
      const due = (proven ?? last).add({ milliseconds: Math.round(periodMs) });
      const lateMs = (clock.now() - fromInstant(due)) / 1000;
      const next = `the next one due ${seconds(String(due))}`;
      const said = `${kind}: last full pass ${seconds(String(last))}` +
        (proven === null ? "" : `, and nothing committed since by ${seconds(String(proven))}`);
      if (lateMs <= config.poll.fullPassMs) ok(`${said}, ${next}`);
      else if (poller === null) warn(`${said}, and nobody polls`, "start lmsmon watch, or poll-once by a timer");
      else warn(`${said}, though ${poller} polls`, "see the log of watch for why full passes fail or are skipped");
    }
  }
}

/** Without fractions: `2026-11-28T20:15:03Z`. */
const seconds = (time: string) => time.replace(/\.\d+(?=Z)/, "");
