import * as q from "../../sql/state/explain.ts";
import { logger } from "../base/log.ts";
import { readConstants } from "../insights/constants_file.ts";
import { findPerson } from "../people/find_person.ts";
import type { ExplainedEvent } from "../mcp/explain_tool.ts";
import { serveClient } from "../mcp/serve.ts";
import { readOnly, viewOf, type ViewSettings } from "../mcp/view.ts";
import type { EventMetadata } from "../model/event.ts";
import { mentorOf } from "../model/recipient.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { McpOptions } from "./command_options.ts";
import { Explainer } from "./explain_facts.ts";
import { OpenParts } from "./open_parts.ts";

/** `mcp`: answers an agent on stdin and stdout. It serves at once; the first answer that needs the state waits for it to open. */
export async function runMcp(context: CommandContext, { identified, mentor }: McpOptions): Promise<void> {
  const { config, stop } = context;
  await using parts = new OpenParts(config);
  const ended = new AbortController();
  const opening = open(parts, context, { identified, mentor });
  const serving = serveClient({
    turn: async (work) => {
      const { db, settings } = await opening;
      return await readOnly(db, async (sql) => await work(await viewOf(settings, sql)));
    },
    explain: (sql, eventId, mentorId) => explainEvent(sql, context, eventId, mentorId),
    log: logger("mcp"),
  }, AbortSignal.any([stop.soft, ended.signal]));
  try {
    // What cannot be opened ends the server with the reason; a client that goes first ends it well.
    await Promise.race([serving, opening.then(() => serving)]);
  } finally {
    ended.abort();
    await serving;
    await opening.catch(() => {});
  }
}

async function open(
  parts: OpenParts,
  { config, clock }: CommandContext,
  { identified, mentor }: McpOptions,
): Promise<{ db: StateDb; settings: ViewSettings }> {
  const db = await parts.state({ dryRun: true });
  const source = config.lms.name;
  const only = mentor === null
    ? null
    : await readOnly(db, async (sql) => await findPerson(sql, source, "mentor", mentor));
  const settings = {
    source,
    timezone: config.notify.timezone,
    identified,
    mentor: only,
    constants: await readConstants(config.insights?.constants ?? null),
    clock,
  };
  return { db, settings };
}

/** The words of `explain`, for whoever may see the event. */
async function explainEvent(
  sql: Queryable,
  { config, clock }: CommandContext,
  eventId: string,
  mentor: string | null,
): Promise<ExplainedEvent | null> {
  const source = config.lms.name;
  const [event] = await q.explainedEvents(sql, { source, eventId, limit: 1 });
  if (event === undefined) return null;
  const explainer = await Explainer.read(
    { db: { sql }, config, source },
    [event],
    clock.now(),
    mentor === null ? [] : [mentor],
  );
  const deliveries = explainer.explain(event, mentor);
  const metadata = event.metadata as EventMetadata; // written by the recorder only, always with all keys
  return {
    studentId: event.student_id,
    event: {
      type: event.event_type,
      kind: event.kind,
      title: event.activity_title,
      occurredAt: formatUtc(fromInstant(event.occurred_at)),
      detectedAt: formatUtc(fromInstant(event.detected_at)),
      revision: event.revision,
      percentage: metadata.percentage,
      verdict: metadata.verdict,
    },
    deliveries: deliveries.map(({ row, recipient, verdict }) => ({
      mentorId: mentorOf(recipient ?? ""),
      status: row?.status ?? "not_told",
      rule: verdict.rule,
      reason: verdict.says,
      change: verdict.change === "" ? null : verdict.change,
    })),
    freeTexts: [
      ...deliveries.flatMap(({ row }) => [row?.error ?? "", (row?.reason ?? "").replace(/^dropped: /, "")]),
      ...explainer.pauses.map(({ reason }) => reason),
      event.poll_reason ?? "",
      explainer.blocked?.reason ?? "",
    ],
  };
}
