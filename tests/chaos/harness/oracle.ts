import type { ZulipStandIn } from "../../../lib/stand_in/zulip_stand_in.ts";
import type { Sql } from "../../../lib/state/state_db.ts";
import { Findings } from "./findings.ts";
import { type EventRow, judgeEvents, mustHaveEvent, readEvents } from "./judge_attempts.ts";
import { type Absences, judgeDeliveries, type LogRow } from "./judge_deliveries.ts";
import { judgeTexts } from "./judge_texts.ts";
import type { LmsLoad } from "./lms_load.ts";

/** What the oracle found. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly lost: number;
  readonly duplicated: number;
  /** Deliveries that are still under way, and a phrase for each. */
  readonly open: number;
  readonly underWay: readonly string[];
  readonly rows: number;
  readonly events: number;
  readonly deliveries: number;
  readonly messages: number;
  readonly ended: Readonly<Record<string, number>>;
}

export interface OracleInput {
  readonly load: Pick<LmsLoad, "rows">;
  /** The mentors of each student, at the end. */
  readonly mentorsOf: ReadonlyMap<number, readonly number[]>;
  readonly sql: Sql;
  readonly zulip: Pick<ZulipStandIn, "messages" | "bot">;
  readonly source?: string;
  /** LMS ids of mentors that have no Zulip account. */
  readonly withoutAccount: ReadonlySet<number>;
  /** The Zulip account of a mentor by LMS id; `null` where nobody can say. */
  readonly accountOf?: (mentor: number) => number | null;
  /** Why a delivery may end without a message. */
  readonly mayEnd?: readonly string[];
  /** The same for single mentors, by LMS id. */
  readonly mayEndFor?: ReadonlyMap<number, readonly string[]>;
  /** Events that only a state had which is no more: what was told of them stands in Zulip and belongs to no event. */
  readonly lost?: readonly EventRow[];
  /** Students have names of their own, not "Student" and their id: who a message is about is not looked for. */
  readonly disguised?: boolean;
}

/**
 * Computes from what the writer committed what lmsmon must have stored and told, and compares. It shares no code with the
 * detector, the recording or the delivery (only the marker's recipe, which is a public contract).
 */
export async function consult(input: OracleInput): Promise<Verdict> {
  const source = input.source ?? "testpress";
  const events = await readEvents(input.sql, source);
  const logs = await input.sql<LogRow[]>`
    select l.event_id::text, l.recipient, l.status, l.reason,
           extract(epoch from case when m.crashes = 0 then m.started_at else m.created_at end)::float8 as began_s,
           l.attempts, l.next_attempt_at::text as due
      from lmsmon.lms_event_logs l left join lmsmon.messages m on m.message_id = l.message_id where l.source = ${source}`;
  const found = new Findings();
  judgeEvents(input.load, events, found);
  const told = judgeDeliveries(input, { source, events, logs, absences: await readAbsences(input.sql, source) }, found);
  judgeTexts(input, told.events, found);
  return {
    problems: found.problems,
    lost: found.lost,
    duplicated: found.duplicated,
    open: told.open.length,
    underWay: told.open,
    rows: [...input.load.rows.exam.values(), ...input.load.rows.content.values()].filter(mustHaveEvent).length,
    events: events.length,
    deliveries: logs.length,
    messages: input.zulip.messages.length,
    ended: told.ended,
  };
}

/** Since when the state knows a row to be missing, by kind and id. */
async function readAbsences(sql: Sql, source: string): Promise<Absences> {
  const rows = await sql<{ row: string; since_s: number }[]>`
    select s.kind || ' ' || r.row_key as row, extract(epoch from r.missing_since)::float8 as since_s
      from lmsmon.row_states r join lmsmon.streams s using (stream_id)
     where s.source = ${source} and r.missing_since is not null`;
  return new Map(rows.map(({ row, since_s }) => [row, since_s]));
}
