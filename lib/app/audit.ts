import { readActs } from "../../sql/state/audit.ts";
import { fromInstant } from "../model/time.ts";
import { localTime } from "../text/local_time.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { AuditOptions } from "./command_options.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";

/** `audit`: what people did to lmsmon by hand, as to this source, the newest last. */
export async function runAudit(context: CommandContext, options: AuditOptions): Promise<void> {
  const { config } = context;
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  await using out = ownKeyOutput(context.out, db);
  const source = options.all ? null : config.source.name;
  const acts = (await readActs(db.sql, source, options.since, options.limit)).toReversed();
  if (options.json) {
    return out.writeJson(commandJson("audit", {
      acts: acts.map(({ audit_id, at, ...act }) => ({ audit_id: BigInt(audit_id), at: jsonTime(at), ...act })),
    }));
  }
  if (acts.length === 0) return out.writeLine("Nothing was done by hand.");
  const several = new Set(acts.map((act) => act.source)).size > 1;
  const local = (at: Temporal.Instant) => localTime(fromInstant(at), config.notify.timezone, "second");
  await out.table(
    ["when", ...several ? ["source"] : [], "who", "host", "command", "reason", "effect"],
    acts.map((act) => [
      ...[local(act.at), ...several ? [act.source] : [], act.who, act.host],
      ...[act.command, act.reason ?? "-", act.effect],
    ]),
  );
}
