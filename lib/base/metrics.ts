import { Counter, Gauge, Histogram, Registry } from "prom-client";

/**
 * What a Prometheus can scrape. Base units, counters end in _total, and no label ever names a student, mentor or recipient.
 * Each process has its own registry: several watchers are several targets.
 */
export function createMetrics(version: string) {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: "lmsmon_build_info", help: "1; the version is the label", labelNames: ["version"], registers })
    .set({ version }, 1);
  return {
    registry,
    leading: new Gauge({ name: "lmsmon_leading", help: "1 while this process polls the source", registers }),
    polls: new Counter({
      name: "lmsmon_polls_total",
      help: "Polls by mode and result",
      labelNames: ["mode", "result"],
      registers,
    }),
    pollSeconds: new Histogram({
      name: "lmsmon_poll_duration_seconds",
      help: "How long polls took",
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300],
      registers,
    }),
    lastPoll: new Gauge({
      name: "lmsmon_last_successful_poll_timestamp_seconds",
      help: "When the last poll ended well; alert on its age",
      registers,
    }),
    rowsRead: new Counter({ name: "lmsmon_rows_read_total", help: "LMS rows looked at one by one", registers }),
    quarantined: new Gauge({
      name: "lmsmon_quarantined_rows",
      help: "Rows of the last poll that could not be judged",
      registers,
    }),
    unreadableTexts: new Gauge({
      name: "lmsmon_unreadable_text_rows",
      help: "Rows of the last poll with text that is not in the LMS's encoding",
      registers,
    }),
    events: new Counter({
      name: "lmsmon_events_total",
      help: "Events stored, by type",
      labelNames: ["type"],
      registers,
    }),
    heldPolls: new Counter({ name: "lmsmon_held_polls_total", help: "Polls whose messages the fuse held", registers }),
    messages: new Counter({
      name: "lmsmon_messages_total",
      help: "Zulip messages by result",
      labelNames: ["result"],
      registers,
    }),
    waiting: new Gauge({
      name: "lmsmon_waiting_deliveries",
      help: "Deliveries that wait for a time, by reason: gathering, quiet, digest, rate, no_account, …",
      labelNames: ["reason"],
      registers,
    }),
    circuitOpen: new Gauge({
      name: "lmsmon_zulip_circuit_open",
      help: "1 while delivery pauses because of Zulip",
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
