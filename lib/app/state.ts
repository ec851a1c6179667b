import * as checks from "../../sql/state/check.ts";
import { stateTables } from "../../sql/state/dump.ts";
import { CommandError, UsageError } from "../base/errors.ts";
import { formatUtc } from "../model/time.ts";
import { recordAct } from "../state/acts.ts";
import { copyEmbedded } from "../state/copy_before.ts";
import { openState } from "../state/open_state.ts";
import { stateDirectory } from "../state/owner_directory.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { StateOptions } from "./command_options.ts";
import { keepErased } from "./keep_erased.ts";
import { leadsToStdout } from "../drivers/deno/stdout_pipe.ts";
import { dumpState, requireDumpName, restoreState, type RowCounts } from "./state_dump.ts";

const EMBEDDED = "pglite:";

/** `state`: copies, dumps, restores and checks the state database as such. Resolves to the exit code. */
export async function runState(context: CommandContext, options: StateOptions): Promise<number> {
  switch (options.action) {
    case "copy":
      return await copy(context, options);
    case "dump":
      return await dump(context, options);
    case "restore":
      return await restore(context, options);
    case "check":
      return await check(context, options);
  }
}

async function copy({ config, clock, out }: CommandContext, { path, json }: StateOptions): Promise<number> {
  const { url } = config.state;
  if (!url.startsWith(EMBEDDED)) {
    throw new UsageError("Cannot copy a state on a server: only an embedded one lies in a directory", {
      hint: "pg_dump copies a server's database; `lmsmon state dump FILE` writes what any lmsmon can restore",
    });
  }
  await using db = await openState(config.state, { clock });
  const bytes = await copyEmbedded(stateDirectory(url.slice(EMBEDDED.length)), db.sql, path);
  if (json) out.writeJson(commandJson("state", { action: "copy", path, bytes }));
  else out.writeLine(`Copied to ${path}, ${megabytes(bytes)}: a state like any other (state.url: ${EMBEDDED}${path})`);
  return 0;
}

async function dump(context: CommandContext, { path, json }: StateOptions): Promise<number> {
  const { config, clock, out, stop, log } = context;
  const isStdout = leadsToStdout(path);
  if (isStdout && out.isTerminal) {
    throw new UsageError("Cannot show a dump on a terminal: it is binary", { hint: "name a file, or use a pipe" });
  }
  requireDumpName(path);
  await using db = await openState(config.state, { clock });
  const { rows, bytes } = await dumpState(db, path, formatUtc(clock.now()), stop.soft);
  const said = `Dumped to ${path}, ${megabytes(bytes)}: ${rowWords(rows)}. It holds personal data, as the state does.`;
  // Behind the dump it would be a part of it, and nothing could restore that.
  if (isStdout) log.info("{said}", { said });
  else if (json) out.writeJson(commandJson("state", { action: "dump", path, bytes, rows }));
  else out.writeLine(said);
  return 0;
}

async function restore(context: CommandContext, { path, dryRun, json }: StateOptions): Promise<number> {
  const { config, clock, out } = context;
  await using db = await openState(config.state, { clock });
  const rows = await restoreState(db, path, dryRun);
  if (!dryRun) {
    await recordAct(db.sql, { source: config.source.name, command: "state restore", effect: rowWords(rows) });
    await keepErased(context, db);
  }
  if (json) {
    out.writeJson(commandJson("state", { action: "restore", path, dry_run: dryRun, rows }));
    return 0;
  }
  out.writeLine(`${dryRun ? "Would restore" : "Restored"} ${rowWords(rows)}`);
  if (dryRun) return 0;
  out.writeLine("Is it older than what was told since? `lmsmon reconcile` before the next watch.");
  out.writeLine("Was somebody erased since? `lmsmon privacy reapply FILE`, with the journal of erasures.");
  return 0;
}

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Reads everything there is, and holds what belongs together against each other. Changes nothing. */
async function check({ config, clock, out }: CommandContext, { json }: StateOptions): Promise<number> {
  await using db = await openState(config.state, { clock, dryRun: true });
  const findings: Finding[] = [];
  const counts: Record<string, number> = {};
  for (const { name } of await stateTables(db.sql)) {
    try {
      const [read] = await checks.readWhole(db.sql, name);
      counts[name] = Number(read?.rows ?? 0);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      findings.push({ what: `table ${name}`, ok: false, detail: `cannot be read: ${detail}` });
    }
  }
  if (findings.length === 0) {
    findings.push({ what: "tables", ok: true, detail: `every row can be read: ${rowWords(counts)}` });
  }
  for (const row of await checks.streamSums(db.sql)) {
    const ok = row.states === row.in_buckets && row.states_xor === row.buckets_xor;
    const detail = ok
      ? `${Number(row.states).toLocaleString("en")} rows remembered, and their sums agree`
      : `${row.states} rows remembered, ${row.in_buckets} in the sums that full passes compare: rows may be overlooked`;
    findings.push({ what: `${row.source}, ${row.kind}`, ok, detail });
  }
  const odd = (await checks.oddities(db.sql)).filter(({ rows }) => rows > 0);
  for (const { what, rows } of odd) findings.push({ what: "rows", ok: false, detail: `${rows} ${what}` });
  if (odd.length === 0) findings.push({ what: "rows", ok: true, detail: "nothing is there that nothing writes" });
  const bad = findings.filter(({ ok }) => !ok).length;
  if (json) {
    out.writeJson(commandJson("state", {
      action: "check",
      rows: counts,
      checks: findings.map(({ what, ok, detail }) => ({ part: what, status: ok ? "ok" : "error", message: detail })),
    }));
  } else {
    for (const { what, ok, detail } of findings) out.writeLine(`${ok ? "✓" : "✗"} ${what}: ${detail}`);
  }
  if (bad > 0 && !json) {
    throw new CommandError(`The state has ${counted(bad, "fault")}`, {
      hint: "restore a backup, or ask whoever keeps lmsmon, with these lines",
    });
  }
  return bad > 0 ? 1 : 0;
}

function rowWords(rows: RowCounts): string {
  const all = Object.values(rows).reduce((sum, n) => sum + n, 0);
  const of = (table: string) => (rows[table] ?? 0).toLocaleString("en");
  return `${all.toLocaleString("en")} rows (${of("lms_activity_events")} events, ${of("lms_event_logs")} deliveries, ${
    of("row_states")
  } rows of the LMS, ${of("people")} people)`;
}

const megabytes = (bytes: number) => `${Math.max(1, Math.round(bytes / 1_000_000)).toLocaleString("en")} MB`;
