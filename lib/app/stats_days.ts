import * as q from "../../sql/state/stats_days.ts";
import { type Output, terminalWidth } from "../base/output.ts";
import type { EpochMicros } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import { briefDuration } from "../text/parse_duration.ts";

/** What happened in a period: by day, and what is still to be told at its end. */
export async function readDays({ sql }: Pick<StateDb, "sql">, period: q.Period, now: EpochMicros) {
  const [events, deliveries, messages, passes, backlog] = await Promise.all([
    q.eventsByDay(sql, period),
    q.deliveriesByDay(sql, period),
    q.messagesByDay(sql, period),
    q.passesInPeriod(sql, period),
    q.backlogByAge(sql, now),
  ]);
  return {
    events_by_day: [...events],
    deliveries_by_day: [...deliveries],
    messages_by_day: [...messages],
    passes_in_period: passes.map((row) => ({
      source: row.source,
      full: row.full,
      skipped: row.skipped,
      quick: row.quick,
      failed: row.failed,
      full_every_s: rounded(row.mean_gap_s),
      longest_gap_s: rounded(row.longest_gap_s),
    })),
    backlog: backlog.map(({ oldest_s, ...row }) => ({ ...row, oldest_s: Math.round(oldest_s) })),
  };
}

type Days = Awaited<ReturnType<typeof readDays>>;

const rounded = (seconds: number | null) => seconds === null ? null : Math.round(seconds * 10) / 10;

/** Events of each day as bars, for a terminal: what a person sees at a glance. */
export function dayBars({ events_by_day: events }: Pick<Days, "events_by_day">, width: number): string[] {
  const days = Map.groupBy(events, (row) => row.day);
  const totals = [...days].map(([day, rows]) => ({ day, n: rows.reduce((sum, row) => sum + row.events, 0) }));
  const most = Math.max(1, ...totals.map(({ n }) => n));
  const room = Math.max(10, width - 24);
  return totals.map(({ day, n }) => {
    const eighths = Math.max(1, Math.round((n / most) * room * 8));
    const rest = eighths % 8;
    const bar = "█".repeat(Math.floor(eighths / 8)) + (rest === 0 ? "" : " ▏▎▍▌▋▊▉".charAt(rest));
    return `${day} ${n.toLocaleString("en").padStart(11)} ${bar}`;
  });
}

/** Tables for people. */
export async function printDays(out: Output, days: Days): Promise<void> {
  if (out.isTerminal && days.events_by_day.length > 0) {
    out.writeLine("events found by day");
    for (const line of dayBars(days, Math.min(100, terminalWidth()))) out.writeLine(line);
    out.writeLine();
  }
  await table(
    out,
    "events found",
    ["day", "source", "type", "events", "not told"],
    days.events_by_day.map((row) => [row.day, row.source, row.event_type, row.events, row.not_told]),
  );
  await table(
    out,
    "deliveries ended",
    ["day", "source", "type", "how", "deliveries"],
    days.deliveries_by_day.map((row) => [row.day, row.source, row.event_type, row.status, row.deliveries]),
  );
  await table(
    out,
    "messages sent",
    ["day", "source", "kind", "messages", "recipients"],
    days.messages_by_day.map((row) => [row.day, row.source, row.kind, row.messages, row.recipients]),
  );
  await table(
    out,
    "polls",
    ["source", "full", "skipped", "quick", "failed", "full pass every", "longest gap"],
    days.passes_in_period.map((
      row,
    ) => [row.source, row.full, row.skipped, row.quick, row.failed, words(row.full_every_s), words(row.longest_gap_s)]),
  );
  await table(
    out,
    "still to be told",
    ["source", "status", "reason", "deliveries", "under 1h", "under 1d", "older", "oldest"],
    days.backlog.map((row) => [
      row.source,
      row.status,
      row.reason ?? "-",
      row.deliveries,
      row.under_an_hour,
      row.under_a_day,
      row.older,
      words(row.oldest_s),
    ]),
  );
}

const words = (seconds: number | null) => seconds === null ? "-" : briefDuration(seconds * 1000);

async function table(
  out: Output,
  title: string,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Promise<void> {
  out.writeLine(rows.length === 0 ? `${title}: none` : title);
  if (rows.length > 0) await out.table(head, rows);
  if (rows.length > 0) out.writeLine();
}
