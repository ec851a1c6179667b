import * as q from "../../sql/state/explain.ts";
import { readConstants } from "../insights/constants_file.ts";
import { findPerson } from "../people/find_person.ts";
import type { ExplainedEvent } from "../mcp/explain_tool.ts";
import { readOnly, type ViewSettings } from "../mcp/view.ts";
import type { EventMetadata } from "../model/event.ts";
import { mentorOf } from "../model/recipient.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import type { Queryable, StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import type { McpOptions } from "./command_options.ts";
import { Explainer } from "./explain_facts.ts";
import { hideErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";

/** The state for an agent, and who may be seen in it. */
export interface McpState extends AsyncDisposable {
  readonly db: StateDb;
  readonly settings: ViewSettings;
}

/** Throws CommandError for a mentor that there is not. */
export async function openMcpState(
  { config, clock, log }: CommandContext,
  { identified, mentor }: McpOptions,
): Promise<McpState> {
  await using stack = new AsyncDisposableStack();
  const parts = stack.use(new OpenParts(config));
  const db = await parts.state({ dryRun: true });
  await hideErased({ config, clock, log }, db);
  const source = config.source.name;
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
  const opened = stack.move();
  return { db, settings, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The words of `explain`, for whoever may see the event. */
export async function explainEvent(
  sql: Queryable,
  { config, clock }: CommandContext,
  eventId: string,
  mentor: string | null,
): Promise<ExplainedEvent | null> {
  const source = config.source.name;
  const [event] = await q.explainedEvents(sql, { source, eventId, limit: 1 });
  if (event === undefined) return null;
  const asked = { db: { sql }, config, source, now: clock.now() };
  const explainer = await Explainer.read(asked, [event], mentor === null ? [] : [mentor]);
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
      ...deliveries.flatMap(({ row }) => [row?.error ?? "", droppedFor(row?.reason ?? "")]),
      ...explainer.pauses.map(({ reason }) => reason),
      event.poll_reason ?? "",
      explainer.blocked?.reason ?? "",
    ],
  };
}

/** What a person wrote who dropped it; every other reason is a word of lmsmon. */
function droppedFor(reason: string): string {
  return /^dropped: (.*)$/s.exec(reason)?.[1] ?? "";
}
