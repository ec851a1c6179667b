import { jsonId } from "../model/lms_ids.ts";
import { dropConsumer, listConsumers, readConsumer } from "../../sql/state/consumers.ts";
import { UsageError } from "../base/errors.ts";
import { didYouMean } from "../config/problem.ts";
import { recordAct } from "../state/acts.ts";
import { openState } from "../state/open_state.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { ConsumersOptions } from "./command_options.ts";
import { confirm } from "./confirm.ts";
import { consumerTurn, takeExportTurn } from "./export_turn.ts";

/** `lmsmon consumers`: who takes the export step by step, and how far each has come; or drops one. */
export async function runConsumers(context: CommandContext, options: ConsumersOptions): Promise<void> {
  const { config, clock, out } = context;
  await using db = await openState(config.state, { clock, dryRun: options.dryRun });
  if (options.drop !== null) return await drop(context, db, options.drop, options);
  const consumers = await listConsumers(db.sql);
  if (options.json) {
    return out.writeJson(commandJson("consumers", {
      consumers: consumers.map((row) => ({
        name: row.name,
        acknowledged: jsonId(row.acknowledged),
        newest: jsonId(row.newest),
        lag: Number(row.lag),
        created_at: jsonTime(row.created_at),
        acknowledged_at: jsonTime(row.acknowledged_at),
      })),
    }));
  }
  if (consumers.length === 0) return out.writeLine("No consumer yet: export-ai --consumer NAME makes one");
  await out.table(
    ["consumer", "acknowledged", "behind", "last"],
    consumers.map((row) => [row.name, row.acknowledged, row.lag, jsonTime(row.acknowledged_at) ?? "never"]),
  );
}

async function drop(
  context: CommandContext,
  db: Awaited<ReturnType<typeof openState>>,
  name: string,
  { dryRun, yes, json }: ConsumersOptions,
): Promise<void> {
  const { out } = context;
  const [known] = await readConsumer(db.sql, name);
  if (known === undefined) {
    const names = (await listConsumers(db.sql)).map((row) => row.name);
    throw new UsageError(`Cannot drop the consumer "${name}": it is not known${didYouMean(name, names)}`, {
      hint: names.length === 0 ? "there is no consumer" : `known: ${names.join(", ")}`,
    });
  }
  if (!dryRun) {
    confirm({ what: `Forget the consumer ${name}, whose next export begins with the first event`, yes });
    await using _turn = await takeExportTurn(db, context, consumerTurn(name));
    await dropConsumer(db.sql, name);
    const effect = `consumer ${name} forgotten, which had acknowledged up to event ${known.acknowledged}`;
    await recordAct(db.sql, { source: context.config.source.name, command: `consumers drop ${name}`, effect });
  }
  const { acknowledged } = known;
  if (json) {
    return out.writeJson(
      commandJson("consumers", { dry_run: dryRun, dropped: name, acknowledged: jsonId(acknowledged) }),
    );
  }
  out.writeLine(`${dryRun ? "Would drop" : "Dropped"} ${name}, which had acknowledged up to event ${acknowledged}`);
}
