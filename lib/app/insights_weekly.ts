import { namesOfPeople } from "../../sql/state/insight_names.ts";
import type { Config } from "../config/config.ts";
import type { Insight } from "../insights/insight.ts";
import { NAMING } from "../insights/naming.ts";
import type { AsOf } from "../insights/read_insights.ts";
import { readNamingFacts } from "../tell/naming_facts.ts";
import { weeklyMessage } from "../insights/weekly_message.ts";
import type { EpochMicros } from "../model/time.ts";
import type { Queryable } from "../state/state_db.ts";
import { whomToCall } from "../tell/write_letters.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";

/** A message as a mentor would get it. */
export interface WeeklyMessage {
  readonly mentor: string;
  readonly content: string;
}

export interface ShownWeek {
  readonly config: Pick<Config, "source" | "insights" | "notify" | "students" | "format">;
  readonly at: AsOf;
  readonly now: EpochMicros;
  /** `null`: of every mentor. */
  readonly onlyMentor: string | null;
}

/** `insights --dry-run`: what a weekly message would say, mentor by mentor. Nothing is sent. */
export async function showWeekly(
  { out, config, clock }: CommandContext,
  sql: Queryable,
  insights: readonly Insight[],
  at: AsOf,
  onlyMentor: string | null,
): Promise<void> {
  const messages = await weeklyMessages(sql, insights, { config, at, now: clock.now(), onlyMentor });
  for (const { mentor, content } of messages) {
    out.writeLine(`To mentor ${mentor}:`);
    for (const line of content.split("\n")) out.writeLine(line === "" ? "" : `  ${line}`);
    out.writeLine();
  }
  out.writeLine(
    messages.length === 0
      ? `Nobody would be named to a mentor on ${at.day}`
      : `${counted(messages.length, "message")} as of ${at.day}; nothing was sent` +
        (config.insights?.tell ? "" : ", and nothing will be while insights.tell is null"),
  );
}

/** The calls of a week, by what was named before. Whoever is named is asked for at once: a few questions, whatever their number. */
export async function weeklyMessages(
  sql: Queryable,
  insights: readonly Insight[],
  { config, at, now, onlyMentor }: ShownWeek,
): Promise<WeeklyMessage[]> {
  const { source: { name: source }, notify, students } = config;
  const tell = config.insights?.tell ?? { weekday: 1, at: 0, most: NAMING.most };
  const day = Temporal.PlainDate.from(at.day).add({ days: 1 }).toString();
  const all = await whomToCall(sql, { source, day, judgedDay: at.day, now }, insights, { tell, notify, students });
  const namings = all.filter(({ mentor }) => onlyMentor === null || mentor === onlyMentor);
  const ids = [...new Set(namings.map(({ student }) => student))];
  const facts = await readNamingFacts(sql, source, namings, {
    people: new Map((await namesOfPeople(sql, source, "student", ids)).map((row) => [row.id, row])),
    timezone: at.timezone,
    names: config.format?.names ?? "full",
    at,
  });
  return [...Map.groupBy(namings, ({ mentor }) => mentor)].map(([mentor, own]) => ({
    mentor,
    content: weeklyMessage({ calls: own.map(facts.call), came: [], asOf: at.day, ref: null }),
  }));
}
