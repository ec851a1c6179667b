import {
  deliveryStats,
  eventStats,
  leaseStats,
  pollStats,
  quarantineStats,
  streamStats,
} from "../../sql/state/stats.ts";
import { lastRetentions } from "../../sql/state/retention.ts";
import { parseRetention } from "../privacy/retention.ts";
import { measuredPasses } from "../poll/pass_schedule.ts";
import { describePeriod } from "../poll/pass_policy.ts";
import { describeHolder } from "../poll/holder.ts";
import { toInstant } from "../model/time.ts";
import type { StateDb } from "../state/state_db.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import type { StatsOptions } from "./command_options.ts";
import { isExportTurn } from "./export_turn.ts";
import { sourceNames } from "../../sql/state/sources.ts";
import { readPauses } from "../tell/pauses.ts";
import { OpenParts } from "./open_parts.ts";
import { ownKeyOutput } from "./state_key_store.ts";
import { printDays, readDays } from "./stats_days.ts";

/** What the state database holds, in counts; no names, no titles. */
export async function readStats(db: StateDb, text: (time: Temporal.Instant | null) => string | null) {
  const { sql } = db;
  const [streams, passes, events, deliveries, polls, quarantine, leases, retentions] = await Promise.all([
    streamStats(sql),
    measuredPasses(db),
    eventStats(sql),
    deliveryStats(sql),
    pollStats(sql),
    quarantineStats(sql),
    leaseStats(sql),
    lastRetentions(sql),
  ]);
  return {
    streams: streams.map((s) => ({
      source: s.source,
      kind: s.kind,
      rows: Number(s.rows),
      open: Number(s.open),
      quarantined: Number(s.quarantined),
      first_contact_completed_at: text(s.first_contact_completed_at),
      last_full_pass_at: text(s.last_full_pass_at),
      log_overtaken: s.log_overtaken,
    })),
    full_passes: passes.map(({ source, costMs, periodMs }) => ({
      source,
      comes: describePeriod(periodMs),
      period_s: Math.round(periodMs / 100) / 10,
      cost_ms: Math.round(costMs),
    })),
    events: events.map((e) => ({
      source: e.source,
      event_type: e.event_type,
      events: Number(e.events),
      not_told: Number(e.suppressed),
      unprocessed: Number(e.unprocessed),
    })),
    deliveries: deliveries.map((d) => ({
      source: d.source,
      status: d.status,
      reason: d.reason,
      deliveries: Number(d.deliveries),
      oldest_at: text(d.oldest_at),
      next_at: text(d.next_at),
    })),
    polls: polls.map((p) => ({
      poll_id: Number(p.poll_id),
      source: p.source,
      mode: p.mode,
      status: p.status,
      delivery: p.delivery,
      delivery_reason: p.delivery_reason,
      started_at: text(p.started_at),
      finished_at: text(p.finished_at),
      events: Number(p.events),
      unreadable_texts: Number(p.unreadable_texts),
      error: p.error,
    })),
    quarantine: quarantine.map((q) => ({
      source: q.source,
      kind: q.kind,
      reason: q.reason,
      rows: Number(q.rows),
      example_row: q.example,
      first_seen_at: text(q.first_seen),
    })),
    retention: retentions.flatMap(({ source, value }) => {
      const last = parseRetention(JSON.parse(value));
      if (last === null) return [];
      const { at, events, message_texts, acts } = last;
      return [{ source, at: text(toInstant(at)), events, message_texts, acts }];
    }),
    pollers: leases.filter(({ source, valid }) => valid && !isExportTurn(source)).map((lease) => ({
      source: lease.source,
      holder: describeHolder(lease.holder),
      lease_until: text(lease.expires_at),
    })),
  };
}

/** For people: to the second. */
const plainTime = (time: Temporal.Instant | null) => time?.round({ smallestUnit: "second" }).toString() ?? null;

/** `stats`: tables for people, or one JSON object. */
export async function runStats(context: CommandContext, options: StatsOptions): Promise<void> {
  await using parts = new OpenParts(context.config);
  const db = await parts.state({ dryRun: true });
  await using out = ownKeyOutput(context.out, db);
  const { period, json } = options;
  if (period !== null) {
    const days = await readDays(db, period, context.clock.now());
    if (!json) return await printDays(out, days);
    const between = { since_at: jsonTime(period.since), until_at: jsonTime(period.until), zone: period.zone };
    return out.writeJson(commandJson("stats", { ...between, ...days }));
  }
  const stats = {
    ...await readStats(db, json ? jsonTime : plainTime),
    pauses: (await readEveryPause(db, context)).map(({ source, ...pause }) => ({
      source,
      scope: pause.scope,
      id: pause.subjectId === null ? null : json ? BigInt(pause.subjectId) : pause.subjectId,
      since_at: (json ? jsonTime : plainTime)(toInstant(pause.since)),
      until_at: pause.until === null ? null : (json ? jsonTime : plainTime)(toInstant(pause.until)),
      reason: pause.reason,
    })),
  };
  if (options.json) return out.writeJson(commandJson("stats", stats));
  for (const [title, rows] of Object.entries(stats)) {
    const first = rows[0];
    out.writeLine(`${title}${first === undefined ? ": none" : ""}`);
    if (first === undefined) continue;
    const cells = rows.map((row) =>
      Object.values(row).map((cell: string | number | bigint | null) =>
        typeof cell === "bigint" ? String(cell) : cell ?? "-"
      )
    );
    await out.table(Object.keys(first), cells);
    out.writeLine();
  }
}

/** A pause is one source's, as everything else here is. */
async function readEveryPause(db: StateDb, { config, clock }: CommandContext) {
  const sources = new Set([...(await sourceNames(db.sql)).map(({ source }) => source), config.source.name]);
  const pauses = await Promise.all(
    [...sources].map(async (source) =>
      (await readPauses({ db, source }, clock.now())).map((pause) => ({ ...pause, source }))
    ),
  );
  return pauses.flat();
}
