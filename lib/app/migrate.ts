import type { Migration } from "../../sql/state/migrations/manifest.ts";
import { type MigrationStatus, readMigrationStatus, refuseForeignMigrations } from "../state/migrate.ts";
import { recordAct } from "../state/acts.ts";
import { openState } from "../state/open_state.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { MigrateOptions } from "./command_options.ts";

/** `lmsmon migrate`: brings the state database to this program's version, or says what that would do. */
export async function runMigrate(context: CommandContext, options: MigrateOptions): Promise<void> {
  if (options.status || options.dryRun) await report(context, options);
  else await apply(context, options);
}

async function apply(context: CommandContext, { json }: MigrateOptions): Promise<void> {
  const { config, out, log, clock, stop } = context;
  const applied: Migration[] = [];
  const onApplied = (migration: Migration) => void applied.push(migration);
  await using state = await openState(config.state, {
    migrate: "auto",
    log,
    clock,
    onApplied,
    signal: stop.soft,
  });
  const { applied: all } = await readMigrationStatus(state.sql);
  const version = all.at(-1)?.version ?? null;
  if (applied.length > 0) {
    const effect = applied.map(({ name }) => name).join(", ");
    await recordAct(state.sql, { source: config.source.name, command: "migrate", effect });
  }
  if (json) return out.writeJson(commandJson("migrate", { dry_run: false, version, applied: applied.map(named) }));
  for (const { name } of applied) out.writeLine(`Applied ${name}`);
  out.writeLine(`The state database is up to date (version ${version})`);
}

async function report(context: CommandContext, options: MigrateOptions): Promise<void> {
  const { config, log, clock } = context;
  await using state = await openState(config.state, { migrate: "skip", dryRun: true, log, clock });
  const status = await readMigrationStatus(state.sql);
  if (options.status) await printStatus(context, status, options.json);
  // After the table, which shows what is wrong.
  refuseForeignMigrations(status);
  if (!options.status) printPlan(context, status, options.json);
}

function printPlan({ out }: CommandContext, { applied, pending }: MigrationStatus, json: boolean): void {
  const version = applied.at(-1)?.version ?? null;
  if (json) return out.writeJson(commandJson("migrate", { dry_run: true, version, would_apply: pending.map(named) }));
  for (const { name } of pending) out.writeLine(`Would apply ${name}`);
  if (pending.length === 0) out.writeLine(`The state database is up to date (version ${version}): nothing to apply`);
}

async function printStatus({ out, config }: CommandContext, status: MigrationStatus, json: boolean): Promise<void> {
  const rows = [
    ...status.applied.map((migration) => ({
      version: migration.version,
      name: migration.name,
      status: status.unknown.includes(migration) ? "newer" : status.edited.includes(migration) ? "edited" : "applied",
      applied_at: jsonTime(migration.appliedAt),
      program_version: migration.programVersion,
    })),
    ...status.pending.map((migration) => ({
      ...named(migration),
      status: "pending",
      applied_at: null,
      program_version: null,
    })),
  ].sort((a, b) => a.version - b.version);
  if (json) {
    const version = status.applied.at(-1)?.version ?? null;
    return out.writeJson(commandJson("migrate", {
      state: config.state.url,
      version,
      pending: status.pending.length,
      migrations: rows,
    }));
  }
  await out.table(
    ["version", "name", "status", "applied at", "by lmsmon"],
    rows.map((row) => [row.version, row.name, row.status, row.applied_at, row.program_version]),
  );
}

const named = ({ version, name }: Migration) => ({ version, name });
